//! The response's phases: a server's answer is read on its way, everything else passes.

use bytes::Bytes;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Phase;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HttpBody, HttpHeaders, HttpTrailers, ProcessingResponse,
};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mcp_gateway_core::answer::BodyEnd;
use mcp_gateway_core::header::{ERROR_HEADERS, X_MCP_ERROR_SOURCE, X_MCP_ERROR_TYPE};
use mcp_gateway_core::jsonrpc::{code, error_response};
use mcp_gateway_telemetry::name::error_source;

use crate::ext_proc::decode::ResponseParts;
use crate::ext_proc::encode::Edits;
use crate::ext_proc::resend::collect;
use crate::ext_proc::stream::{Answered, Goes, Phases, Shape, State};
use crate::ext_proc::{decode, encode};
use crate::router::{Exchange, Reply, ResponseHead, ServerResponse, response_header_passes};
use crate::upstream::ServerFault;

/// Part of Envoy's words for a response that it made up itself when a timeout ran out.
const TIMEOUT_DETAILS: [&str; 2] = ["timeout", "idle"];
/// Part of Envoy's words for a connection that never came about.
const CONNECT_DETAILS: [&str; 4] =
    ["connection_failure", "no_healthy_upstream", "cluster_not_found", "overflow"];

/// Statuses by which policies refuse a request: filters of Envoy's that stand before the server. Its router, which has
/// no say in that, gives others for a server that it cannot reach.
const POLICY_STATUSES: [StatusCode; 3] =
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];

impl Phases {
    /// Answers the response-headers phase.
    pub(super) async fn response_headers(
        self,
        exchange: Box<Exchange>,
        goes: Goes,
        headers: HttpHeaders,
        details: Option<String>,
    ) -> Answered {
        let has_body = !headers.end_of_stream;
        let parts = decode::response_parts(headers, details);
        match goes {
            Goes::ToServer => self.server_response(exchange, parts, has_body).await,
            Goes::ToBroker if !parts.from_server => {
                let mut exchange = exchange;
                let reply = exchange.broker_failed();
                immediate(exchange, reply)
            }
            Goes::Own if is_policys(&parts) => {
                let mut exchange = exchange;
                exchange.answered_by_envoy(parts.status);
                // The gateway, which waits for the response, learns that the server never saw the request.
                let mut edits = Edits::default();
                edits.set(X_MCP_ERROR_SOURCE, error_source::CLIENT);
                self.pass(exchange, goes, &parts, (edits, has_body))
            }
            Goes::Own if !parts.from_server => self.own_request_failed(exchange, &parts, has_body),
            Goes::ToBroker | Goes::Own => {
                self.pass(exchange, goes, &parts, (Edits::default(), has_body))
            }
        }
    }

    /// Tells the gateway, which waits for the response, that it is Envoy's and why.
    fn own_request_failed(
        &self,
        mut exchange: Box<Exchange>,
        parts: &ResponseParts,
        has_body: bool,
    ) -> Answered {
        let fault = fault(&parts.details);
        exchange.own_request_failed(fault, parts.status);
        let mut edits = Edits::default();
        edits.set(X_MCP_ERROR_TYPE, fault.reason());
        self.pass(exchange, Goes::Own, parts, (edits, has_body))
    }

    /// Lets a response pass that nobody reads.
    fn pass(
        &self,
        mut exchange: Box<Exchange>,
        goes: Goes,
        parts: &ResponseParts,
        (mut edits, has_body): (Edits, bool),
    ) -> Answered {
        match goes {
            Goes::ToBroker => exchange.answered_by_broker(parts.status, &parts.headers),
            Goes::ToServer | Goes::Own => exchange.answered_by_server(parts.status),
        }
        for name in ERROR_HEADERS {
            if parts.headers.contains_key(name) {
                edits.remove(name);
            }
        }
        if goes == Goes::ToBroker {
            edits.tell(&exchange, &parts.headers);
        }
        let answer = encode::response_headers(edits);
        // With a BUFFERED configuration the body does not come this way: here the exchange ends.
        if has_body && self.shape == Shape::Duplex {
            return Answered::one(answer, State::ResponseBody(exchange, goes));
        }
        exchange.end();
        Answered::one(answer, State::Done)
    }

    /// Lets a response pass that Envoy gave before the request was complete.
    pub(super) fn answered_by_envoy(
        self,
        mut exchange: Box<Exchange>,
        headers: HttpHeaders,
    ) -> Answered {
        let has_body = !headers.end_of_stream;
        let parts = decode::response_parts(headers, None);
        exchange.answered_by_envoy(parts.status);
        self.pass(exchange, Goes::Own, &parts, (Edits::default(), has_body))
    }

