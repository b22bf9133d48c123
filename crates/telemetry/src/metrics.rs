//! The metrics of the gateway, and their text for Prometheus.
//!
//! One [`Metrics`] per process holds every instrument; rooms get a clone and call one method per observation. Labels have
//! few values: a caller passes names from the catalog only (`_OTHER` for what it does not know), and a metric that has
//! [`SERIES_MAX`] series all the same puts the rest into one series named `_OTHER` and counts it.
//!
//! Nothing here reads a clock or opens a socket; [`Metrics::encode`] makes the text for whoever serves it.

mod label;
mod self_report;
mod series;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use self::label::{
    CacheLabels, DiscoveryLabels, LimitLabels, OperationLabels, ServerLabels, ServerOperationLabels,
};
pub use self::label::{CacheResult, DiscoveryStatus, Exemplar, OTHER, Operation};
use self::self_report::SelfReport;
pub use self::series::SERIES_MAX;
use self::series::{Overflow, Series};
use crate::name::metric as name;
use crate::status::Status;

/// The content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Buckets of operation durations in seconds, from the semantic conventions.
const OPERATION_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Buckets of one round of discovery in seconds: from a local server to one that uses up its deadlines.
const DISCOVERY_BUCKETS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Every instrument of the process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    discovery: Series<DiscoveryLabels, Counter>,
    discovery_duration: Series<ServerLabels, Histogram>,
    tools_discovered: Series<ServerLabels, Gauge>,
    connection_failures: Series<ServerLabels, Counter>,
    tools_list_bytes: Series<ServerLabels, Gauge>,
    server_operation: Series<OperationLabels, HistogramWithExemplars<Exemplar>>,
    client_operation: Series<ServerOperationLabels, HistogramWithExemplars<Exemplar>>,
    sessions_opened: Counter,
    sessions_ended: Counter,
    streams_open: Gauge,
    cache: Series<CacheLabels, Counter>,
    limits: Series<LimitLabels, Counter>,
}

impl Metrics {
    /// Makes the instruments. `telemetry` is what the gateway says about its own telemetry, in the same text.
    pub fn new(telemetry: Status) -> Self {
        let overflow = Overflow::default();
        let series = &overflow;
        let mut inner = Inner {
            registry: Registry::default(),
            discovery: Series::new(name::BROKER_DISCOVERY, series, Counter::default),
            discovery_duration: Series::new(name::BROKER_DISCOVERY_DURATION, series, || {
                Histogram::new(DISCOVERY_BUCKETS)
            }),
            tools_discovered: Series::new(name::BROKER_TOOLS_DISCOVERED, series, Gauge::default),
            connection_failures: Series::new(
                name::BROKER_UPSTREAM_CONNECTION_FAILURES,
                series,
                Counter::default,
            ),
            tools_list_bytes: Series::new(name::BROKER_TOOLS_LIST_RESPONSE, series, Gauge::default),
            server_operation: Series::new(name::SERVER_OPERATION_DURATION, series, operation),
            client_operation: Series::new(name::CLIENT_OPERATION_DURATION, series, operation),
            sessions_opened: Counter::default(),
            sessions_ended: Counter::default(),
            streams_open: Gauge::default(),
            cache: Series::new(name::SESSION_CACHE_LOOKUPS, series, Counter::default),
            limits: Series::new(name::LIMIT_REACHED, series, Counter::default),
        };
        inner.register(overflow);
        inner.registry.register_collector(Box::new(SelfReport::new(telemetry)));
        Self(Arc::new(inner))
    }

    /// Counts one round of discovery with a server, and its time.
    pub fn discovery(&self, server: &Arc<str>, status: DiscoveryStatus, duration: Duration) {
        let labels = DiscoveryLabels { server_name: Arc::clone(server), status };
        self.0.discovery.with(labels, Counter::inc);
        let observe = |histogram: &Histogram| histogram.observe(duration.as_secs_f64());
        self.0.discovery_duration.with(ServerLabels::new(server), observe);
    }

    /// Says how many tools a server offers.
    pub fn tools_discovered(&self, server: &Arc<str>, tools: usize) {
        self.0.tools_discovered.with(ServerLabels::new(server), |gauge| gauge.set(integer(tools)));
    }

    /// Says how long the list of tools is as a server sent it, in bytes.
    pub fn tools_list_bytes(&self, server: &Arc<str>, bytes: usize) {
        self.0.tools_list_bytes.with(ServerLabels::new(server), |gauge| gauge.set(integer(bytes)));
    }

    /// Counts a connection to a server that failed.
    pub fn connection_failed(&self, server: &Arc<str>) {
        self.0.connection_failures.with(ServerLabels::new(server), Counter::inc);
    }

    /// Removes every series of a server that is no longer configured.
    pub fn remove_server(&self, server: &str) {
        let inner = &self.0;
        inner.discovery.retain(|labels| &*labels.server_name != server);
        inner.discovery_duration.retain(|labels| !labels.is(server));
        inner.tools_discovered.retain(|labels| !labels.is(server));
        inner.connection_failures.retain(|labels| !labels.is(server));
        inner.tools_list_bytes.retain(|labels| !labels.is(server));
        inner.client_operation.retain(|labels| !labels.is(server));
    }

