//! How a call ended, as its answer tells.

use crate::jsonrpc::{Id, Kind, Message};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A result.
    Result,
    /// A result that says of itself that the tool failed (`isError: true`).
    ToolError,
    /// A JSON-RPC error of the server.
    Error {
        /// Its code, when it is an integer.
        code: Option<i64>,
    },
    /// No usable answer came.
    Fault(AnswerFault),
    /// The answer was too long to be read on its way.
    Unread,
    /// The answer came in a content coding, which is not read on its way.
    Encoded,
}

/// How a server broke its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerFault {
    /// The body ended, cleanly, before the answer.
    NoAnswer,
    /// The connection broke before the answer was complete.
    Cut,
    /// The server fell silent before the answer was complete.
    Silent,
    /// The body is not a JSON-RPC message.
    NotJsonRpc,
    /// The answer belongs to another request.
    WrongId,
    /// The HTTP status is an error, and the body no answer.
    HttpStatus(http::StatusCode),
    /// The content type is neither JSON nor an event stream.
    NotMcp,
}

impl AnswerFault {
    /// The value of `error.type`; an HTTP status is `http_status`, its number has an attribute of its own.
    pub fn reason(self) -> &'static str {
        match self {
            Self::HttpStatus(_) => "http_status",
            Self::NoAnswer => "no_answer",
            Self::Cut => "connection_reset",
            Self::Silent => "timeout",
            Self::NotJsonRpc => "malformed_answer",
            Self::WrongId => "wrong_answer_id",
            Self::NotMcp => "unexpected_content_type",
        }
    }

    /// The sentence that the client reads; names the server, never its address.
    pub fn message(self, server: &str) -> String {
        match self {
            Self::NoAnswer => format!("server {server} ended its response without an answer"),
            Self::Cut => format!("server {server} broke off its response"),
            Self::Silent => format!("server {server} did not answer in time"),
            Self::NotJsonRpc => {
                format!("server {server} answered with something that is not a JSON-RPC message")
            }
            Self::WrongId => {
                format!("server {server} answered another request than the one it was asked")
            }
            Self::HttpStatus(status) => {
                format!("server {server} answered with HTTP status {}", status.as_u16())
            }
            Self::NotMcp => format!(
                "server {server} answered with something that is neither JSON nor an event stream"
            ),
        }
    }
}

impl Outcome {
    /// Reads one message of the server; `None` for a request or a notification, which answer nothing. An error when it
    /// is a response to something else than the request `id`, or no message.
    pub(super) fn of_message(text: &[u8], id: &Id) -> Result<Option<Self>, AnswerFault> {
        let message = Message::parse(text).map_err(|_| AnswerFault::NotJsonRpc)?;
        let answers = |m: &Message<'_>| m.id().is_some_and(|own| id.matches(own));
        match message.kind() {
            Kind::Request | Kind::Notification => Ok(None),
            Kind::Response if answers(&message) && tool_failed(&message) => {
                Ok(Some(Self::ToolError))
            }
            Kind::Response if answers(&message) => Ok(Some(Self::Result)),
            Kind::ErrorResponse if answers(&message) => {
                Ok(Some(Self::Error { code: error_code(&message) }))
            }
            Kind::Response | Kind::ErrorResponse => Err(AnswerFault::WrongId),
        }
    }
}

fn tool_failed(message: &Message<'_>) -> bool {
    let result = message.result().and_then(|result| result.object().ok());
    result.and_then(|object| object.get("isError")).and_then(|flag| flag.as_bool()) == Some(true)
}

fn error_code(message: &Message<'_>) -> Option<i64> {
    message.error()?.object().ok()?.get("code")?.as_i64()
}
