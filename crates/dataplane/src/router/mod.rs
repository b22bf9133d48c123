//! The one way of a client's request, shared by both front ends.
//!
//! A front end turns what it received into a [`RequestHead`], begins an [`Exchange`] with it and carries out what the
//! exchange says: [`Exchange::route`] for the request, [`Exchange::server_response`] and [`Exchange::answer`] for the
//! response of a server. The decisions themselves are pure functions of `core::routing`; here are the awaits around
//! them (sessions), the spans and the figures. No Envoy type and no socket of a client appears here.

mod access;
mod call;
mod caller;
mod capture;
mod exchange;
mod head;
mod phases;
mod record;
mod reply;
mod response;
mod sender;

use std::sync::Arc;

use http::HeaderMap;
use mcp_gateway_telemetry::{Metrics, RemoteContext, Tracer};

use crate::audit::AuditLog;
use crate::router::caller::ListedBaggage;
use crate::session::{RoutingTokens, SessionTokens, UpstreamSessions};
use crate::snapshot::Snapshots;
use crate::upstream::UpstreamError;

pub use access::ServerAccess;
pub use call::ServerCall;
pub use exchange::{BodyFault, Exchange, Step};
pub use head::RequestHead;
pub use reply::Reply;
pub use response::{AnswerCut, ResponseHead, ServerResponse, response_header_passes};

/// What every exchange works with. Cloning is cheap.
#[derive(Clone)]
pub struct Router {
    deps: Arc<RouterDeps>,
    audit: AuditLog,
    baggage: ListedBaggage,
}

/// The parts that a [`Router`] is built from.
pub struct RouterDeps {
    /// The current routing table.
    pub snapshots: Snapshots,
    /// Verifies the session tokens of clients.
    pub session_tokens: SessionTokens,
    /// Verifies the gateway's own requests through Envoy.
    pub routing_tokens: RoutingTokens,
    /// The sessions that this gateway holds with servers on behalf of clients.
    pub upstream_sessions: UpstreamSessions<UpstreamError>,
    /// Reaches servers.
    pub access: ServerAccess,
    /// Spans.
    pub tracer: Tracer,
    /// Figures.
    pub metrics: Metrics,
}

impl Router {
    /// Builds the router.
    pub fn new(deps: RouterDeps) -> Self {
        Self { deps: Arc::new(deps), audit: AuditLog::new(), baggage: ListedBaggage::default() }
    }

    /// Reads a trace context as the environment allows.
    pub fn extract(&self, headers: &HeaderMap) -> RemoteContext {
        self.deps.tracer.extract(headers)
    }
}
