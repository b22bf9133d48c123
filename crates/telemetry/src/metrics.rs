//! The metrics of the gateway: observed on the request path, shown to Prometheus, sent over OTLP.
//!
//! One [`Metrics`] per process holds every instrument; rooms get a clone and call one method per observation, which takes
//! no lock for itself and allocates nothing unless the series is new. Switched off, it is one branch. Labels have few
//! values: a caller passes names from the catalog only (`_OTHER` for what it does not know), and a metric that has as many
//! series as it may all the same puts the rest into one series named `_OTHER` and counts it.
//!
//! What the instruments say is gathered once and written twice: [`Metrics::encode`] makes the text for whoever scrapes,
//! [`MetricsReader`] the points for a receiver of OTLP. The metrics of the process and of telemetry itself are read then,
//! and are there also when nothing else is measured. No socket is opened here.

mod exemplar;
mod instrument;
mod instruments;
mod label;
mod openmetrics;
mod otlp;
mod point;
mod process;
mod reference;
mod report;
mod series;
mod session;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use self::exemplar::{Exemplar, ExemplarFilter};
use self::instruments::Instruments;
pub use self::label::{
    CacheResult, DiscoveryStatus, OTHER, Operation, Peer, Request, SessionEnd, other, rpc_code,
};
use self::label::{
    Discovery, Limit, NoLabels, PeerOperation, PeerSession, ServerName, SessionInit,
};
pub use self::openmetrics::TextFormat;
pub use self::otlp::{MetricsReader, Temporality, data_points};
use self::point::{Family, integer, unix_nanos};
pub use self::reference::reference;
pub use self::series::SERIES_MAX;
pub use self::session::Session;
use crate::name::metric as name;
use crate::shared::Shared;
use crate::status::Status;

/// Every instrument of the process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Absent when nothing is measured.
    instruments: Option<Shared<Instruments>>,
    telemetry: Status,
    /// When counting began, in nanoseconds since the Unix epoch.
    since: u64,
}

/// What is measured, and how much of it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsOptions {
    /// Whether requests, sessions and servers are measured at all.
    pub enabled: bool,
    /// Most series of one metric; the next ones are counted together as `_OTHER`.
    pub series_max: usize,
}

impl Default for MetricsOptions {
    fn default() -> Self {
        Self { enabled: true, series_max: SERIES_MAX }
    }
}

impl Metrics {
    /// Makes the instruments. `telemetry` is what the gateway says about its own telemetry, in the same places.
    pub fn new(telemetry: Status) -> Self {
        Self::with_options(telemetry, MetricsOptions::default())
    }

    /// As [`Metrics::new`], with other options than the default ones.
    pub fn with_options(telemetry: Status, options: MetricsOptions) -> Self {
        let wanted = options.enabled.then(|| Instruments::new(options.series_max));
        Self(Arc::new(Inner {
            instruments: wanted.and_then(Shared::new),
            telemetry,
            since: unix_nanos(SystemTime::now()),
        }))
    }

    /// Says whether anything is measured. Whoever reads a clock for an observation asks first.
    pub fn is_on(&self) -> bool {
        self.0.instruments.is_some()
    }

    /// Returns the time for a duration to be observed later; nothing, and no look at the clock, when nothing is measured.
    pub fn now(&self) -> Option<Instant> {
        self.is_on().then(Instant::now)
    }

    /// Counts one round of discovery with a server, and its time.
    pub fn discovery(&self, server: &Arc<str>, status: DiscoveryStatus, duration: Duration) {
        let Some(it) = &self.0.instruments else { return };
        it.discovery.with(Discovery(Arc::clone(server), status), instrument::Counter::inc);
        it.discovery_duration
            .with(ServerName(Arc::clone(server)), |histogram| histogram.observe(duration, None));
    }

    /// Says how many tools a server offers.
    pub fn tools_discovered(&self, server: &Arc<str>, tools: usize) {
        let Some(it) = &self.0.instruments else { return };
        it.tools_discovered.with(ServerName(Arc::clone(server)), |gauge| gauge.set(signed(tools)));
    }

    /// Says how long the list of tools is as a server sent it, in bytes.
    pub fn tools_list_bytes(&self, server: &Arc<str>, bytes: usize) {
        let Some(it) = &self.0.instruments else { return };
        it.tools_list_bytes.with(ServerName(Arc::clone(server)), |gauge| gauge.set(signed(bytes)));
    }

    /// Counts a connection to a server that failed.
    pub fn connection_failed(&self, server: &Arc<str>) {
        let Some(it) = &self.0.instruments else { return };
        it.connection_failures.with(ServerName(Arc::clone(server)), instrument::Counter::inc);
    }

    /// Removes every series of a server that is no longer configured.
    pub fn remove_server(&self, server: &str) {
        if let Some(it) = &self.0.instruments {
            it.remove_server(server);
        }
    }

    /// Counts a request that the router has seen to its end.
    pub fn request(&self, request: Request) {
        let Some(it) = &self.0.instruments else { return };
        it.requests.with(request.into(), instrument::Counter::inc);
    }

