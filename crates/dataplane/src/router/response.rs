//! The response of a server to a call: what of it reaches the client, and how the call ended.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use mcp_gateway_core::answer::{AnswerFault, AnswerForm, AnswerReader, BodyEnd, Outcome};
use mcp_gateway_core::header::{MCP_SESSION_ID, TRACERESPONSE, is_internal};
use mcp_gateway_core::jsonrpc::{code, error_response};
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::Span;
use mcp_gateway_telemetry::metrics::Operation;
use mcp_gateway_telemetry::name::{attribute, error_source};

use crate::audit::Way;
use crate::describe;
use crate::measure;
use crate::router::call::OpenCall;
use crate::router::record::Failure;
use crate::router::reply::Challenge;
use crate::router::sender::Sender;
use crate::router::{Exchange, Reply, Router};
use crate::upstream::ServerFault;

/// The head of a server's response.
#[derive(Clone, Debug)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The version of HTTP that the server speaks, where that is known.
    pub version: Option<Version>,
    /// False when the head says that no body follows.
    pub has_body: bool,
}

/// An answer that passed unread broke off: the client must see that the connection breaks, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server broke off its answer")]
pub struct AnswerCut;

/// What a front end does with a server's response.
pub enum ServerResponse {
    /// Send it on with status 200, passing the body through [`Exchange::answer`]; the content type is given because
    /// an error body is always answered as JSON.
    Forward {
        /// The content type that the client gets.
        content_type: HeaderValue,
        /// The coding of a body that passes unread. Any other body is plain, whatever the server's head says.
        content_encoding: Option<HeaderValue>,
    },
    /// Answer this instead.
    Reply(Reply),
    /// The server has forgotten the session and refused the call unexecuted: [`Exchange::reopen`] and send it again.
    SessionLost,
}

/// Says whether a header of a server's response may reach the client.
///
/// Not the server's session id (clients of some SDKs take it from any response), nothing that speaks for the gateway's
/// own origin (cookies, CORS) or of the trace (the gateway's own word on that may stand in its place), nothing that belongs to the connection, nor what tells how the body was, since it may be
/// replaced: [`ServerResponse::Forward`] says how it is.
pub fn response_header_passes(name: &HeaderName) -> bool {
    let name = name.as_str();
    !(name == MCP_SESSION_ID
        || name == TRACERESPONSE
        || is_internal(name)
        || name.starts_with("access-control-")
        || matches!(
            name,
            "set-cookie"
                | "set-cookie2"
                | "alt-svc"
                | "connection"
                | "keep-alive"
                | "te"
                | "proxy-authenticate"
                | "trailer"
                | "transfer-encoding"
                | "upgrade"
                | "content-length"
                | "content-encoding"
        ))
}

impl Exchange {
    /// Takes the head of the server's response to the call under way.
    pub fn server_response(&mut self, head: &ResponseHead) -> ServerResponse {
        let answer_bytes_max = self.config.limits.answer_bytes_max;
        self.upstream_settled();
        let Some(open) = &mut self.call else {
            return ServerResponse::Reply(Reply::json(head.status, Bytes::new()));
        };
        open.http_version = head.version;
        open.span.set(|a| {
            describe::response(a, head.status, head.version);
        });
        if open.has_lost_session(head.status) {
            let lost = open.session_lost(head.status);
            open.lost(&lost, &self.router);
            return ServerResponse::SessionLost;
        }
        if is_challenge(head.status) {
            return ServerResponse::Reply(self.refused_by_server(head));
        }
        let content_type = head.headers.get(CONTENT_TYPE);
        let coding = coding(&head.headers);
        let form = match (AnswerForm::of(content_type), head.status) {
            (_, _) if !head.has_body => AnswerForm::Other,
            (AnswerForm::Json, status)
                if coding.is_none() && (status.is_client_error() || status.is_server_error()) =>
            {
                AnswerForm::ErrorBody(status)
            }
            (_, status) if status != StatusCode::OK => {
                return ServerResponse::Reply(self.unusable_status(status));
            }
            (AnswerForm::Json | AnswerForm::EventStream, _) if coding.is_some() => {
                AnswerForm::Encoded
            }
            (form, _) => form,
        };
        let content_type = match form {
            AnswerForm::Json | AnswerForm::EventStream | AnswerForm::Encoded => {
                content_type.cloned()
            }
            AnswerForm::ErrorBody(_) | AnswerForm::Other => None,
        };
        let content_encoding = coding.filter(|_| form == AnswerForm::Encoded).cloned();
        let server = open.call.route.server.name();
        open.body = Bytes::new(); // it is not sent again
        let reader = AnswerReader::new(open.id.clone(), server, form, answer_bytes_max);
        open.reader = Some(open.capturing(reader, &self.config.telemetry.capture));
        self.record.replied(StatusCode::OK);
        ServerResponse::Forward {
            content_type: content_type
                .unwrap_or_else(|| HeaderValue::from_static("application/json")),
            content_encoding,
        }
    }

