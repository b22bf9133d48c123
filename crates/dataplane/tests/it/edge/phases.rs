//! The phases of Envoy's external processing.

use std::sync::Arc;

use envoy_types::pb::envoy::service::ext_proc::v3::HeaderMutation;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response as Answer;
use http::StatusCode;
use mcp_gateway_core::config::{Limits, ListenAddress, Mode};
use mcp_gateway_dataplane::gateway::{Handles, StartError, start};
use mcp_gateway_telemetry::{FinishedSpan, Metrics, Status, Tracer, Value};

use super::envoy::set;
use super::peer::{Peer, typed};
use super::{Edge, PUBLIC_HOST, SERVER_HOST, call, config};
use crate::support::wait::until;

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

#[tokio::test]
async fn server_cannot_speak_for_the_broker_to_the_gateways_own_request() {
    let edge = Edge::start(Mode::Envoy).await;
    // A first call makes the gateway open a session through Envoy: here is the token of that request.
    edge.post(&[], &call(1)).await.edits().await;
    let own = edge.peer.seen("initialize").pop().unwrap();
    let token = own.headers["router-key"].as_bytes().to_vec();
    edge.recorder.clear();

    let mut exchange = edge.exchange().await;
    let head: &[(&str, &[u8])] = &[
        (":method", b"POST"),
        (":path", b"/mcp"),
        (":authority", SERVER_HOST.as_bytes()),
        ("mcp-init-host", SERVER_HOST.as_bytes()),
        ("router-key", &token),
    ];
    exchange.request_headers(head, true).await;
    let edits = exchange.edits().await;
    assert!(edits.remove_headers.iter().any(|name| name == "router-key"), "{edits:?}");
    let evil: &[(&str, &[u8])] = &[
        (":status", b"203"),
        ("x-envoy-upstream-service-time", b"1"),
        ("x-mcp-error-type", b"made_up_by_a_server"),
        ("x-mcp-error-source", b"broker"),
    ];
    exchange.response_headers(evil, true).await;
    exchange.edits().await;
    let span = until("the span has ended", || {
        let spans = edge.recorder.finished();
        let answered = |span: &&FinishedSpan| {
            let status = span.attribute("http.status_code");
            span.name == "mcp-router.process" && status == Some(&Value::I64(203))
        };
        spans.iter().find(answered).cloned().ok_or(spans)
    })
    .await;
    assert_eq!(span.attribute("error.type"), None, "{span:?}");
    assert!(!edge.metrics.encode().contains("made_up_by_a_server"));
}

#[tokio::test]
async fn method_that_no_header_can_carry_does_not_break_the_request() {
    let edge = Edge::start(Mode::Envoy).await;
    let rows = [
        (r"no\nsuch", b"no%0Asuch".to_vec()),
        ("a b", b"a%20b".to_vec()),
        (&"x".repeat(100_000), "x".repeat(256).into_bytes()),
    ];
    for (method, expect) in rows {
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}"}}"#);
        let edits = edge.post(&[], &body).await.edits().await;
        assert_eq!(set(&edits, ":authority"), Some(PUBLIC_HOST.as_bytes()));
        assert_eq!(set(&edits, "x-mcp-method"), Some(&*expect));
    }
}

#[tokio::test]
async fn what_described_the_clients_request_does_not_describe_the_one_to_the_server() {
    let edge = Edge::start(Mode::Envoy).await;
    let about: [(&str, &[u8]); 6] = [
        ("content-encoding", b"identity"),
        ("accept-encoding", b"gzip"),
        ("last-event-id", b"7"),
        ("mcp-name", b"other"),
        ("mcp-method", b"tools/list"),
        ("mcp-protocol-version", b"2025-06-18"),
    ];
    let edits = edge.post(&about, &call(7)).await.edits().await;
    for (name, _) in about.iter().chain([&("mcp-session-id", &b""[..])]) {
        assert!(edits.remove_headers.iter().any(|removed| removed == name), "{name}: {edits:?}");
    }
    assert_eq!(set(&edits, "content-type"), Some(&b"application/json"[..]));
    assert_eq!(set(&edits, "mcp-protocol-version"), Some(&b"2025-11-25"[..]));
    let session = set(&edits, "mcp-session-id").unwrap();
    assert!(session.starts_with(b"peer-"), "{}", String::from_utf8_lossy(session));
}

