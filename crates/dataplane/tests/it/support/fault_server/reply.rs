//! Responses by hand.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream::{self, Stream};
use http::{StatusCode, header};

/// One event of a stream.
pub(super) fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

pub(super) fn status(code: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

pub(super) fn typed(code: u16, content_type: &str, body: String) -> Response {
    let mut response = status(code);
    response.headers_mut().insert(header::CONTENT_TYPE, content_type.parse().unwrap());
    *response.body_mut() = Body::from(body);
    response
}

pub(super) fn events<const N: usize>(events: [String; N]) -> Response {
    let parts = stream::iter(events.map(|event| Ok::<_, Infallible>(Bytes::from(event))));
    streamed("text/event-stream", parts)
}

pub(super) fn streamed<E: std::error::Error + Send + Sync + 'static>(
    content_type: &str,
    parts: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
) -> Response {
    let mut response = typed(200, content_type, String::new());
    *response.body_mut() = Body::from_stream(parts);
    response
}
