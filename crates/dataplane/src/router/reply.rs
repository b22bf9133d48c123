//! An answer that the gateway gives itself, in place of a server or the broker.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use mcp_gateway_core::jsonrpc::{Id, error_response};
use mcp_gateway_core::routing::Rejection;

/// A complete HTTP response, ready to be written by either front end.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// All headers but `content-length`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body.
    pub body: Bytes,
}

impl Reply {
    /// A JSON body.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self { status, headers: vec![(CONTENT_TYPE, json)], body: body.into() }
    }

    /// The answer to a request that the gateway refuses; carries the caller's id when it is known.
    pub fn rejection(rejection: &Rejection, id: Option<&Id>) -> Self {
        Self::json(rejection.status(), rejection.body(id))
    }

    /// A JSON-RPC error to a request that parsed: HTTP 200, since some clients give up on any other status.
    pub fn error(id: &Id, code: i32, message: &str) -> Self {
        Self::json(StatusCode::OK, error_response(Some(id), code, message))
    }
}
