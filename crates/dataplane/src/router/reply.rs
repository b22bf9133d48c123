//! An answer that the gateway gives itself, in place of a server or the broker.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use mcp_gateway_core::jsonrpc::{Id, code, error_response};
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

    /// Passes a server's refusal on, with a JSON-RPC error for the caller's id in the body.
    pub fn challenge(challenge: &Challenge, id: &Id, message: &str) -> Self {
        let mut reply = Self::error(id, code::INTERNAL_ERROR, message);
        reply.status = challenge.status;
        if let Some(value) = &challenge.www_authenticate {
            reply.headers.push((WWW_AUTHENTICATE, value.clone()));
        }
        reply
    }
}

/// A refusal of a server that asks for (other) credentials: it is passed on, since the client can act on it.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// 401 or 403.
    pub status: StatusCode,
    /// What the server asks for.
    pub www_authenticate: Option<HeaderValue>,
}