#[tokio::test]
async fn file_in_the_place_of_the_socket_is_not_removed() {
    let peer = Peer::start().await;
    let folder = std::env::temp_dir().join(format!("mcp-gateway-edge-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("precious");
    std::fs::write(&path, "content").unwrap();
    let mut config = config(Mode::Envoy, &peer);
    config.ext_proc_listen = ListenAddress::Unix(path.clone());
    let handles = Handles {
        tracer: Tracer::off(),
        metrics: Metrics::new(Status::off()),
        version: "1",
        status_extra: Arc::new(Vec::new),
    };
    let started = start(config, handles).await;
    assert!(matches!(started, Err(StartError::Bind { .. })));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "content");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn request_whose_head_is_not_shown_does_not_pass() {
    let edge = Edge::start(Mode::Envoy).await;
    let mut exchange = edge.exchange().await;
    exchange.request_body(&call(7)).await;
    let reply = exchange.immediate().await;
    assert_eq!(reply.status.unwrap().code, 500);
}

#[tokio::test]
async fn answer_of_envoy_to_a_request_that_it_did_not_show_passes() {
    let edge = Edge::start(Mode::Envoy).await;
    let mut exchange = edge.exchange().await;
    exchange.response_headers(&[(":status", b"431")], false).await;
    assert_eq!(exchange.edits().await, HeaderMutation::default());
    exchange.response_body("too large", true).await;
    assert!(matches!(exchange.next().await.unwrap(), Some(Answer::ResponseBody(_))));
}

#[tokio::test]
async fn header_that_cannot_be_read_is_not_taken_for_absent() {
    let edge = Edge::start(Mode::Envoy).await;
    let list = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
    for name in ["x-mcp-virtualserver", "x-mcp-authorized"] {
        let edits = edge.post(&[(name, b"a\x7f")], list).await.edits().await;
        assert!(edits.remove_headers.iter().any(|removed| removed == name), "{edits:?}");
        assert_eq!(set(&edits, "x-mcp-visible"), Some(&b"none"[..]));
    }
}

#[tokio::test]
async fn envoy_that_holds_bodies_is_asked_to_wait_as_long_as_a_call_may_take() {
    let edge = Edge::start(Mode::Envoy).await;
    let mut exchange = edge.exchange().await.buffered();
    exchange.request_headers(&edge.head(&[]), false).await;
    exchange.edits().await;
    exchange.request_body(&call(7)).await;
    assert!(matches!(exchange.next().await.unwrap(), Some(Answer::RequestBody(_))));
    // Sent once more, the call is answered with the beginning of an answer.
    let silence = futures_util::stream::pending::<std::io::Result<String>>();
    edge.peer.answers([typed("application/json", axum::body::Body::from_stream(silence))]);
    exchange.response_headers(NOT_FOUND, true).await;
    assert!(exchange.patience().await > Limits::default().call_idle_timeout);
}

#[tokio::test]
async fn nothing_passes_in_trailers() {
    let edge = Edge::start(Mode::Envoy).await;
    let trailers: &[(&str, &[u8])] = &[("x-mcp-toolname", b"other"), ("mcp-session-id", b"x")];
    let mut exchange = edge.exchange().await;
    exchange.request_headers(&edge.head(&[]), false).await;
    exchange.request_chunk(&call(7), false).await;
    exchange.request_trailers(trailers).await;
    exchange.edits().await;
    assert!(matches!(exchange.next().await.unwrap(), Some(Answer::RequestBody(_))));
    let Some(Answer::RequestTrailers(request)) = exchange.next().await.unwrap() else { panic!() };
    let head: &[(&str, &[u8])] = &[
        (":status", b"200"),
        ("content-type", b"application/json"),
        ("x-envoy-upstream-service-time", b"1"),
    ];
    exchange.response_headers(head, false).await;
    exchange.edits().await;
    exchange.response_body(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, false).await;
    exchange.response_trailers(trailers).await;
    assert!(matches!(exchange.next().await.unwrap(), Some(Answer::ResponseBody(_))));
    let Some(Answer::ResponseTrailers(response)) = exchange.next().await.unwrap() else { panic!() };
    for passed in [request, response] {
        let removed = passed.header_mutation.unwrap().remove_headers;
        assert_eq!(removed, ["x-mcp-toolname", "mcp-session-id"]);
    }
}

#[tokio::test]
async fn refusal_of_a_policy_is_told_from_a_server_that_is_away() {
    let edge = Edge::start(Mode::Envoy).await;
    let rows = [
        (&b"401"[..], 401, "a policy before server demo/peer refused the call: HTTP status 401"),
        (b"403", 403, "a policy before server demo/peer refused the call: HTTP status 403"),
        (b"429", 200, "a policy before server demo/peer refused the call: HTTP status 429"),
        (b"503", 200, "server demo/peer cannot be reached"),
    ];
    for (given, expect, message) in rows {
        let mut exchange = edge.post(&[], &call(7)).await;
        exchange.edits().await;
        exchange.next().await.unwrap();
        // No server was asked: Envoy's own answer lacks the mark that its router puts on a server's.
        let head: &[(&str, &[u8])] = &[(":status", given), ("www-authenticate", b"Bearer")];
        exchange.response_headers(head, true).await;
        let reply = exchange.immediate().await;
        assert_eq!(reply.status.unwrap().code, expect, "{message}");
        let body = String::from_utf8(reply.body).unwrap();
        assert!(body.contains(r#""id":7,"#) && body.contains(message), "{body}");
        let challenge = set(&reply.headers.unwrap(), "www-authenticate").is_some();
        assert_eq!(challenge, expect != 200, "{message}");
    }
}
