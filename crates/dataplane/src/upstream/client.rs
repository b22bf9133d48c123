//! The gateway as the MCP client of one server: how a request is addressed, what headers it carries, what statuses mean.
//!
//! Holds no session and no list; those belong to its callers (the managers, and the sessions of clients). What a
//! request says is in `exchange`, `initialize`, `list` and `watch`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use http::{Method, Request, Response, StatusCode, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use mcp_gateway_core::config::{Limits, Secret, Server};
use mcp_gateway_core::header::{
    MCP_INIT_HOST, MCP_PROTOCOL_VERSION, MCP_SESSION_ID, ROUTER_KEY, TRACEPARENT, TRACESTATE,
    X_MCP_ERROR_SOURCE,
};
use mcp_gateway_telemetry::TraceHeaders;
use mcp_gateway_telemetry::name::error_source;
use tokio::time::Instant;

use super::error::{RpcError, UpstreamError};
use super::fault::ServerFault;
use super::media::{self, Media};
use super::message::{self, Received};
use crate::http::body::read_all;
use crate::http::client::HttpClient;
use crate::session::{RoutingTokens, UpstreamSession};

/// How the gateway names itself to servers.
pub(super) const CLIENT_NAME: &str = "mcp-gateway";
/// The version that goes with [`CLIENT_NAME`].
pub(super) const CLIENT_VERSION: &str = env!("CARGO_PKG_VERSION");

const USER_AGENT_VALUE: HeaderValue =
    HeaderValue::from_static(concat!("mcp-gateway/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const JSON_OR_STREAM: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
/// How much of the body of an error status is read, to find a JSON-RPC error in it.
const ERROR_BODY_BYTES_MAX: usize = 64 * 1024;

/// The way to a server.
#[derive(Clone)]
pub enum Via {
    /// Straight to the server's URL, with the server's credential.
    Direct(HttpClient),
    /// Through Envoy, so that the policies on the server's route judge the request. No credential of the gateway goes
    /// along: whom the request is for is in the client's headers.
    Envoy {
        /// The client whose connections all go to Envoy.
        http: HttpClient,
        /// The scheme that Envoy listens with: `http` or `https`.
        scheme: String,
        /// Makes the tokens by which the router knows a request of the gateway.
        tokens: RoutingTokens,
    },
}

/// A client of one server. Cloning is cheap.
#[derive(Clone)]
pub struct ServerClient {
    inner: Arc<Inner>,
}

struct Inner {
    server: Arc<Server>,
    via: Via,
    /// The absolute URI of every request; its authority is the `Host`.
    target: String,
    limits: Limits,
    next_id: AtomicU64,
}

/// What stands beside the message of one request.
#[derive(Clone, Copy)]
pub(super) struct Envelope<'a> {
    /// The session that it belongs to; `None` for `initialize`.
    pub(super) session: Option<&'a UpstreamSession>,
    /// Headers of the client on whose behalf it is sent, already filtered.
    pub(super) headers: Option<&'a HeaderMap>,
    /// The trace that it belongs to.
    pub(super) trace: Option<&'a TraceHeaders>,
    /// When the exchange must be over.
    pub(super) deadline: Instant,
}

/// How HTTP went with a request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered {
    /// The status.
    pub status: StatusCode,
    /// The version of HTTP of whoever is at the other end: the server, or Envoy.
    pub version: Version,
}

impl Answered {
    pub(super) fn of<T>(answer: &Response<T>) -> Self {
        Self { status: answer.status(), version: answer.version() }
    }
}

impl ServerClient {
    /// Makes a client of `server`; nothing is sent. `limits` bound what its answers may be.
    ///
    /// Through Envoy the server's `hostname` is the authority of every request; the configuration guarantees it there.
    pub fn new(server: Arc<Server>, via: Via, limits: Limits) -> Self {
        let target = target(&server, &via);
        let next_id = AtomicU64::new(1);
        Self { inner: Arc::new(Inner { server, via, target, limits, next_id }) }
    }

    /// The server.
    pub fn server(&self) -> &Arc<Server> {
        &self.inner.server
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// A request id that this client has not used before.
    pub(super) fn next_id(&self) -> u64 {
        self.inner.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends one message and returns the head of the answer, which has a 2xx status.
    pub(super) async fn post(
        &self,
        message: Vec<u8>,
        envelope: &Envelope<'_>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let mut request = self.request(Method::POST, message.into(), envelope)?;
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        let answer = self.send(request, envelope).await?;
        self.told_by_router(&answer)?;
        if matches!(self.inner.via, Via::Envoy { .. }) && is_refused_by_policy(&answer) {
            return Err(UpstreamError::Policy { status: answer.status() });
        }
        accepted(answer, envelope).await
    }

    /// Refuses an answer that Envoy made up in place of the server's.
    pub(super) fn told_by_router<T>(&self, answer: &Response<T>) -> Result<(), UpstreamError> {
        match (&self.inner.via, ServerFault::told_by_router(answer.headers())) {
            (Via::Envoy { .. }, Some(fault)) => Err(UpstreamError::ThroughEnvoy(fault)),
            (Via::Envoy { .. }, None) | (Via::Direct(_), _) => Ok(()),
        }
    }

    /// Sends a request and returns the head of the answer, whatever its status.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        envelope: &Envelope<'_>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let http = match &self.inner.via {
            Via::Direct(http) | Via::Envoy { http, .. } => http,
        };
        let within = envelope.deadline.saturating_duration_since(Instant::now());
        http.send(request, within).await.map_err(UpstreamError::Http)
    }

