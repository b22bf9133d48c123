//! DELETE: the client ends its session.

use http::Response;
use mcp_gateway_telemetry::Span;
use tracing::debug;

use crate::broker::Broker;
use crate::broker::body::Body;
use crate::broker::respond::{self, BrokerError};
use crate::measure;
use crate::session::SessionFacts;

/// Ends the session: its token is refused from now on, its streams end, its sessions with servers are closed in the
/// background.
pub(super) async fn answer(
    broker: &Broker,
    facts: &SessionFacts,
    span: &Span,
) -> Result<Response<Body>, BrokerError> {
    let inner = &broker.inner;
    if inner.session_closer.end(facts, span).await.map_err(BrokerError::Store)? {
        inner.metrics.session_ended(measure::session(facts), inner.session_tokens.now());
    }
    inner.streams.end_session(&facts.jti);
    debug!(mcp.session.id = facts.log_id(), "A client has ended its session.");
    Ok(respond::ended())
}
