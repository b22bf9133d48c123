//! Every answer of the broker: the one place that picks its statuses, codes and headers.
//!
//! Refusals that the router knows, too, keep what [`Rejection`] says of them; [`BrokerError`] adds the broker's own.
//! A body never has `"id": null`: the id is the caller's or it is left out.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use mcp_gateway_core::header::{
    MCP_SESSION_ID, X_MCP_ERROR_CODE, X_MCP_ERROR_SOURCE, X_MCP_ERROR_TYPE,
};
use mcp_gateway_core::jsonrpc::{Id, code, error_response, result_response};
use mcp_gateway_core::routing::Rejection;
use mcp_gateway_telemetry::Span;
use mcp_gateway_telemetry::name::{attribute, error_source};

use crate::broker::body::Body;
use crate::session::GatewaySessionId;
use crate::session::token::MintError;
use crate::store::StoreError;

/// The methods of the MCP endpoint.
const METHODS: &str = "GET, POST, DELETE";
/// The methods that revisions without sessions have.
const METHODS_WITHOUT_SESSIONS: &str = "POST";
/// Not buffered by proxies that would wait for the end of a stream: nginx and those that copy it.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Why the broker does not answer with a result. `Display` is the sentence for the client.
#[derive(Debug, thiserror::Error)]
pub(super) enum BrokerError {
    /// The request is refused for a reason that the router knows, too.
    #[error("{0}")]
    Rejected(Rejection),
    /// `server/discover`: newer clients ask for it to find out whether the server speaks their revision.
    #[error("method \"server/discover\" is not supported")]
    Discover {
        /// Whether the request is of a revision without sessions, in which this refusal has a status of its own.
        is_without_sessions: bool,
    },
    /// `initialize` without a protocol version.
    #[error("initialize needs params.protocolVersion, a string")]
    ProtocolVersionMissing,
    /// A cursor that no list of the broker ever returned: its lists have one page.
    #[error("params.cursor is not one that this server returned")]
    UnknownCursor,
    /// A call that went past the router.
    #[error(
        "tools/call is answered by the gateway's router: send it to the gateway's public address"
    )]
    NotRouted,
    /// A stream was asked for without `Accept: text/event-stream`.
    #[error("the header Accept must name text/event-stream")]
    NotAcceptable,
    /// An HTTP method that the endpoint does not have.
    #[error("this HTTP method is not allowed here")]
    MethodNotAllowed {
        /// Whether the request is of a revision without sessions.
        is_without_sessions: bool,
    },
    /// Too many streams are open.
    #[error("too many streams are open")]
    TooManyStreams,
    /// The session could not be made.
    #[error("the session could not be opened")]
    Mint(#[source] MintError),
    /// The session's end could not be stored.
    #[error("the session could not be ended")]
    Store(#[source] StoreError),
}

impl BrokerError {
    /// The value of `error.type`.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.reason(),
            Self::Discover { .. } => "method_not_found",
            Self::ProtocolVersionMissing => "missing_protocol_version",
            Self::UnknownCursor => "unknown_cursor",
            Self::NotRouted => "not_routed",
            Self::NotAcceptable => "not_acceptable",
            Self::MethodNotAllowed { .. } => "http_method_not_allowed",
            Self::TooManyStreams => "too_many_streams",
            Self::Mint(_) => "session_not_opened",
            Self::Store(error) => error.reason(),
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Rejected(rejection) => rejection.status(),
            Self::Discover { is_without_sessions: true } => StatusCode::NOT_FOUND,
            Self::Discover { is_without_sessions: false }
            | Self::ProtocolVersionMissing
            | Self::UnknownCursor
            | Self::NotRouted
            | Self::Mint(_) => StatusCode::OK,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyStreams => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> i32 {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Discover { .. } => code::METHOD_NOT_FOUND,
            Self::ProtocolVersionMissing | Self::UnknownCursor => code::INVALID_PARAMS,
            Self::NotRouted | Self::NotAcceptable | Self::MethodNotAllowed { .. } => {
                code::INVALID_REQUEST
            }
            Self::TooManyStreams | Self::Mint(_) | Self::Store(_) => code::INTERNAL_ERROR,
        }
    }

    /// A header that says more about the refusal.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed { is_without_sessions: true } => {
                Some((ALLOW, HeaderValue::from_static(METHODS_WITHOUT_SESSIONS)))
            }
            Self::MethodNotAllowed { is_without_sessions: false } => {
                Some((ALLOW, HeaderValue::from_static(METHODS)))
            }
            Self::TooManyStreams => Some((RETRY_AFTER, HeaderValue::from_static("5"))),
            Self::Rejected(_)
            | Self::Discover { .. }
            | Self::ProtocolVersionMissing
            | Self::UnknownCursor
            | Self::NotRouted
            | Self::NotAcceptable
            | Self::Mint(_)
            | Self::Store(_) => None,
        }
    }

    /// Writes the failure on the broker's span. The span's status says so only when the caller is not to blame.
    pub(super) fn write(&self, span: &Span) {
        let code = self.code();
        span.set(|attributes| {
            attributes.put(attribute::ERROR_TYPE, self.reason());
            attributes.put(attribute::ERROR_SOURCE, self.source());
            attributes.put(attribute::RPC_RESPONSE_STATUS_CODE, code.to_string());
        });
        if code == code::INTERNAL_ERROR {
            span.fail(|| self.to_string());
        }
    }

    /// The value of `error_source`: the caller, unless something of the broker's own failed.
    pub(super) fn source(&self) -> &'static str {
        if self.code() == code::INTERNAL_ERROR {
            error_source::BROKER
        } else {
            error_source::CLIENT
        }
    }
}

impl From<Rejection> for BrokerError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// Answers a request with its result, JSON text.
pub(super) fn result(id: &Id, result: &[u8]) -> Response<Body> {
    json(StatusCode::OK, result_response(id, result))
}

/// Answers `initialize`: the only response that names a session.
pub(super) fn initialized(id: &Id, body: &[u8], session: &GatewaySessionId) -> Response<Body> {
    let mut response = result(id, body);
    response.headers_mut().insert(HeaderName::from_static(MCP_SESSION_ID), session.header_value());
    response
}

/// Takes a notification or a response.
pub(super) fn accepted() -> Response<Body> {
    empty(StatusCode::ACCEPTED)
}

/// Confirms that a session has ended.
pub(super) fn ended() -> Response<Body> {
    empty(StatusCode::NO_CONTENT)
}

/// Begins an event stream.
pub(super) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Refuses a request, with the caller's id when there is one. The router reads the reason from the headers, for the
/// request's span, and takes them off.
pub(super) fn error(error: &BrokerError, id: Option<&Id>) -> Response<Body> {
    let body = if let BrokerError::Rejected(rejection) = error {
        rejection.body(id)
    } else {
        error_response(id, error.code(), &error.to_string())
    };
    let mut response = json(error.status(), body);
    let headers = response.headers_mut();
    headers.insert(X_MCP_ERROR_TYPE, HeaderValue::from_static(error.reason()));
    headers.insert(X_MCP_ERROR_SOURCE, HeaderValue::from_static(error.source()));
    headers.insert(X_MCP_ERROR_CODE, error.code().into());
    if let Some((name, value)) = error.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn json(status: StatusCode, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::Whole(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(Bytes::new()));
    *response.status_mut() = status;
    response
}