    /// Writes a request with every header but those of its body.
    pub(super) fn request(
        &self,
        method: Method,
        body: Bytes,
        envelope: &Envelope<'_>,
    ) -> Result<Request<Full<Bytes>>, UpstreamError> {
        let mut request = Request::builder()
            .method(method)
            .uri(self.inner.target.as_str())
            .body(Full::new(body))
            .map_err(UpstreamError::InvalidRequest)?;
        let headers = request.headers_mut();
        if let Some(forwarded) = envelope.headers {
            *headers = forwarded.clone();
        }
        headers.insert(USER_AGENT, USER_AGENT_VALUE);
        headers.insert(ACCEPT, JSON_OR_STREAM);
        if let Some(session) = envelope.session {
            put(headers, MCP_PROTOCOL_VERSION, session.protocol_version.as_str())?;
            if let Some(id) = &session.session_id {
                headers.insert(MCP_SESSION_ID, id.header_value());
            }
        }
        if let Some(trace) = envelope.trace {
            put(headers, TRACEPARENT, &trace.traceparent)?;
            match &trace.tracestate {
                Some(tracestate) => put(headers, TRACESTATE, tracestate)?,
                // The client's belongs to a context that is not this one.
                None => drop(headers.remove(TRACESTATE)),
            }
        }
        self.authorise(headers)?;
        Ok(request)
    }

    fn authorise(&self, headers: &mut HeaderMap) -> Result<(), UpstreamError> {
        match &self.inner.via {
            Via::Direct(_) => {
                if let Some(credential) = &self.inner.server.credential {
                    headers.insert(AUTHORIZATION, secret(credential)?);
                }
            }
            Via::Envoy { tokens, .. } => {
                let hostname = self.inner.server.hostname.as_deref().unwrap_or_default();
                let token = tokens.mint(hostname).map_err(UpstreamError::RoutingToken)?;
                headers.insert(ROUTER_KEY, token.header_value());
                put(headers, MCP_INIT_HOST, hostname)?;
            }
        }
        Ok(())
    }
}

fn target(server: &Server, via: &Via) -> String {
    let path = &server.url[url::Position::BeforePath..url::Position::AfterQuery];
    let (scheme, authority) = match via {
        Via::Direct(_) => {
            (server.url.scheme(), &server.url[url::Position::BeforeHost..url::Position::AfterPort])
        }
        Via::Envoy { scheme, .. } => {
            (scheme.as_str(), server.hostname.as_deref().unwrap_or_default())
        }
    };
    format!("{scheme}://{authority}{path}")
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<(), UpstreamError> {
    let value = HeaderValue::from_str(value)
        .map_err(|error| UpstreamError::InvalidRequest(error.into()))?;
    headers.insert(HeaderName::from_static(name), value);
    Ok(())
}

fn secret(credential: &Secret) -> Result<HeaderValue, UpstreamError> {
    let mut value = HeaderValue::from_str(credential.expose())
        .map_err(|error| UpstreamError::InvalidRequest(error.into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Reads the router's word on a response that came through Envoy: a policy gave it. On responses of servers the router leaves
/// no such header.
fn is_refused_by_policy(answer: &Response<Incoming>) -> bool {
    let source = answer.headers().get(X_MCP_ERROR_SOURCE);
    !answer.status().is_success() && source.is_some_and(|source| source == error_source::CLIENT)
}

/// Lets answers with a 2xx status pass.
async fn accepted(
    answer: Response<Incoming>,
    envelope: &Envelope<'_>,
) -> Result<Response<Incoming>, UpstreamError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    if status.is_redirection() {
        return Err(UpstreamError::Redirect { status });
    }
    // The specification says 404; some servers say 400 for a session that they do not know.
    let session_statuses = [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST];
    if envelope.session.is_some() && session_statuses.contains(&status) {
        return Err(UpstreamError::SessionLost { status });
    }
    Err(UpstreamError::Status { status, error: error_in(answer, envelope).await.map(Box::new) })
}

/// The JSON-RPC error in the body of an error status, when there is one.
async fn error_in(answer: Response<Incoming>, envelope: &Envelope<'_>) -> Option<RpcError> {
    if !matches!(media::of(answer.headers()), Media::Json) {
        return None;
    }
    let body = read_all(answer.into_body(), ERROR_BODY_BYTES_MAX, envelope.deadline).await.ok()?;
    match message::read(&body) {
        Ok(Received::Error { error, .. }) => Some(error),
        Ok(Received::Result { .. } | Received::Request { .. } | Received::Notification { .. })
        | Err(_) => None,
    }
}
