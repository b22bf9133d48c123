//! The broker: the MCP server that clients see for everything that is not one server's business.
//!
//! It opens and ends sessions, lists the tools of all servers, answers pings and tells clients when the list changes.
//! It never calls a tool: that is the router's way. Lists come from the current snapshot, sessions from `session`.
//! In standalone mode the front end hands requests over in process ([`Broker::handle`]); behind Envoy they come over
//! HTTP ([`Broker::app`]). Both have been through the router, which has checked host and origin.

mod body;
mod end;
mod http;
mod initialize;
mod message;
mod notify;
mod respond;
mod tools_list;
pub mod visibility;

use std::sync::Arc;

use ::http::{HeaderMap, Method, Response};
use mcp_gateway_core::jsonrpc::{Id, Kind, Message};
use mcp_gateway_core::mcp::method;
use mcp_gateway_core::routing::{Rejection, Visibility};
use mcp_gateway_telemetry::name::{attribute, span};
use mcp_gateway_telemetry::{Attributes, Metrics, Span, SpanKind, Tracer, Vocabulary};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use crate::broker::initialize::Initializer;
use crate::broker::notify::Streams;
use crate::broker::respond::BrokerError;
use crate::chain::Chain;
use crate::describe;
use crate::session::{SessionCloser, SessionError, SessionFacts, SessionTokens};
use crate::snapshot::Snapshots;

pub use body::Body;
pub use initialize::SERVER_NAME;
pub use notify::STREAMS_PER_SESSION_MAX;
pub use notify::stream::KEEP_ALIVE_INTERVAL;

/// Answers what concerns no single server. Cheap to clone.
#[derive(Clone)]
pub struct Broker {
    inner: Arc<Inner>,
}

struct Inner {
    snapshots: Snapshots,
    session_tokens: SessionTokens,
    session_closer: SessionCloser,
    tracer: Tracer,
    metrics: Metrics,
    initializer: Initializer,
    streams: Streams,
    shutdown: CancellationToken,
}

/// The parts that a [`Broker`] is built from.
pub struct BrokerDeps {
    /// The current lists.
    pub snapshots: Snapshots,
    /// Makes and verifies sessions.
    pub session_tokens: SessionTokens,
    /// Ends sessions, with everything that belongs to them.
    pub session_closer: SessionCloser,
    /// Spans of requests that come over HTTP.
    pub tracer: Tracer,
    /// Figures.
    pub metrics: Metrics,
    /// The version of the build, for `serverInfo`.
    pub version: String,
    /// What clients tell their model about the gateway, if anything.
    pub instructions: Option<String>,
    /// Streams that are open at once.
    pub streams_max: usize,
    /// Ends the open streams.
    pub shutdown: CancellationToken,
}

/// One request, parsed and verified.
#[derive(Clone, Copy)]
pub struct BrokerCall<'a> {
    /// The HTTP method.
    pub method: &'a Method,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// The message of a POST.
    pub message: Option<&'a Message<'a>>,
    /// The session that the request names; `None` when it names none.
    pub session: &'a Result<Option<SessionFacts>, SessionError>,
    /// What the request may see.
    pub visibility: &'a Visibility,
    /// The router's span of the same request.
    pub parent: &'a Span,
}

impl Broker {
    /// Builds the broker.
    pub fn new(deps: BrokerDeps) -> Self {
        let initializer = Initializer::new(
            deps.session_tokens.clone(),
            deps.metrics.clone(),
            &deps.version,
            deps.instructions.as_deref(),
        );
        let inner = Inner {
            snapshots: deps.snapshots,
            session_tokens: deps.session_tokens,
            session_closer: deps.session_closer,
            tracer: deps.tracer,
            streams: Streams::new(deps.streams_max, deps.metrics.clone()),
            metrics: deps.metrics,
            initializer,
            shutdown: deps.shutdown,
        };
        Self { inner: Arc::new(inner) }
    }

    /// Answers one request. Every answer to a message carries the id of that message.
    ///
    /// The body of a GET is an event stream, which ends when the client leaves, the session ends or the gateway stops.
    pub async fn handle(&self, call: BrokerCall<'_>) -> Response<Body> {
        let span =
            call.parent.child(span::BROKER_HANDLE_REQUEST, SpanKind::Internal, |attributes| {
                call.describe(attributes);
            });
        self.answer(&call, &span).await
    }

    /// How many event streams are open.
    pub fn streams_open(&self) -> usize {
        self.inner.streams.count()
    }

    /// Answers one request whose span has begun; the span ends with the answer.
    async fn answer(&self, call: &BrokerCall<'_>, span: &Span) -> Response<Body> {
        let id = call.message.and_then(caller_id);
        let result = span.instrument(message::answer(self, call, id.as_ref(), span)).await;
        finish((span, self.inner.tracer.vocabulary()), id.as_ref(), result)
    }
}

impl BrokerCall<'_> {
    /// What the span says of the request. `initialize` begins a session and so belongs to none yet.
    fn describe(&self, attributes: &mut Attributes) {
        attributes.put(attribute::HTTP_REQUEST_METHOD, self.method.as_str().to_owned());
        let name = self.message.map(Message::method).unwrap_or_default();
        if !name.is_empty() {
            attributes.put(attribute::MCP_METHOD_NAME, name.to_owned());
        }
        if let Some(id) = self.message.and_then(caller_id) {
            attributes.put(attribute::JSONRPC_REQUEST_ID, id.text().into_owned());
        }
        if let (Ok(Some(facts)), true) = (self.session, name != method::INITIALIZE) {
            attributes.put_shared(attribute::MCP_SESSION_ID, facts.jti.log_id());
        }
    }

    /// The session that the request needs.
    fn session(&self) -> Result<&SessionFacts, BrokerError> {
        let rejection = match self.session {
            Ok(Some(facts)) => return Ok(facts),
            Ok(None) => Rejection::SessionMissing,
            Err(SessionError::Invalid) => Rejection::SessionInvalid,
            Err(SessionError::Expired) => Rejection::SessionExpired,
            Err(SessionError::Ended) => Rejection::SessionEnded,
        };
        Err(rejection.into())
    }
}

/// The id that an answer to `message` carries. That of a response is one of ours: an answer with it would look to the
/// client like one to a request of its own.
fn caller_id(message: &Message<'_>) -> Option<Id> {
    match message.kind() {
        Kind::Request => message.id().map(Id::from_raw),
        Kind::Notification | Kind::Response | Kind::ErrorResponse => None,
    }
}

/// Turns the outcome into the response, and writes it on the span and into the log.
fn finish(
    (span, vocabulary): (&Span, Vocabulary),
    id: Option<&Id>,
    result: Result<Response<Body>, BrokerError>,
) -> Response<Body> {
    let response = result.unwrap_or_else(|refusal| {
        refusal.write(span);
        span.in_scope(|| log(&refusal));
        respond::error(&refusal, id)
    });
    span.set(|attributes| describe::http_status(attributes, vocabulary, response.status()));
    if let Body::Whole(_) = response.body() {
        span.end(); // a stream holds it until its own end
    }
    response
}

fn log(refusal: &BrokerError) {
    let reason = refusal.reason();
    if std::error::Error::source(refusal).is_some() {
        error!(error.type = reason, error = %Chain(refusal), "The broker failed.");
    } else {
        debug!(error.type = reason, "The broker refused a request: {refusal}.");
    }
}