    /// Observes a message that the gateway answered after `duration` since [`Metrics::now`]. `exemplar` is
    /// [`crate::Span::exemplar`] of its span, asked for only when it is wanted.
    pub fn server_operation(
        &self,
        operation: Operation,
        duration: Option<Duration>,
        exemplar: impl FnOnce() -> Option<Exemplar>,
    ) {
        let (Some(it), Some(duration)) = (&self.0.instruments, duration) else { return };
        let exemplar = self.kept(exemplar);
        it.server_operation.with(operation, |histogram| histogram.observe(duration, exemplar));
    }

    /// Observes a message that a server answered, likewise; `exemplar` is that of the CLIENT span.
    pub fn client_operation(
        &self,
        peer: Peer,
        operation: Operation,
        duration: Option<Duration>,
        exemplar: impl FnOnce() -> Option<Exemplar>,
    ) {
        let (Some(it), Some(duration)) = (&self.0.instruments, duration) else { return };
        let exemplar = self.kept(exemplar);
        it.client_operation.with(PeerOperation(peer, operation), |histogram| {
            histogram.observe(duration, exemplar);
        });
    }

    /// Observes that a session with a server was opened for a client, or why it was not (`error.type`).
    pub fn session_init(
        &self,
        server: &Arc<str>,
        error: Option<&'static str>,
        duration: Option<Duration>,
        exemplar: impl FnOnce() -> Option<Exemplar>,
    ) {
        let (Some(it), Some(duration)) = (&self.0.instruments, duration) else { return };
        let exemplar = self.kept(exemplar);
        it.session_init.with(SessionInit(Arc::clone(server), error), |histogram| {
            histogram.observe(duration, exemplar);
        });
    }

    /// Counts a gateway session that was opened.
    pub fn session_opened(&self, session: Session) {
        let Some(it) = &self.0.instruments else { return };
        it.sessions_opened.with(NoLabels, instrument::Counter::inc);
        it.expire(session.opened_at); // also when nobody ever looks
        it.sessions.open(session);
    }

    /// Counts a gateway session that its client ended at `now`, since the Unix epoch.
    pub fn session_ended(&self, session: Session, now: Duration) {
        let Some(it) = &self.0.instruments else { return };
        it.sessions_ended.with(NoLabels, instrument::Counter::inc);
        it.sessions.end(session);
        let labels = SessionEnd { protocol_version: session.protocol_version, error: None };
        it.server_session.with(labels, |histogram| histogram.observe(session.age(now), None));
    }

    /// Observes a session with a server that has ended after `duration`.
    pub fn client_session(&self, peer: Peer, end: SessionEnd, duration: Duration) {
        let Some(it) = &self.0.instruments else { return };
        it.client_session
            .with(PeerSession(peer, end), |histogram| histogram.observe(duration, None));
    }

    /// Counts an event stream in.
    pub fn stream_opened(&self) {
        let Some(it) = &self.0.instruments else { return };
        it.streams_open.with(NoLabels, |gauge| gauge.add(1));
    }

    /// Counts an event stream out.
    pub fn stream_closed(&self) {
        let Some(it) = &self.0.instruments else { return };
        it.streams_open.with(NoLabels, |gauge| gauge.add(-1));
    }

    /// Counts one look into the cache of sessions with servers.
    pub fn session_cache(&self, result: CacheResult) {
        let Some(it) = &self.0.instruments else { return };
        it.cache.with(result, instrument::Counter::inc);
    }

    /// Counts that a bound was reached. `limit` is its name in the configuration or in the code: `sessions_max`.
    pub fn limit_reached(&self, limit: &'static str) {
        let Some(it) = &self.0.instruments else { return };
        it.limits.with(Limit(limit), instrument::Counter::inc);
    }

    /// Makes the text of everything in OpenMetrics.
    pub fn encode(&self) -> String {
        self.encode_as(TextFormat::OpenMetrics)
    }

    /// Makes the text of everything.
    pub fn encode_as(&self, format: TextFormat) -> String {
        openmetrics::write(&self.gather(), self.0.telemetry.resource(), format)
    }

    /// Makes a reader for a receiver of OTLP.
    pub fn reader(&self, temporality: Temporality) -> MetricsReader {
        MetricsReader::new(self.clone(), temporality)
    }

    /// Everything as it is now.
    fn gather(&self) -> Vec<Family> {
        let Inner { instruments, telemetry, since, .. } = &*self.0;
        let mut families = Vec::new();
        if let Some(instruments) = instruments {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            families = instruments.gather(now.as_secs(), *since);
        }
        let enabled = integer(u8::from(instruments.is_some()));
        families.push(Family::single(&name::METRICS_ENABLED, *since, enabled));
        families.extend(report::gather(telemetry, *since));
        families.extend(process::gather(*since));
        families
    }

    fn kept(&self, exemplar: impl FnOnce() -> Option<Exemplar>) -> Option<Exemplar> {
        match self.0.telemetry.exemplars() {
            ExemplarFilter::AlwaysOff => None,
            filter @ (ExemplarFilter::AlwaysOn | ExemplarFilter::TraceBased) => {
                exemplar().filter(|exemplar| filter.keeps(exemplar))
            }
        }
    }
}

/// The value of a gauge; sizes beyond `i64` do not occur.
fn signed(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
