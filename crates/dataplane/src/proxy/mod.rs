//! The built-in front end: the gateway without Envoy.
//!
//! Takes clients' requests from the HTTP server, asks the router, hands them to the broker or sends them to a server,
//! and streams the answer back. It decides nothing about MCP itself: see `router`.

mod answer;
mod request;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use mcp_gateway_core::header::{ERROR_HEADERS, X_REQUEST_ID};
use mcp_gateway_telemetry::RemoteContext;
use mcp_gateway_telemetry::name::error_source;

use crate::broker::{Broker, BrokerCall};
use crate::proxy::answer::{AnswerBody, BrokerBody};
use crate::router::{
    Exchange, Reply, ResponseHead, Router, ServerAccess, ServerCall, ServerResponse, Step,
    response_header_passes,
};
use crate::upstream::ServerFault;

/// The front end. Cheap to clone.
#[derive(Clone)]
pub struct Proxy {
    parts: Arc<ProxyParts>,
}

/// What the front end is built from.
pub struct ProxyParts {
    /// Decides where requests go.
    pub router: Router,
    /// Answers what is not one server's business.
    pub broker: Broker,
    /// Reaches servers.
    pub access: ServerAccess,
}

impl Proxy {
    /// Builds the front end.
    pub fn new(parts: ProxyParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// The application for the client listener: every request passes the router.
    pub fn app(self) -> axum::Router {
        axum::Router::new().fallback(handle).with_state(self)
    }
}

async fn handle(
    State(proxy): State<Proxy>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Response<Body> {
    let (head, body) = request::split(request, peer);
    let request_id = head.headers.get(X_REQUEST_ID).cloned();
    let ambient = RemoteContext::none();
    let exchange = Exchange::begin(&proxy.parts.router, head, &ambient, error_source::PROXY);
    let mut response = proxy.exchange(exchange, body).await;
    if let Some(id) = request_id {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    response
}

impl Proxy {
    async fn exchange(&self, mut exchange: Exchange, body: Body) -> Response<Body> {
        let body = if exchange.expects_message() {
            request::read(body, exchange.body_bytes_max()).await
        } else {
            Ok(Bytes::new())
        };
        match exchange.route(body.as_ref().map_err(|fault| *fault)).await {
            Step::Reply(reply) => finished(exchange, reply),
            Step::Server(call) => {
                let span = exchange.span().clone();
                // Boxed, so that requests for the broker do not carry its size.
                Box::pin(span.instrument(self.forward(exchange, *call))).await
            }
            Step::Broker(message) => {
                let head = exchange.head();
                let call = BrokerCall {
                    method: &head.method,
                    headers: &head.headers,
                    message: message.as_ref(),
                    session: exchange.session(),
                    visibility: exchange.visibility(),
                    parent: exchange.span(),
                };
                let mut response = self.parts.broker.handle(call).await;
                exchange.answered_by_broker(response.status(), response.headers());
                for name in ERROR_HEADERS {
                    response.headers_mut().remove(name);
                }
                tell(&exchange, response.headers_mut());
                if http_body::Body::size_hint(response.body()).exact().is_some() {
                    // The HTTP server asks for no body where it knows that there is none: 202, 204, HEAD.
                    exchange.end();
                    return response.map(Body::new);
                }
                response.map(|body| Body::new(BrokerBody::new(body, exchange)))
            }
            Step::Own(_) => {
                debug_assert!(false, "standalone, nobody sends requests on the gateway's behalf");
                finished(exchange, Reply::json(StatusCode::FORBIDDEN, Bytes::new()))
            }
        }
    }

    /// Sends a call to its server; once more when the server has forgotten the session.
    async fn forward(&self, mut exchange: Exchange, mut call: ServerCall) -> Response<Body> {
        let config = Arc::clone(exchange.config());
        // Twice at most: the router asks for a new session once per call.
        for _ in 0..2 {
            let response = match self.parts.access.call(&config, exchange.head(), &call).await {
                Ok(response) => response,
                Err(fault) => {
                    let reply = exchange.server_failed(fault);
                    return finished(exchange, reply);
                }
            };
            let (parts, body) = response.into_parts();
            let has_body = !http_body::Body::is_end_stream(&body);
            let head = ResponseHead {
                status: parts.status,
                headers: parts.headers,
                version: Some(parts.version),
                has_body,
            };
            match exchange.server_response(&head) {
                ServerResponse::Reply(reply) => return finished(exchange, reply),
                ServerResponse::Forward { content_type, content_encoding } => {
                    let idle = config.limits.call_idle_timeout;
                    let mut response = streamed(&head, (content_type, content_encoding));
                    tell(&exchange, response.headers_mut());
                    let body = AnswerBody::new(body, exchange, idle);
                    return response.map(|()| Body::new(body));
                }
                ServerResponse::SessionLost => match exchange.reopen().await {
                    Ok(again) => call = again,
                    Err(reply) => return finished(exchange, reply),
                },
            }
        }
        let reply = exchange.server_failed(ServerFault::Reset);
        finished(exchange, reply)
    }
}

/// Writes an answer of the gateway itself.
fn finished(exchange: Exchange, reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        response.headers_mut().append(name, value);
    }
    tell(&exchange, response.headers_mut());
    exchange.end();
    response
}

/// Writes what the configuration lets callers know of their request.
fn tell(exchange: &Exchange, headers: &mut HeaderMap) {
    for (name, value) in exchange.response_headers(headers) {
        headers.insert(name, value);
    }
}

fn streamed(
    head: &ResponseHead,
    (content_type, content_encoding): (HeaderValue, Option<HeaderValue>),
) -> Response<()> {
    let mut response = Response::new(());
    for (name, value) in &head.headers {
        if response_header_passes(name) {
            response.headers_mut().append(name.clone(), value.clone());
        }
    }
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    if let Some(coding) = content_encoding {
        response.headers_mut().insert(CONTENT_ENCODING, coding);
    }
    response
}