    /// Takes note that the server gave no response, and returns what the client gets.
    pub fn server_failed(&mut self, fault: ServerFault) -> Reply {
        self.upstream_settled();
        let server = self.server_name();
        let failure = Failure {
            error_type: fault.reason().into(),
            source: error_source::BACKEND,
            is_error: true,
            code: Some(code::INTERNAL_ERROR.into()),
            message: fault.message(&server),
        };
        self.fail_call(failure)
    }

    /// Returns what the client must get when the response breaks off and the router is not asked; none without a call.
    pub fn broken_off(&self) -> Option<Vec<u8>> {
        let open = self.call.as_ref()?;
        let message = format!("the call to server {} broke off", open.call.route.server.name());
        Some(error_response(Some(&open.id), code::INTERNAL_ERROR, &message))
    }

    /// Takes note that Envoy answered a request of the gateway itself with `status`, in place of the server.
    pub fn own_request_failed(&mut self, fault: ServerFault, status: StatusCode) {
        let Sender::Gateway(server) = &self.sender else { return };
        let failure = Failure {
            error_type: fault.reason().into(),
            source: error_source::BACKEND,
            is_error: true,
            code: None,
            message: fault.message(server.name()),
        };
        self.record.failed(&[], failure, status);
        self.record.replied(status);
    }

    /// Takes note that the broker gave no response, and returns what the client gets.
    pub fn broker_failed(&mut self) -> Reply {
        let failure = Failure {
            error_type: "broker_unreachable".into(),
            source: error_source::BROKER,
            is_error: true,
            code: Some(code::INTERNAL_ERROR.into()),
            message: "the gateway's broker is unreachable".to_owned(),
        };
        self.fail_call(failure)
    }

    /// Says whether the answer has begun and not come to its end, and Envoy alone knows why.
    pub(super) fn is_cut_by_envoy(&self) -> bool {
        let has_begun = self.call.as_ref().is_some_and(|open| open.reader.is_some());
        has_begun && self.record.front_end == error_source::EXT_PROC
    }

    /// Takes note that the response was broken off after it had begun, by the server or by the client.
    ///
    /// Behind Envoy the two look the same, so nobody is blamed, and no status says that somebody failed.
    pub(super) fn reset(&mut self) {
        let write = |span: &Span| {
            span.set(|a| {
                a.put(attribute::ERROR_TYPE, "stream_reset");
                a.put(attribute::ERROR_SOURCE, error_source::UNKNOWN);
            });
        };
        if let Some(open) = &self.call {
            write(&open.span);
            open.span.end(); // before the span around it
        }
        write(&self.record.span);
        self.record.ends(Way::Reset);
        self.record.end();
    }

    /// Passes the next bytes of the server's answer; returns those to send to the client now.
    pub fn answer(&mut self, chunk: Bytes) -> Bytes {
        match self.call.as_mut().and_then(|open| open.reader.as_mut()) {
            Some(reader) => reader.push(chunk),
            None => chunk,
        }
    }

    /// Takes the end of the server's answer; returns the bytes that complete it for the client.
    ///
    /// Errors: what has passed so far is no whole answer, and nothing can make it one.
    pub fn answer_end(&mut self, end: BodyEnd) -> Result<Bytes, AnswerCut> {
        let is_answered = self.has_answer();
        let Some(open) = &mut self.call else { return Ok(Bytes::new()) };
        let Some(reader) = &mut open.reader else { return Ok(Bytes::new()) };
        let rest = reader.finish(end);
        self.end_answered();
        if end != BodyEnd::Complete && rest.is_empty() && !is_answered {
            return Err(AnswerCut);
        }
        Ok(rest)
    }

