//! What can go wrong between the gateway and one server.
//!
//! `Display` and the sources are for logs; [`UpstreamError::client_message`] is what a client may read: it names the
//! server, never its address, and nothing of what the server sent.

use std::borrow::Cow;

use http::StatusCode;
use mcp_gateway_core::jsonrpc::ParseError;
use mcp_gateway_core::sse::SseError;
use thiserror::Error;

use crate::http::body::BodyError;
use crate::http::client::HttpError;
use crate::http::tls::TlsError;
use crate::session::id::InvalidSessionId;
use crate::session::routing_token::RoutingMintError;
use crate::upstream::fault::ServerFault;

/// Why a server could not be asked, or its answer not be used.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The request cannot be written: a header value holds a forbidden character, a URL is no URI.
    #[error("the request cannot be written")]
    InvalidRequest(#[source] http::Error),
    /// The certificates to trust are not usable, so nothing can be sent.
    #[error("the certificates to trust are not usable")]
    Tls(#[source] TlsError),
    /// The token that lets the request pass Envoy cannot be made.
    #[error("the request cannot be authorised towards envoy")]
    RoutingToken(#[source] RoutingMintError),
    /// No answer came: the server is unreachable, slow, or cut the connection.
    #[error("the server gave no answer")]
    Http(#[source] HttpError),
    /// The same, as Envoy found out, which the request went through.
    #[error("envoy had no answer of the server: {}", .0.reason())]
    ThroughEnvoy(ServerFault),
    /// An answer began and could not be read to its end.
    #[error("the answer could not be read")]
    Body(#[source] BodyError),
    /// The server no longer knows the session (404, or 400 from servers that use it for that).
    #[error("the server does not know the session: status {}", status.as_u16())]
    SessionLost {
        /// The status of the answer.
        status: StatusCode,
    },
    /// The server answered with another address, which is never followed.
    #[error("the server redirects, which the gateway does not follow: status {}{}", status.as_u16(), advice(*status))]
    Redirect {
        /// The status of the answer.
        status: StatusCode,
    },
    /// A policy in Envoy, before the server, refused the request.
    #[error("a policy before the server refused the request: status {}", status.as_u16())]
    Policy {
        /// The status of the answer.
        status: StatusCode,
    },
    /// The server answered with an error status.
    #[error("the server answered with status {}{}", status.as_u16(), advice(*status))]
    Status {
        /// The status of the answer.
        status: StatusCode,
        /// The JSON-RPC error in its body, when there was one.
        #[source]
        error: Option<Box<RpcError>>,
    },
    /// The answer is neither JSON nor an event stream.
    #[error("the answer has the content type {content_type:?}")]
    ContentType {
        /// The media type that the server named, cut to a sane length.
        content_type: String,
    },
    /// The answer is not a JSON-RPC message.
    #[error("the answer is not a json-rpc message")]
    InvalidMessage(#[source] ParseError),
    /// The event stream breaks its format or its bounds.
    #[error("the event stream cannot be read")]
    InvalidStream(#[source] SseError),
    /// The answer is to a request that was not sent.
    #[error("the answer has the id of another request")]
    WrongId,
    /// The server said that all is well, or ended its stream, without an answer.
    #[error("the exchange ended without an answer")]
    NoAnswer,
    /// The server answered with a JSON-RPC error.
    #[error("the server refused the request")]
    Refused(#[source] RpcError),
    /// The result lacks what its method promises.
    #[error("the result is not valid: {0}")]
    InvalidResult(&'static str),
    /// The server issued a session id that MCP does not allow.
    #[error("the session id is not valid")]
    InvalidSessionId(#[source] InvalidSessionId),
    /// The server chose a protocol revision that the gateway does not speak.
    #[error("the server speaks protocol revision {version:?}, which the gateway does not")]
    UnsupportedVersion {
        /// The revision, cut to a sane length.
        version: String,
    },
    /// The list does not end within the allowed number of pages.
    #[error("the list has more than {max} pages")]
    TooManyPages {
        /// `limits.listPagesMax`.
        max: usize,
    },
    /// A page leads back to one that was read before.
    #[error("the list leads back to a page that was read before")]
    CursorCycle,
    /// The list has more tools than allowed.
    #[error("the list has more than {max} tools")]
    TooManyTools {
        /// `limits.toolsPerServerMax`.
        max: usize,
    },
    /// The pages together are longer than allowed.
    #[error("the list is longer than {max} bytes")]
    ListTooLarge {
        /// `limits.listBytesMax`.
        max: usize,
    },
}

/// A JSON-RPC error that a server answered with.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("error {code}: {message}")]
pub struct RpcError {
    /// The number that the server gave.
    pub code: i64,
    /// Its text, cut to 200 characters, without control characters.
    pub message: String,
}

/// How much of a server's error text is kept for logs and status.
pub(super) const RPC_MESSAGE_CHARS_MAX: usize = 200;

/// Makes text of a server safe to show in one line: control characters become blanks, what is too long is cut.
pub(super) fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(clean).take(RPC_MESSAGE_CHARS_MAX).collect()
}

/// What the operator should look at first when a server answers with this status; empty when that is not obvious.
fn advice(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            " (is the path of its url right?)"
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => " (does it want a credential?)",
        status if status.is_redirection() => " (its url must name where this leads)",
        _ => "",
    }
}

impl UpstreamError {
    /// The reason in one word, for the status page and log lines.
    pub fn reason(&self) -> &'static str {
        match self {
            UpstreamError::InvalidRequest(_) => "invalid_request",
            UpstreamError::Tls(error) => error.reason(),
            UpstreamError::RoutingToken(_) => "routing_token_failed",
            UpstreamError::Http(error) => error.reason(),
            UpstreamError::ThroughEnvoy(fault) => fault.reason(),
            UpstreamError::Body(error) => error.reason(),
            UpstreamError::SessionLost { .. } => "session_lost",
            UpstreamError::Redirect { .. } => "redirect_refused",
            UpstreamError::Status { status, .. } | UpstreamError::Policy { status } => {
                status_reason(*status)
            }
            UpstreamError::ContentType { .. } => "unexpected_content_type",
            UpstreamError::InvalidMessage(_) => "invalid_message",
            UpstreamError::InvalidStream(_) => "invalid_event_stream",
            UpstreamError::WrongId => "wrong_response_id",
            UpstreamError::NoAnswer => "no_answer",
            UpstreamError::Refused(_) => "jsonrpc_error",
            UpstreamError::InvalidResult(_) => "invalid_result",
            UpstreamError::InvalidSessionId(_) => "invalid_session_id",
            UpstreamError::UnsupportedVersion { .. } => "unsupported_protocol_version",
            UpstreamError::TooManyPages { .. } => "too_many_pages",
            UpstreamError::CursorCycle => "cursor_cycle",
            UpstreamError::TooManyTools { .. } => "too_many_tools",
            UpstreamError::ListTooLarge { .. } => "list_too_large",
        }
    }

    /// The value of `error.type`: an HTTP status and a JSON-RPC code are their numbers, as on the spans of calls; everything else is
    /// [`Self::reason`].
    pub fn error_type(&self) -> Cow<'static, str> {
        match (self.status(), self.code()) {
            (Some(status), _) => status.as_u16().to_string().into(),
            (None, Some(code)) => code.to_string().into(),
            (None, None) => self.reason().into(),
        }
    }

    /// The JSON-RPC code that the server answered with.
    pub fn code(&self) -> Option<i64> {
        match self {
            UpstreamError::Refused(error) => Some(error.code),
            UpstreamError::Status { error, .. } => error.as_ref().map(|error| error.code),
            UpstreamError::InvalidRequest(_)
            | UpstreamError::Policy { .. }
            | UpstreamError::Tls(_)
            | UpstreamError::RoutingToken(_)
            | UpstreamError::InvalidSessionId(_)
            | UpstreamError::Http(_)
            | UpstreamError::ThroughEnvoy(_)
            | UpstreamError::Body(_)
            | UpstreamError::SessionLost { .. }
            | UpstreamError::Redirect { .. }
            | UpstreamError::ContentType { .. }
            | UpstreamError::InvalidMessage(_)
            | UpstreamError::InvalidStream(_)
            | UpstreamError::WrongId
            | UpstreamError::NoAnswer
            | UpstreamError::InvalidResult(_)
            | UpstreamError::UnsupportedVersion { .. }
            | UpstreamError::TooManyPages { .. }
            | UpstreamError::CursorCycle
            | UpstreamError::TooManyTools { .. }
            | UpstreamError::ListTooLarge { .. } => None,
        }
    }

    /// What a client may read about it: a sentence without address, status text or content of the server.
    pub fn client_message(&self, server: &str) -> String {
        match self {
            UpstreamError::InvalidRequest(_)
            | UpstreamError::Tls(_)
            | UpstreamError::RoutingToken(_) => {
                format!("the gateway is not set up to call server {server}")
            }
            UpstreamError::Http(error) | UpstreamError::Body(BodyError::Cut(error)) => {
                http_message(error, server)
            }
            UpstreamError::ThroughEnvoy(fault) => fault.message(server),
            UpstreamError::Body(BodyError::Timeout) => ServerFault::Timeout.message(server),
            UpstreamError::SessionLost { .. } => format!("server {server} ended the session"),
            UpstreamError::Redirect { .. } => {
                format!("server {server} redirects, which the gateway does not follow")
            }
            UpstreamError::Status { status, .. } => {
                format!("server {server} answered with status {}", status.as_u16())
            }
            UpstreamError::Policy { status } => {
                let status = status.as_u16();
                format!("a policy before server {server} refused the call: HTTP status {status}")
            }
            UpstreamError::NoAnswer => format!("server {server} did not answer the request"),
            UpstreamError::Refused(error) => {
                format!("server {server} refused the request with error {}", error.code)
            }
            UpstreamError::UnsupportedVersion { .. } => {
                format!("server {server} speaks a protocol revision that the gateway does not")
            }
            UpstreamError::Body(BodyError::TooLarge(_))
            | UpstreamError::TooManyPages { .. }
            | UpstreamError::TooManyTools { .. }
            | UpstreamError::ListTooLarge { .. } => {
                format!("server {server} answered with more than the gateway takes")
            }
            UpstreamError::ContentType { .. }
            | UpstreamError::InvalidMessage(_)
            | UpstreamError::InvalidStream(_)
            | UpstreamError::WrongId
            | UpstreamError::InvalidSessionId(_)
            | UpstreamError::InvalidResult(_)
            | UpstreamError::CursorCycle => {
                format!("server {server} gave an answer that is not valid MCP")
            }
        }
    }

    /// The status that the server answered with, when it is the reason for the failure.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            UpstreamError::SessionLost { status }
            | UpstreamError::Redirect { status }
            | UpstreamError::Policy { status }
            | UpstreamError::Status { status, .. } => Some(*status),
            UpstreamError::InvalidRequest(_)
            | UpstreamError::Tls(_)
            | UpstreamError::RoutingToken(_)
            | UpstreamError::InvalidSessionId(_)
            | UpstreamError::Http(_)
            | UpstreamError::ThroughEnvoy(_)
            | UpstreamError::Body(_)
            | UpstreamError::ContentType { .. }
            | UpstreamError::InvalidMessage(_)
            | UpstreamError::InvalidStream(_)
            | UpstreamError::WrongId
            | UpstreamError::NoAnswer
            | UpstreamError::Refused(_)
            | UpstreamError::InvalidResult(_)
            | UpstreamError::UnsupportedVersion { .. }
            | UpstreamError::TooManyPages { .. }
            | UpstreamError::CursorCycle
            | UpstreamError::TooManyTools { .. }
            | UpstreamError::ListTooLarge { .. } => None,
        }
    }

    /// Says whether a stream broke off before the answer, so that resuming it may bring the rest.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self, UpstreamError::NoAnswer | UpstreamError::Body(BodyError::Cut(_)))
    }

    /// Says whether the server still knows the session as far as can be told: it answered, and not with "unknown".
    pub(super) fn session_survives(&self) -> bool {
        match self {
            UpstreamError::Refused(_)
            | UpstreamError::InvalidResult(_)
            | UpstreamError::TooManyPages { .. }
            | UpstreamError::CursorCycle
            | UpstreamError::TooManyTools { .. }
            | UpstreamError::ListTooLarge { .. } => true,
            UpstreamError::InvalidRequest(_)
            | UpstreamError::Tls(_)
            | UpstreamError::RoutingToken(_)
            | UpstreamError::InvalidSessionId(_)
            | UpstreamError::Http(_)
            | UpstreamError::ThroughEnvoy(_)
            | UpstreamError::Body(_)
            | UpstreamError::SessionLost { .. }
            | UpstreamError::Redirect { .. }
            | UpstreamError::Policy { .. }
            | UpstreamError::Status { .. }
            | UpstreamError::ContentType { .. }
            | UpstreamError::InvalidMessage(_)
            | UpstreamError::InvalidStream(_)
            | UpstreamError::WrongId
            | UpstreamError::NoAnswer
            | UpstreamError::UnsupportedVersion { .. } => false,
        }
    }
}

fn http_message(error: &HttpError, server: &str) -> String {
    match error {
        HttpError::Dns(_)
        | HttpError::Connect(_)
        | HttpError::Tls(_)
        | HttpError::ConnectTimeout(_)
        | HttpError::Timeout(_)
        | HttpError::Reset(_)
        | HttpError::Closed(_) => ServerFault::from(error).message(server),
        HttpError::Protocol(_) => format!("server {server} gave an answer that is not valid HTTP"),
    }
}

/// Few values, whatever servers answer: the statuses that say something of their own, and the classes.
fn status_reason(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "unauthorized",
        403 => "forbidden",
        404 => "not_found",
        429 => "too_many_requests",
        503 => "unavailable",
        400..=499 => "http_4xx",
        500..=599 => "http_5xx",
        _ => "unexpected_status",
    }
}
