//! A client's request as the HTTP server hands it over, turned into the router's form.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::HOST;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::BodyExt;
use mcp_gateway_core::header::{X_FORWARDED_FOR, X_REQUEST_ID};
use tokio::time::Instant;
use uuid::Uuid;

use crate::router::{BodyFault, RequestHead};

/// How long a request body may take to arrive whole. A client that needs longer for a message of a few MiB has gone.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Splits a request; one without an id gets one, and each the address it came from.
pub(super) fn split(request: Request<Body>, peer: SocketAddr) -> (RequestHead, Body) {
    let (mut parts, body) = request.into_parts();
    if !parts.headers.contains_key(X_REQUEST_ID) {
        let id = Uuid::new_v4().to_string();
        if let Ok(value) = HeaderValue::try_from(id) {
            parts.headers.insert(HeaderName::from_static(X_REQUEST_ID), value);
        }
    }
    // As every proxy does: whoever reads from the right finds the address that cannot be made up.
    if let Ok(value) = HeaderValue::try_from(peer.ip().to_canonical().to_string()) {
        parts.headers.append(HeaderName::from_static(X_FORWARDED_FOR), value);
    }
    let authority = match parts.uri.authority() {
        Some(authority) => authority.to_string(),
        None => authority(parts.headers.get_all(HOST).iter()),
    };
    parts.headers.remove(HOST);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let head = RequestHead {
        method: parts.method,
        authority,
        path_and_query: path,
        headers: parts.headers,
        peer: Some(peer),
        version: Some(parts.version),
    };
    (head, body)
}

/// The one `Host`; none when it is absent, repeated or not text, and then no host matches.
fn authority<'a>(mut hosts: impl Iterator<Item = &'a HeaderValue>) -> String {
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default().to_owned(),
        (Some(_) | None, _) => String::new(),
    }
}

/// Reads a body whole, within a number of bytes and a time.
pub(super) async fn read(mut body: Body, bytes_max: usize) -> Result<Bytes, BodyFault> {
    let deadline = Instant::now() + BODY_TIMEOUT;
    let mut whole = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(None) => return Ok(whole.freeze()),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Err(BodyFault::Incomplete),
        };
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > bytes_max {
            return Err(BodyFault::TooLarge);
        }
        whole.extend_from_slice(&data);
    }
}
