//! The request's phases: the message is collected, routed, and sent on with what the router changed.

use bytes::{Bytes, BytesMut};
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HttpBody, HttpHeaders, HttpTrailers, ProcessingResponse,
};
use http::header::CONTENT_LENGTH;
use mcp_gateway_core::header::{
    BROKER, X_MCP_METHOD, X_MCP_SERVERNAME, X_MCP_TRACEPARENT, X_MCP_TRACESTATE, X_MCP_VISIBLE,
};
use mcp_gateway_core::jsonrpc::Message;
use mcp_gateway_core::routing::method_header;
use mcp_gateway_telemetry::name::error_source;

use crate::broker::visibility;
use crate::ext_proc::encode::Edits;
use crate::ext_proc::stream::{Answered, Goes, Phases, Shape, State};
use crate::ext_proc::{decode, encode};
use crate::router::{BodyFault, Exchange, ServerCall, Step};

/// The request as it goes on.
struct Onward {
    edits: Edits,
    /// The body that replaces the client's.
    body: Option<Bytes>,
    goes: Goes,
}

impl Phases {
    /// Answers the request-headers phase.
    pub(super) async fn request_headers(self, headers: HttpHeaders) -> Answered {
        let has_body = !headers.end_of_stream;
        let head = decode::request_head(headers);
        let exchange =
            Box::new(Exchange::begin(&self.router, head, &self.ambient, error_source::EXT_PROC));
        if has_body && exchange.expects_message() {
            // BUFFERED sends the body after this answer; in full duplex the answer waits for the body.
            let state = State::Body(exchange, BytesMut::new());
            return match self.shape {
                Shape::Duplex => Answered::none(state),
                Shape::Buffered => Answered::one(encode::request_headers(Edits::default()), state),
            };
        }
        let (exchange, routed) = route(exchange, Ok(&Bytes::new())).await;
        match routed {
            Ok(onward) => Answered::one(
                encode::request_headers(onward.edits),
                State::ResponseHead(exchange, onward.goes),
            ),
            Err(immediate) => end(exchange, immediate),
        }
    }

    /// Answers the request-body phase, once the body is complete.
    pub(super) async fn request_body(
        self,
        exchange: Box<Exchange>,
        mut so_far: BytesMut,
        body: HttpBody,
    ) -> Answered {
        so_far.extend_from_slice(&body.body);
        let too_large = so_far.len() > exchange.body_bytes_max();
        if !(too_large || body.end_of_stream || self.shape == Shape::Buffered) {
            return Answered::none(State::Body(exchange, so_far));
        }
        self.message(exchange, so_far.freeze(), too_large, true).await
    }

    /// Answers the request-trailers phase: the body ended before them.
    pub(super) async fn request_trailers(
        self,
        exchange: Box<Exchange>,
        so_far: BytesMut,
        trailers: HttpTrailers,
    ) -> Answered {
        let mut answered = self.message(exchange, so_far.freeze(), false, false).await;
        if !matches!(answered.state, State::Done) {
            answered.responses.push(encode::request_trailers(trailers));
        }
        answered
    }

    async fn message(
        self,
        exchange: Box<Exchange>,
        body: Bytes,
        too_large: bool,
        is_end: bool,
    ) -> Answered {
        let read = if too_large { Err(BodyFault::TooLarge) } else { Ok(&body) };
        let (exchange, routed) = route(exchange, read).await;
        let onward = match routed {
            Ok(onward) => onward,
            Err(immediate) => return end(exchange, immediate),
        };
        let mut edits = onward.edits;
        let mut responses = match (self.shape, onward.body) {
            (Shape::Buffered, None) => vec![encode::buffered_body(edits, None)],
            (Shape::Buffered, Some(new)) => {
                edits.set(CONTENT_LENGTH.as_str(), new.len().to_string());
                vec![encode::buffered_body(edits, Some(new))]
            }
            (Shape::Duplex, new) => {
                if let Some(new) = &new {
                    // An Envoy that lets the length stand sends it; any other sends the body chunked.
                    edits.set(CONTENT_LENGTH.as_str(), new.len().to_string());
                }
                vec![
                    encode::request_headers(edits),
                    encode::request_chunk(new.unwrap_or(body), is_end),
                ]
            }
        };
        if let (Some(error), Some(first)) = (exchange.broken_off(), responses.first_mut()) {
            *first = encode::with_error(std::mem::take(first), &error);
        }
        Answered { responses, state: State::ResponseHead(exchange, onward.goes) }
    }
}

/// Sends a piece of a body on that nobody reads.
pub(super) fn pass_body(body: HttpBody, shape: Shape) -> ProcessingResponse {
    match shape {
        Shape::Duplex => encode::request_chunk(body.body.into(), body.end_of_stream),
        Shape::Buffered => encode::buffered_body(Edits::default(), None),
    }
}

fn end(exchange: Box<Exchange>, immediate: ProcessingResponse) -> Answered {
    exchange.end();
    Answered::one(immediate, State::Done)
}

async fn route(
    mut exchange: Box<Exchange>,
    body: Result<&Bytes, BodyFault>,
) -> (Box<Exchange>, Result<Onward, ProcessingResponse>) {
    let step = exchange.route(body).await;
    let onward = match step {
        Step::Reply(reply) => {
            let immediate = encode::answer(&exchange, reply);
            return (exchange, Err(immediate));
        }
        Step::Broker(message) => to_broker(&exchange, message.as_ref()),
        Step::Server(call) => to_server(&exchange, *call),
        Step::Own(server) => {
            let mut edits = strip(&exchange);
            edits.set(":authority", server.server.hostname.clone().unwrap_or_default());
            Onward { edits, body: None, goes: Goes::Own }
        }
    };
    (exchange, Ok(onward))
}

/// The removal of every internal header that the sender had set.
fn strip(exchange: &Exchange) -> Edits {
    let mut edits = Edits::default();
    for name in exchange.removed_headers() {
        edits.remove(name);
    }
    edits
}

fn to_broker(exchange: &Exchange, message: Option<&Message<'_>>) -> Onward {
    let mut edits = strip(exchange);
    if let Some(host) = exchange.public_host() {
        edits.set(":authority", host);
    }
    edits.set(X_MCP_SERVERNAME, BROKER);
    if let Some(message) = message.filter(|message| !message.method().is_empty()) {
        edits.set(X_MCP_METHOD, method_header(message.method()).as_bytes());
    }
    edits.set(X_MCP_VISIBLE, visibility::encode(exchange.visibility()));
    if let Some(trace) = exchange.span().internal_headers() {
        edits.set(X_MCP_TRACEPARENT, trace.traceparent);
        if let Some(state) = trace.tracestate {
            edits.set(X_MCP_TRACESTATE, state);
        }
    }
    Onward { edits, body: None, goes: Goes::ToBroker }
}

fn to_server(exchange: &Exchange, call: ServerCall) -> Onward {
    let mut edits = strip(exchange);
    for name in &call.remove {
        edits.remove(name.as_str());
    }
    edits.set(":authority", call.server.server.hostname.clone().unwrap_or_default());
    edits.set(":path", call.server.path.clone());
    for (name, value) in &call.set {
        edits.set(name.as_str(), value.as_bytes());
    }
    Onward { edits, body: Some(call.body), goes: Goes::ToServer }
}
