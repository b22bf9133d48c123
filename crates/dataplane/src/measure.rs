//! What the labels of figures are taken from, and figures that need more than one line to be taken.
//!
//! Only names of the configuration and of the specification come out of here; nothing that a client or a server chose.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_gateway_core::config::Server;
use mcp_gateway_core::config::telemetry::MetricsSettings;
use mcp_gateway_core::routing::ServerRoute;
use mcp_gateway_telemetry::metrics::{Metrics, MetricsOptions, Peer, Session, SessionEnd};
use mcp_gateway_telemetry::{Span, Status};

use crate::clock::Clock;
use crate::session::{ServerSession, SessionFacts, UpstreamSession};
use crate::snapshot::Snapshots;
use crate::store::{Removal, RemovalListener};

/// `error.type` of a session that its server no longer knew.
pub(crate) const SESSION_LOST: &str = "session_lost";
/// `error.type` of a session that the gateway forgot because its store was full.
const STORE_FULL: &str = "store_full";

/// Makes the figures of a gateway as its configuration wants them; `telemetry` is shown beside them.
pub fn metrics(telemetry: Status, settings: &MetricsSettings) -> Metrics {
    let options = MetricsOptions { enabled: settings.enabled, series_max: settings.series_max };
    Metrics::with_options(telemetry, options)
}

/// A server, as the figures of requests to it name it.
pub(crate) fn peer(route: &ServerRoute) -> Peer {
    Peer { name: Arc::clone(&route.label), address: Arc::clone(&route.address), port: route.port }
}

/// A gateway session, as the figures of sessions count it.
pub(crate) fn session(facts: &SessionFacts) -> Session {
    Session {
        opened_at: facts.opened_at.as_secs(),
        expires_at: facts.expires_at.as_secs(),
        protocol_version: facts.protocol_version.as_str(),
    }
}

/// The same of a server's configuration.
pub(crate) fn peer_of(server: &Server, name: &Arc<str>) -> Peer {
    let address = server.url.host_str().unwrap_or_default().into();
    let port = server.url.port_or_known_default().unwrap_or_default();
    Peer { name: Arc::clone(name), address, port }
}

/// Takes down that a session with a server has ended at `now`, since the Unix epoch; `error` is the value of `error.type`.
pub(crate) fn session_ended(
    metrics: &Metrics,
    peer: Peer,
    session: &UpstreamSession,
    (now, error): (Duration, Option<&'static str>),
) {
    let end = SessionEnd { protocol_version: session.protocol_version.as_str(), error };
    metrics.client_session(peer, end, session.age(now));
}

/// Takes down the sessions with servers that end by themselves or with the session of their client.
#[derive(Clone)]
pub(crate) struct EndedSessions {
    metrics: Metrics,
    snapshots: Snapshots,
    clock: Clock,
}

impl EndedSessions {
    pub(crate) fn new(metrics: &Metrics, snapshots: &Snapshots, clock: &Clock) -> Self {
        Self { metrics: metrics.clone(), snapshots: snapshots.clone(), clock: clock.clone() }
    }

    /// Takes down a session that is being closed.
    pub(crate) fn closed(&self, ended: &ServerSession) {
        self.take_down(ended, Duration::ZERO, None);
    }

    /// Takes down the sessions that a store removes by itself.
    pub(crate) fn listener(&self) -> RemovalListener {
        let this = self.clone();
        Box::new(move |key, value, why| {
            if !this.metrics.is_on() {
                return;
            }
            if let Some(ended) = ServerSession::from_entry(key, value) {
                match why {
                    Removal::Expired(over) => this.take_down(&ended, over, None),
                    Removal::Evicted => this.take_down(&ended, Duration::ZERO, Some(STORE_FULL)),
                }
            }
        })
    }

    /// A session that ended `over` ago; one with a server that is no longer configured has no series.
    fn take_down(&self, ended: &ServerSession, over: Duration, error: Option<&'static str>) {
        if let Some(route) = self.snapshots.current().server(&ended.server) {
            let at = self.clock.unix().saturating_sub(over);
            session_ended(&self.metrics, peer(route), &ended.session, (at, error));
        }
    }
}

/// A session being opened with a server. Whoever drops it before its end has given up waiting.
pub(crate) struct Opening {
    metrics: Metrics,
    server: Arc<str>,
    span: Span,
    started: Option<Instant>,
    error: Option<&'static str>,
}

impl Opening {
    pub(crate) fn begin(metrics: Metrics, server: &ServerRoute, span: Span) -> Self {
        let (server, started) = (Arc::clone(&server.label), metrics.now());
        Self { metrics, server, span, started, error: Some("session_init_timeout") }
    }

    /// Takes down how it ended: `error` is the value of `error.type`.
    pub(crate) fn end(mut self, error: Option<&'static str>) {
        self.error = error;
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let duration = self.started.map(|started| started.elapsed());
        self.metrics.session_init(&self.server, self.error, duration, || self.span.exemplar());
    }
}