    /// Ends the call and takes down how it went; once.
    pub(super) fn end_answered(&mut self) {
        let Some(open) = &mut self.call else { return };
        let Some(mut reader) = open.reader.take() else { return };
        open.capture_result(&mut reader, &self.config.telemetry.capture);
        let outcome = reader.outcome().cloned().unwrap_or(Outcome::Unread);
        if outcome == Outcome::Unread {
            self.record.limit_reached("answer_bytes_max");
        }
        if let Some(why) = unread(&outcome) {
            self.record.ends(Way::Unread);
            for span in [&open.span, &self.record.span] {
                span.set(|a| a.put(attribute::MCP_ANSWER_UNREAD, why));
            }
        }
        let failure = failure_of(&outcome, open.call.route.server.name());
        if let Outcome::Error { code: Some(code) } = outcome {
            open.span.set(|a| a.put(attribute::RPC_RESPONSE_STATUS_CODE, code.to_string()));
        }
        open.end(failure.as_ref(), &self.router);
        if let Some(mut failure) = failure {
            failure.is_error &= !is_callers_fault(&outcome);
            self.record.failed(&[], failure, StatusCode::OK);
        }
    }

    /// Says whether the answer to the call has passed.
    pub fn has_answer(&self) -> bool {
        let reader = self.call.as_ref().and_then(|open| open.reader.as_ref());
        reader.and_then(AnswerReader::outcome).is_some_and(|outcome| match outcome {
            Outcome::Result
            | Outcome::ToolError
            | Outcome::Error { .. }
            | Outcome::Unread
            | Outcome::Encoded => true,
            Outcome::Fault(_) => false,
        })
    }

    /// Takes note that a policy before the server refused the call, and returns what the client gets: 401 and 403 as they
    /// are, since the client can act on them, anything else as an error.
    pub fn refused_by_policy(&mut self, head: &ResponseHead) -> Reply {
        let who = format!("a policy before server {}", self.server_name());
        let failure = refusal(&who, error_source::CLIENT, head.status);
        if is_challenge(head.status) {
            self.refused(head, failure)
        } else {
            self.fail_call(failure)
        }
    }

    fn refused_by_server(&mut self, head: &ResponseHead) -> Reply {
        let who = format!("server {}", self.server_name());
        self.refused(head, refusal(&who, error_source::BACKEND, head.status))
    }

    fn refused(&mut self, head: &ResponseHead, failure: Failure) -> Reply {
        let Some(id) = self.id.clone() else { return Reply::json(head.status, Bytes::new()) };
        let challenge = Challenge {
            status: head.status,
            www_authenticate: head.headers.get(WWW_AUTHENTICATE).cloned(),
        };
        let reply = Reply::challenge(&challenge, &id, &failure.message);
        self.finish_call(failure, reply.status);
        reply
    }

    fn unusable_status(&mut self, status: StatusCode) -> Reply {
        let server = self.server_name();
        self.fail_call(Failure {
            error_type: status.as_u16().to_string().into(),
            source: error_source::BACKEND,
            is_error: true,
            code: Some(code::INTERNAL_ERROR.into()),
            message: format!("server {server} answered with HTTP status {}", status.as_u16()),
        })
    }

    fn fail_call(&mut self, failure: Failure) -> Reply {
        let reply = match &self.id {
            Some(id) => Reply::error(id, code::INTERNAL_ERROR, &failure.message),
            None => Reply::json(StatusCode::BAD_GATEWAY, Bytes::new()),
        };
        self.finish_call(failure, reply.status);
        reply
    }

    fn finish_call(&mut self, failure: Failure, status: StatusCode) {
        if let Some(open) = &mut self.call {
            open.end(Some(&failure), &self.router);
        }
        self.record.failed(&[], failure, status);
        self.record.replied(status);
    }

    fn server_name(&self) -> String {
        self.call.as_ref().map_or_else(String::new, |open| open.call.route.server.name().to_owned())
    }
}

impl OpenCall {
    /// Whether the answer means that the server does not know the session any more. The specification says 404; some
    /// servers say 400. Either way the request was refused unexecuted, and it is sent again once.
    fn has_lost_session(&self, status: StatusCode) -> bool {
        !self.is_second_try
            && self.session.session_id.is_some()
            && matches!(status, StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST)
    }