    /// Observes a message that the gateway answered. `exemplar` is [`crate::Span::exemplar`] of its span.
    pub fn server_operation(
        &self,
        operation: Operation,
        duration: Duration,
        exemplar: Option<Exemplar>,
    ) {
        self.0.server_operation.with(OperationLabels::new(operation), |histogram| {
            histogram.observe(duration.as_secs_f64(), exemplar, None);
        });
    }

    /// Observes a message that a server answered. `exemplar` is [`crate::Span::exemplar`] of the CLIENT span.
    pub fn client_operation(
        &self,
        server: &Arc<str>,
        operation: Operation,
        duration: Duration,
        exemplar: Option<Exemplar>,
    ) {
        self.0.client_operation.with(ServerOperationLabels::new(server, operation), |histogram| {
            histogram.observe(duration.as_secs_f64(), exemplar, None);
        });
    }

    /// Counts a gateway session that was opened.
    pub fn session_opened(&self) {
        self.0.sessions_opened.inc();
    }

    /// Counts a gateway session that its client ended.
    pub fn session_ended(&self) {
        self.0.sessions_ended.inc();
    }

    /// Counts an event stream in.
    pub fn stream_opened(&self) {
        self.0.streams_open.inc();
    }

    /// Counts an event stream out.
    pub fn stream_closed(&self) {
        self.0.streams_open.dec();
    }

    /// Counts one look into the cache of sessions with servers.
    pub fn session_cache(&self, result: CacheResult) {
        self.0.cache.with(CacheLabels { result }, Counter::inc);
    }

    /// Counts that a bound was reached. `limit` is its name in the configuration or in the code: `sessions_max`.
    pub fn limit_reached(&self, limit: &'static str) {
        self.0.limits.with(LimitLabels { limit }, Counter::inc);
    }

    /// Makes the text of everything; its type is [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        if text::encode(&mut text, &self.0.registry).is_err() {
            // Only writing can fail, and a string takes everything.
            tracing::error!("Metrics could not be written as text.");
        }
        text
    }
}

impl Inner {
    fn register(&mut self, overflow: Overflow) {
        let registry = &mut self.registry;
        registry.register(
            name::BROKER_DISCOVERY,
            "Rounds of discovery with an MCP server, by outcome",
            self.discovery.clone(),
        );
        registry.register_with_unit(
            name::BROKER_DISCOVERY_DURATION,
            "Time of one round of discovery with an MCP server",
            Unit::Seconds,
            self.discovery_duration.clone(),
        );
        registry.register(
            name::BROKER_TOOLS_DISCOVERED,
            "Tools that an MCP server offers",
            self.tools_discovered.clone(),
        );
        registry.register(
            name::BROKER_UPSTREAM_CONNECTION_FAILURES,
            "Connections to an MCP server that failed",
            self.connection_failures.clone(),
        );
        registry.register_with_unit(
            name::BROKER_TOOLS_LIST_RESPONSE,
            "Size of the list of tools as an MCP server sent it",
            Unit::Bytes,
            self.tools_list_bytes.clone(),
        );
        self.register_operations();
        self.registry.register(
            name::SERIES_OVERFLOW,
            "Observations that went to the series _OTHER because their metric has too many series",
            overflow,
        );
    }

    fn register_operations(&mut self) {
        let registry = &mut self.registry;
        registry.register_with_unit(
            name::SERVER_OPERATION_DURATION,
            "Time of an MCP message from its arrival at the gateway to the end of its answer",
            Unit::Seconds,
            self.server_operation.clone(),
        );
        registry.register_with_unit(
            name::CLIENT_OPERATION_DURATION,
            "Time of an MCP message that the gateway sent to an MCP server, to the end of its answer",
            Unit::Seconds,
            self.client_operation.clone(),
        );
        registry.register(
            name::SESSIONS_OPENED,
            "Sessions that clients opened with the gateway",
            self.sessions_opened.clone(),
        );
        registry.register(
            name::SESSIONS_ENDED,
            "Sessions with the gateway that clients ended",
            self.sessions_ended.clone(),
        );
        registry.register(
            name::STREAMS_OPEN,
            "Event streams that clients have open",
            self.streams_open.clone(),
        );
        registry.register(
            name::SESSION_CACHE_LOOKUPS,
            "Looks into the cache of sessions with MCP servers, by result",
            self.cache.clone(),
        );
        registry.register(
            name::LIMIT_REACHED,
            "Times that a bound of the gateway was reached, by bound",
            self.limits.clone(),
        );
    }
}

fn operation() -> HistogramWithExemplars<Exemplar> {
    HistogramWithExemplars::new(OPERATION_BUCKETS.into_iter())
}

/// The value of a gauge; sizes beyond `i64` do not occur.
fn integer(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