    async fn server_response(
        self,
        mut exchange: Box<Exchange>,
        parts: ResponseParts,
        has_body: bool,
    ) -> Answered {
        let is_policys = is_policys(&parts);
        if !parts.from_server && !is_policys {
            let reply = exchange.server_failed(fault(&parts.details));
            return immediate(exchange, reply);
        }
        let head =
            ResponseHead { status: parts.status, headers: parts.headers, version: None, has_body };
        if is_policys {
            let reply = exchange.refused_by_policy(&head);
            return immediate(exchange, reply);
        }
        match exchange.server_response(&head) {
            ServerResponse::Reply(reply) => immediate(exchange, reply),
            ServerResponse::Forward { content_type, content_encoding } if has_body => {
                let form = Form { content_type, content_encoding };
                let answer = self.forward(&exchange, &head, form);
                Answered::one(answer, State::ResponseBody(exchange, Goes::ToServer))
            }
            ServerResponse::Forward { .. } => {
                let body = exchange.answer_end(BodyEnd::Complete).unwrap_or_default();
                immediate(exchange, Reply::json(StatusCode::OK, body))
            }
            ServerResponse::SessionLost => self.resend(exchange, head).await,
        }
    }

    /// Opens the lost session anew, sends the call once more, and answers with what comes back.
    async fn resend(self, mut exchange: Box<Exchange>, lost: ResponseHead) -> Answered {
        let call = match exchange.reopen().await {
            Ok(call) => call,
            Err(reply) => return immediate(exchange, reply),
        };
        let sent = self.resender.send(exchange.config(), exchange.head(), call).await;
        let (head, body) = match sent {
            Ok(response) => response,
            Err(fault) => {
                let reply = exchange.server_failed(fault);
                return immediate(exchange, reply);
            }
        };
        match exchange.server_response(&head) {
            ServerResponse::Reply(reply) => immediate(exchange, reply),
            ServerResponse::Forward { content_type, content_encoding } if lost.has_body => {
                let form = Form { content_type, content_encoding };
                let answer = self.replace(&exchange, (&lost, &head), form);
                Answered::one(answer, State::Resent(exchange, body))
            }
            // Envoy has no body to replace: the answer is collected and sent whole.
            ServerResponse::Forward { content_type, content_encoding } => {
                let reply = match collect(&mut exchange, body).await {
                    Ok(whole) => {
                        collected(head.headers, Form { content_type, content_encoding }, whole)
                    }
                    Err(fault) => exchange.server_failed(fault),
                };
                immediate(exchange, reply)
            }
            ServerResponse::SessionLost => {
                let reply = exchange.server_failed(ServerFault::Reset);
                immediate(exchange, reply)
            }
        }
    }

    /// Lets the head of a server's response pass, and the body follow it.
    fn forward(&self, exchange: &Exchange, head: &ResponseHead, form: Form) -> ProcessingResponse {
        let mut edits = Edits::default();
        edits.tell(exchange, &head.headers);
        for name in head.headers.keys().filter(|name| !response_header_passes(name)) {
            edits.remove(name.as_str());
        }
        if head.status != StatusCode::OK {
            edits.set(":status", "200");
        }
        self.follow(edits, form)
    }

    /// Puts the head of the second try's response in the place of the first one's.
    fn replace(
        &self,
        exchange: &Exchange,
        (lost, head): (&ResponseHead, &ResponseHead),
        form: Form,
    ) -> ProcessingResponse {
        let mut edits = Edits::default();
        for name in lost.headers.keys() {
            edits.remove(name.as_str());
        }
        for name in head.headers.keys().filter(|name| response_header_passes(name)) {
            let values: Vec<_> =
                head.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
            edits.set(name.as_str(), values.join(&b", "[..]));
        }
        edits.set(":status", "200");
        edits.tell(exchange, &head.headers);
        self.follow(edits, form)
    }

    fn follow(&self, mut edits: Edits, form: Form) -> ProcessingResponse {
        // The body may become another one.
        edits.remove(CONTENT_LENGTH.as_str());
        for (name, value) in form.headers() {
            edits.set(name.as_str(), value.as_bytes());
        }
        match self.shape {
            Shape::Duplex => encode::response_headers(edits),
            Shape::Buffered => encode::response_headers_then_body(edits),
        }
    }
}

/// What the body is, as the router says.
struct Form {
    content_type: HeaderValue,
    content_encoding: Option<HeaderValue>,
}

