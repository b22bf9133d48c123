//! What the labels of figures are taken from, and figures that need more than one line to be taken.
//!
//! Only names of the configuration and of the specification come out of here; nothing that a client or a server chose.

use std::sync::Arc;
use std::time::Instant;

use mcp_gateway_core::config::telemetry::MetricsSettings;
use mcp_gateway_core::routing::ServerRoute;
use mcp_gateway_telemetry::metrics::{Metrics, MetricsOptions, Peer, Session};
use mcp_gateway_telemetry::{Span, Status};

use crate::session::SessionFacts;

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