    /// Why the first try of a call failed that is sent once more.
    fn session_lost(&self, status: StatusCode) -> Failure {
        let (server, status) = (self.call.route.server.name(), status.as_u16());
        Failure {
            error_type: status.to_string().into(),
            source: error_source::BACKEND,
            is_error: true,
            code: None,
            message: format!("server {server} has forgotten the session: HTTP status {status}"),
        }
    }

    /// Ends the span of the request to the server. For whoever asks a server, whatever goes wrong is an error.
    fn end(&mut self, failure: Option<&Failure>, router: &Router) {
        if self.is_over {
            return;
        }
        if let Some(failure) = failure {
            Failure { is_error: true, ..failure.clone() }.write(&self.span, None);
        }
        self.close(failure, router);
    }

    /// Ends the span of a first try. A second one follows, so nothing has gone wrong yet for whoever called.
    fn lost(&mut self, failure: &Failure, router: &Router) {
        Failure { is_error: false, ..failure.clone() }.write(&self.span, None);
        self.span.fail_before_retry(|| failure.message.clone());
        self.close(Some(failure), router);
    }

    fn close(&mut self, failure: Option<&Failure>, router: &Router) {
        self.is_over = true;
        // With its end may come the decision that its trace is kept, and then its figures lead to it.
        self.span.end();
        if router.deps.metrics.is_on() {
            let operation = Operation {
                method: method::TOOLS_CALL,
                tool: Some(Arc::clone(&self.call.route.served)),
                error: failure.map(Failure::label),
                rpc_code: failure.and_then(Failure::server_code),
                protocol_version: Some(self.session.protocol_version.as_str()),
                http_version: self.http_version.and_then(describe::http_version),
            };
            let peer = measure::peer(&self.call.route.server);
            let duration = self.started.map(|started| started.elapsed());
            let exemplar = || self.span.exemplar();
            router.deps.metrics.client_operation(peer, operation, duration, exemplar);
        }
    }
}

fn refusal(who: &str, source: &'static str, status: StatusCode) -> Failure {
    let status = status.as_u16();
    Failure {
        error_type: status.to_string().into(),
        source,
        is_error: false,
        code: Some(code::INTERNAL_ERROR.into()),
        message: format!("{who} refused the call: HTTP status {status}"),
    }
}

fn is_challenge(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// The coding of a body that is not plain.
fn coding(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut codings = headers.get_all(CONTENT_ENCODING).iter();
    codings.find(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Why an answer passed unread, if it did.
fn unread(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Unread => Some(attribute::UNREAD_SIZE),
        Outcome::Encoded => Some(attribute::UNREAD_CODING),
        Outcome::Result | Outcome::ToolError | Outcome::Error { .. } | Outcome::Fault(_) => None,
    }
}

/// How the end of a call reads as a failure; none for a result, or for an answer that passed unread.
fn failure_of(outcome: &Outcome, server: &str) -> Option<Failure> {
    let (error_type, code, message): (Cow<'static, str>, Option<i64>, String) = match outcome {
        Outcome::Result | Outcome::Unread | Outcome::Encoded => return None,
        Outcome::ToolError => (
            attribute::ERROR_TYPE_TOOL.into(),
            None,
            format!("the tool of server {server} reported an error"),
        ),
        Outcome::Error { code } => (
            code.map_or_else(|| "_OTHER".into(), |code| code.to_string().into()),
            *code,
            format!("server {server} answered with a JSON-RPC error"),
        ),
        Outcome::Fault(fault) => {
            let error_type = if let AnswerFault::HttpStatus(status) = fault {
                status.as_u16().to_string().into()
            } else {
                fault.reason().into()
            };
            (error_type, Some(code::INTERNAL_ERROR.into()), fault.message(server))
        }
    };
    Some(Failure { error_type, source: error_source::BACKEND, is_error: true, code, message })
}

/// The JSON-RPC codes that blame the caller: on a server span they are no error of the gateway.
///
/// Source: MCP semantic conventions, error rules of August 2026.
fn is_callers_fault(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Error { code: Some(-32700 | -32600 | -32601 | -32602 | -32002) })
}
