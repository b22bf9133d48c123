//! The phases of Envoy's external processing.

use http::StatusCode;
use mcp_gateway_core::config::Mode;

use super::peer::{status, typed};
use super::{Edge, call};

const OK: &[(&str, &[u8])] = &[
    (":status", b"200"),
    ("content-type", b"application/json"),
    ("x-envoy-upstream-service-time", b"1"),
];
const NOT_FOUND: &[(&str, &[u8])] = &[(":status", b"404"), ("x-envoy-upstream-service-time", b"1")];

#[tokio::test]
async fn answer_that_has_to_be_held_whole_is_bounded() {
    let edge = Edge::start_with(Mode::Envoy, |config| config.limits.answer_bytes_max = 1_000).await;
    let mut exchange = edge.post(&[], &call(7)).await;
    exchange.edits().await;
    exchange.next().await.unwrap();
    // Sent once more, the call is answered without end.
    let endless = futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1_000)));
    edge.peer.answers([typed("application/json", axum::body::Body::from_stream(endless))]);
    exchange.response_headers(NOT_FOUND, true).await;
    let reply = exchange.immediate().await;
    assert_eq!(reply.status.unwrap().code, i32::from(StatusCode::OK.as_u16()));
    let body = String::from_utf8(reply.body).unwrap();
    assert!(body.contains(r#""id":7,"error""#) && body.contains("demo/peer"), "{body}");
}
