//! Every way in which the gateway refuses a message, with the answer that each gets.
//!
//! This is the one place that picks status, code and words for a refusal; front ends and broker only write it out.

use crate::jsonrpc::{Id, ParseError, code, error_response, error_response_with_data, quote};
use crate::mcp::ProtocolVersion;

/// A request that the gateway refuses, for a reason that lies with its sender or, for [`Rejection::ServerDown`], with a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The `Host` is not one that this gateway answers to (DNS-rebinding rule of MCP).
    #[error("this gateway does not answer to the host {}", shown(.0))]
    HostNotAllowed(String),
    /// The `Origin` is not one that may call this gateway (DNS-rebinding rule of MCP).
    #[error("requests from the origin {} are not allowed", shown(.0))]
    OriginNotAllowed(String),
    /// A request for a server's own host without a routing token of the gateway for that host.
    #[error("this host is reached through the gateway only")]
    RoutingTokenInvalid,
    /// The path is none of the gateway's.
    #[error("nothing is here: the MCP endpoint is /mcp")]
    NotFound,
    /// The body is longer than the limit, in bytes.
    #[error("the request body is larger than {0} bytes")]
    BodyTooLarge(usize),
    /// The body did not arrive in time, or its sender broke off.
    #[error("the request body did not arrive completely")]
    BodyIncomplete,
    /// The content type is not `application/json`.
    #[error("the content type must be application/json")]
    ContentType,
    /// The body is no JSON-RPC message.
    #[error("{0}")]
    Malformed(ParseError),
    /// `MCP-Protocol-Version` names a revision that the gateway does not speak, or occurs twice.
    #[error("the protocol version {} is not supported here; supported: {supported}", shown(.0), supported = supported_versions())]
    UnsupportedVersion(String),
    /// As before, in a message that names the same revision: its client knows the revisions without sessions.
    #[error("the protocol version {} is not supported here", shown(.0))]
    VersionWithoutSessions(String),
    /// The method belongs to a revision of the protocol that the gateway does not speak.
    #[error("method {} is not supported", shown(.0))]
    MethodNotFound(String),
    /// A tool call without a tool name.
    #[error("tools/call needs params.name, a non-empty string")]
    MissingToolName,
    /// A tool call for a name that no visible server offers.
    #[error("unknown tool: {}", shown(.0))]
    UnknownTool(String),
    /// A tool call for a name with the prefix of a server that offers nothing at the moment.
    #[error("server {0} is down: none of its tools can be called now")]
    ServerDown(String),
    /// The request needs a session and names none.
    #[error("the header Mcp-Session-Id is missing: initialize first")]
    SessionMissing,
    /// The session id is not one of this gateway.
    #[error("the session id is not valid: initialize again")]
    SessionInvalid,
    /// The session's time is over.
    #[error("the session has expired: initialize again")]
    SessionExpired,
    /// The session was ended by its client.
    #[error("the session was ended: initialize again")]
    SessionEnded,
}

impl Rejection {
    /// The value of `error.type`: few values, snake case.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::HostNotAllowed(_) => "host_not_allowed",
            Self::OriginNotAllowed(_) => "origin_not_allowed",
            Self::RoutingTokenInvalid => "routing_token_invalid",
            Self::NotFound => "not_found",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::BodyIncomplete => "body_incomplete",
            Self::ContentType => "unsupported_content_type",
            Self::Malformed(error) => error.reason(),
            Self::UnsupportedVersion(_) | Self::VersionWithoutSessions(_) => {
                "unsupported_protocol_version"
            }
            Self::MethodNotFound(_) => "method_not_found",
            Self::MissingToolName => "missing_tool_name",
            Self::UnknownTool(_) => "tool_not_found",
            Self::ServerDown(_) => "server_down",
            Self::SessionMissing => "missing_session",
            Self::SessionInvalid => "invalid_session",
            Self::SessionExpired => "expired_session",
            Self::SessionEnded => "ended_session",
        }
    }

    /// The HTTP status. A message that parsed is answered with 200 unless MCP asks for another status, because some
    /// clients give up the whole connection on any other one.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::HostNotAllowed(_) | Self::OriginNotAllowed(_) | Self::RoutingTokenInvalid => {
                http::StatusCode::FORBIDDEN
            }
            Self::BodyTooLarge(_) => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::ContentType => http::StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BodyIncomplete
            | Self::Malformed(_)
            | Self::UnsupportedVersion(_)
            | Self::VersionWithoutSessions(_)
            | Self::SessionMissing => http::StatusCode::BAD_REQUEST,
            Self::MethodNotFound(_)
            | Self::MissingToolName
            | Self::UnknownTool(_)
            | Self::ServerDown(_) => http::StatusCode::OK,
            Self::NotFound | Self::SessionInvalid | Self::SessionExpired | Self::SessionEnded => {
                http::StatusCode::NOT_FOUND
            }
        }
    }

    /// The JSON-RPC error code.
    pub fn code(&self) -> i32 {
        match self {
            Self::Malformed(error) => error.code(),
            Self::MethodNotFound(_) => code::METHOD_NOT_FOUND,
            Self::VersionWithoutSessions(_) => code::UNSUPPORTED_PROTOCOL_VERSION,
            Self::MissingToolName | Self::UnknownTool(_) => code::INVALID_PARAMS,
            Self::ServerDown(_) => code::INTERNAL_ERROR,
            Self::HostNotAllowed(_)
            | Self::OriginNotAllowed(_)
            | Self::RoutingTokenInvalid
            | Self::NotFound
            | Self::BodyTooLarge(_)
            | Self::BodyIncomplete
            | Self::ContentType
            | Self::UnsupportedVersion(_)
            | Self::SessionMissing
            | Self::SessionInvalid
            | Self::SessionExpired
            | Self::SessionEnded => code::INVALID_REQUEST,
        }
    }

    /// The `data` of the JSON-RPC error, as JSON text; `None` when there is nothing to add.
    pub fn data(&self) -> Option<Vec<u8>> {
        let Self::VersionWithoutSessions(requested) = self else { return None };
        let supported = ProtocolVersion::ALL.map(|version| format!("\"{version}\"")).join(",");
        let mut data = format!("{{\"supported\":[{supported}],\"requested\":").into_bytes();
        data.extend(quote(&shown(requested)));
        data.push(b'}');
        Some(data)
    }

    /// The JSON-RPC error that the sender gets, for its own `id` when that is known.
    pub fn body(&self, id: Option<&Id>) -> Vec<u8> {
        let message = self.to_string();
        match self.data() {
            Some(data) => error_response_with_data(id, self.code(), &message, &data),
            None => error_response(id, self.code(), &message),
        }
    }
}

/// Characters of a client's text that a message repeats.
const SHOWN_CHARS_MAX: usize = 128;

/// A client's text as a message or log line may repeat it: short, and without control characters.
fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(clean).take(SHOWN_CHARS_MAX).collect()
}

fn supported_versions() -> String {
    let names: Vec<_> = ProtocolVersion::ALL.iter().map(|v| v.as_str()).collect();
    names.join(", ")
}