impl Form {
    fn headers(self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let coding = self.content_encoding.map(|coding| (CONTENT_ENCODING, coding));
        [(CONTENT_TYPE, self.content_type)].into_iter().chain(coding)
    }
}

/// The response of the second try, whole.
fn collected(head: HeaderMap, form: Form, body: Bytes) -> Reply {
    let mut headers = head;
    headers.remove(CONTENT_TYPE);
    let passing = headers.iter().filter(|(name, _)| response_header_passes(name));
    let mut reply = Reply::json(StatusCode::OK, body);
    reply.headers = passing.map(|(name, value)| (name.clone(), value.clone())).collect();
    reply.headers.extend(form.headers());
    reply
}

/// Lets a response pass to a request that the gateway never saw. A request of which it did not see the head does not
/// pass: an Envoy that is configured so keeps the gateway from checking anything.
pub(super) fn pass_unseen(phase: Phase, shape: Shape) -> Answered {
    let (answer, is_over) = match phase {
        Phase::RequestHeaders(_) | Phase::RequestBody(_) | Phase::RequestTrailers(_) => {
            let message = "Envoy does not show the gateway the head of a request";
            tracing::error!("{message}: its external processing filter must send request headers.");
            let body = error_response(None, code::INTERNAL_ERROR, message);
            let reply = Reply::json(StatusCode::INTERNAL_SERVER_ERROR, body);
            (encode::immediate(reply, "request_headers_missing"), true)
        }
        Phase::ResponseHeaders(headers) => {
            let is_over = headers.end_of_stream || shape == Shape::Buffered;
            (encode::response_headers(Edits::default()), is_over)
        }
        Phase::ResponseBody(body) => {
            (encode::response_chunk(body.body.into(), body.end_of_stream), body.end_of_stream)
        }
        Phase::ResponseTrailers(trailers) => (encode::response_trailers(trailers), true),
    };
    Answered::one(answer, if is_over { State::Done } else { State::Unseen })
}

/// Answers a response-body phase.
pub(super) fn body(mut exchange: Box<Exchange>, goes: Goes, body: HttpBody) -> Answered {
    let chunk = Bytes::from(body.body);
    if goes != Goes::ToServer {
        return passed(exchange, goes, chunk, body.end_of_stream);
    }
    let mut out = exchange.answer(chunk);
    if body.end_of_stream {
        let rest = exchange.answer_end(BodyEnd::Complete).unwrap_or_default();
        out = join(out, rest);
    }
    passed(exchange, goes, out, body.end_of_stream)
}

/// Answers the response-trailers phase.
pub(super) fn trailers(
    mut exchange: Box<Exchange>,
    goes: Goes,
    trailers: HttpTrailers,
) -> Answered {
    let rest = match goes {
        Goes::ToServer => exchange.answer_end(BodyEnd::Complete).unwrap_or_default(),
        Goes::ToBroker | Goes::Own => Bytes::new(),
    };
    exchange.end();
    let mut responses = Vec::with_capacity(2);
    if !rest.is_empty() {
        responses.push(encode::response_chunk(rest, false));
    }
    responses.push(encode::response_trailers(trailers));
    Answered { responses, state: State::Done }
}

fn passed(exchange: Box<Exchange>, goes: Goes, out: Bytes, is_end: bool) -> Answered {
    if is_end {
        exchange.end();
        return Answered::one(encode::response_chunk(out, true), State::Done);
    }
    let state = State::ResponseBody(exchange, goes);
    if out.is_empty() {
        return Answered::none(state);
    }
    Answered::one(encode::response_chunk(out, false), state)
}

fn immediate(exchange: Box<Exchange>, reply: Reply) -> Answered {
    let answer = encode::answer(&exchange, reply);
    exchange.end();
    Answered::one(answer, State::Done)
}

/// Says whether a response is that of a policy that refused the request.
fn is_policys(parts: &ResponseParts) -> bool {
    !parts.from_server && POLICY_STATUSES.contains(&parts.status)
}

/// Reads from Envoy's words why it answered in the place of a server.
fn fault(details: &str) -> ServerFault {
    let says = |words: &[&str]| words.iter().any(|word| details.contains(word));
    if says(&CONNECT_DETAILS) {
        ServerFault::Unreachable
    } else if says(&TIMEOUT_DETAILS) {
        ServerFault::Timeout
    } else if details.contains("reset") || details.contains("termination") {
        ServerFault::Reset
    } else {
        ServerFault::Unreachable
    }
}

fn join(first: Bytes, second: Bytes) -> Bytes {
    if first.is_empty() {
        second
    } else if second.is_empty() {
        first
    } else {
        [first, second].concat().into()
    }
}
