//! The broker's endpoint behind Envoy: reads requests that the router has let pass, and hands them over.
//!
//! What the router knows of a request comes in headers that only it can set: what the request may see
//! (`x-mcp-visible`) and its trace context (`x-mcp-traceparent`, which Envoy's own tracing does not overwrite).

use std::sync::Arc;
use std::time::Duration;

use ::http::header::HOST;
use ::http::{HeaderMap, HeaderValue, Method};
use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use mcp_gateway_core::config::{Config, TrustMode};
use mcp_gateway_core::header::{X_MCP_TRACEPARENT, X_MCP_TRACESTATE};
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_core::routing::{Rejection, check_content_type, check_host_and_origin};
use mcp_gateway_telemetry::name::span;
use mcp_gateway_telemetry::{Facts, RemoteContext, Span, SpanKind};

use crate::broker::{Broker, BrokerCall, caller_id, finish, visibility};

/// How long a request's body may take. Envoy has it whole before it sends it on.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

impl Broker {
    /// The MCP endpoint, `/mcp` with and without a slash at its end.
    pub fn app(&self) -> Router {
        let broker = self.clone();
        let serve = move |request: Request| {
            let broker = broker.clone();
            async move { broker.serve(request).await }
        };
        Router::new().route("/mcp", any(serve.clone())).route("/mcp/", any(serve))
    }

    async fn serve(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let has_message = head.method == Method::POST;
        let config = Arc::clone(&self.inner.snapshots.current().config);
        let body = match check_sender(&config, &head.headers) {
            Ok(()) if has_message => read(body, config.limits.body_bytes_max).await,
            Ok(()) => Ok(Bytes::new()),
            Err(rejection) => Err(rejection),
        };
        let admitted = match &body {
            Ok(body) if has_message => admit(&head.headers, body).map(Some),
            Ok(_) => Ok(None),
            Err(rejection) => Err((rejection.clone(), None)),
        };
        let (parent, linked) = self.parent(&head.headers, config.telemetry.trust.ext_proc_listen);
        let call = BrokerCall {
            method: &head.method,
            headers: &head.headers,
            message: admitted.as_ref().ok().and_then(Option::as_ref),
            session: &self.inner.session_tokens.read(&head.headers).await,
            visibility: &visibility::decode(&head.headers),
            parent: &Span::off(),
        };
        let span = self.inner.tracer.start(
            span::BROKER_HANDLE_REQUEST,
            SpanKind::Internal,
            &parent,
            |attributes| call.describe(attributes),
        );
        span.link_remote(&linked);
        span.decide(&Facts { method: call.message.map(Message::method), ..Facts::default() });
        let response = match &admitted {
            Ok(_) => self.answer(&call, &span).await,
            Err((rejection, id)) => {
                let vocabulary = self.inner.tracer.vocabulary();
                finish((&span, vocabulary), id.as_ref(), Err(rejection.clone().into()))
            }
        };
        response.map(axum::body::Body::new)
    }

    /// The router's span. Without the router's own header the request did not come through it, or telemetry is off there;
    /// what Envoy or the caller say is the next best, as far as callers behind Envoy are trusted.
    ///
    /// Output: the parent and what is linked instead; either may be none.
    fn parent(&self, headers: &HeaderMap, trust: TrustMode) -> (RemoteContext, RemoteContext) {
        let traceparent = headers.get(X_MCP_TRACEPARENT).map(HeaderValue::as_bytes);
        let tracestate = headers.get(X_MCP_TRACESTATE).and_then(|state| state.to_str().ok());
        let router = RemoteContext::extract(traceparent, tracestate);
        let none = RemoteContext::none();
        if router.is_valid() {
            return (router.with_decided(), none);
        }
        match trust {
            TrustMode::Parent => (self.inner.tracer.extract(headers), none),
            TrustMode::Link => (none, self.inner.tracer.extract(headers)),
            TrustMode::Restart => (none.clone(), none),
        }
    }
}

/// Checks host and origin, as the router has done for everything that Envoy sends: a browser on the gateway's own machine
/// may reach this listener past Envoy. What has no host comes from no browser.
fn check_sender(config: &Config, headers: &HeaderMap) -> Result<(), Rejection> {
    let Some(host) = headers.get(HOST) else { return Ok(()) };
    check_host_and_origin(config, host.to_str().unwrap_or_default(), headers)
}

/// Reads a whole body of at most `bytes_max` bytes.
async fn read(body: axum::body::Body, bytes_max: usize) -> Result<Bytes, Rejection> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Rejection::BodyTooLarge(bytes_max)),
        Ok(Err(_)) | Err(_) => Err(Rejection::BodyIncomplete),
    }
}

/// Reads the message; a refusal comes with the caller's id when that could be read.
fn admit<'b>(headers: &HeaderMap, body: &'b [u8]) -> Result<Message<'b>, (Rejection, Option<Id>)> {
    let parsed = Message::parse(body);
    if let Err(rejection) = check_content_type(headers) {
        let id = match &parsed {
            Ok(message) => caller_id(message),
            Err(error) => error.id().cloned(),
        };
        return Err((rejection, id));
    }
    parsed.map_err(|error| {
        let id = error.id().cloned();
        (Rejection::Malformed(error), id)
    })
}
