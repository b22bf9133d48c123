//! Why there is no response of a server that can be used, in the few values that spans, figures and clients are told.

use http::HeaderMap;
use mcp_gateway_core::header::X_MCP_ERROR_TYPE;

use crate::http::client::HttpError;

/// Why there is no response of a server that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFault {
    /// No connection came about.
    Unreachable,
    /// The connection broke before a response came.
    Reset,
    /// No response came in time.
    Timeout,
    /// The response is longer than `limits.answerBytesMax`, where it has to be held whole.
    TooLarge,
}

impl ServerFault {
    /// Reads the gateway's word on a response that came through Envoy: Envoy made it up, for this reason. On responses
    /// of servers the router leaves no such header.
    pub fn told_by_router(headers: &HeaderMap) -> Option<Self> {
        let reason = headers.get(X_MCP_ERROR_TYPE)?;
        let all = [Self::Unreachable, Self::Reset, Self::Timeout];
        all.into_iter().find(|fault| fault.reason() == reason)
    }

    /// The value of `error.type`.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unreachable => "connect_failed",
            Self::Reset => "connection_reset",
            Self::Timeout => "timeout",
            Self::TooLarge => "answer_too_large",
        }
    }

    /// The sentence that a client may read; names the server, never its address.
    pub fn message(self, server: &str) -> String {
        match self {
            Self::Unreachable => format!("server {server} cannot be reached"),
            Self::Reset => {
                format!("server {server} closed the connection before it had answered")
            }
            Self::Timeout => format!("server {server} did not answer in time"),
            Self::TooLarge => format!("server {server} answered with more than the gateway takes"),
        }
    }
}

impl From<&HttpError> for ServerFault {
    fn from(error: &HttpError) -> Self {
        match error {
            HttpError::Dns(_) | HttpError::Connect(_) | HttpError::Tls(_) => Self::Unreachable,
            HttpError::ConnectTimeout(_) | HttpError::Timeout(_) => Self::Timeout,
            HttpError::Reset(_) | HttpError::Closed(_) | HttpError::Protocol(_) => Self::Reset,
        }
    }
}
