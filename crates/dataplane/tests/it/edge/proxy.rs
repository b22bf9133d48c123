//! The gateway without Envoy.

use http::{Method, StatusCode};
use mcp_gateway_core::config::Mode;
use serde_json::Value;

use super::peer::{Answer, typed};
use super::{Edge, call};
use crate::support::wait::until;

const PROCESS: &str = "mcp-router.process";

/// An answer of the server that it says is compressed.
fn coded(code: StatusCode, content_type: &'static str) -> Answer {
    let mut answer = typed(content_type, "\u{1f}not really compressed");
    *answer.status_mut() = code;
    answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    answer
}

#[tokio::test]
async fn answers_of_the_gateway_in_place_of_a_coded_one_are_plain() {
    let edge = Edge::start(Mode::Standalone).await;
    for (code, content_type) in [
        (StatusCode::OK, "text/html"),
        (StatusCode::INTERNAL_SERVER_ERROR, "application/json"),
        (StatusCode::INTERNAL_SERVER_ERROR, "text/html"),
    ] {
        edge.peer.answers([coded(code, content_type)]);
        let answer = edge.send(Method::POST, &[], &call(7)).await;
        assert_eq!(answer.headers().get("content-encoding"), None, "{code} {content_type}");
        let message: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!((&message["id"], message["error"].is_object()), (&Value::from(7), true));
    }
}

#[tokio::test]
async fn coded_answers_pass_as_they_are() {
    let edge = Edge::start(Mode::Standalone).await;
    edge.peer.answers([coded(StatusCode::OK, "application/json")]);
    let answer = edge.send(Method::POST, &[], &call(7)).await;
    assert_eq!(answer.headers()["content-encoding"], "gzip");
    assert_eq!(answer.body(), "\u{1f}not really compressed");
}

#[tokio::test]
async fn client_that_waits_for_its_answer_has_not_gone() {
    let edge = Edge::start(Mode::Standalone).await;
    let rows = [
        (Method::POST, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, 202),
        (Method::POST, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, 200),
        (Method::HEAD, "", 405),
        (Method::DELETE, "", 204),
        (Method::GET, "", 404),
    ];
    for (method, body, status) in rows {
        edge.recorder.clear();
        let accept = [("accept", "text/event-stream")];
        let answer = edge.send(method.clone(), &accept, body).await;
        assert_eq!(answer.status(), status, "{method} {body}");
        let span = until("the span has ended", || {
            let spans = edge.recorder.finished();
            spans.iter().find(|span| span.name == PROCESS).cloned().ok_or(spans)
        })
        .await;
        let gone = span.attributes.iter().find(|(name, _)| name.contains("disconnected"));
        assert_eq!(gone, None, "{method} {body}");
    }
}

#[tokio::test]
async fn numbers_that_a_server_makes_up_are_no_series_of_their_own() {
    let edge = Edge::start(Mode::Standalone).await;
    let code = |code: i64| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":7,"error":{{"code":{code},"message":"x"}}}}"#);
        typed("application/json", body)
    };
    let mut odd = typed("text/plain", "");
    *odd.status_mut() = StatusCode::from_u16(788).unwrap();
    edge.peer.answers([code(-32_602), code(424_242), code(-31_999), odd]);
    for _ in 0..4 {
        edge.send(Method::POST, &[], &call(7)).await;
    }
    let figures = edge.metrics.encode();
    let has = |value: &str| figures.contains(&format!("error_type=\"{value}\""));
    assert!(has("-32602") && has("_OTHER"), "{figures}");
    for value in ["424242", "-31999", "788"] {
        assert!(!has(value), "{value} in {figures}");
    }
}

#[tokio::test]
async fn call_whose_session_ends_under_it_hears_so() {
    let edge = Edge::start(Mode::Standalone).await;
    let gate = edge.peer.closed().await;
    let ended = async {
        // One session is the gateway's own.
        let asked = || (edge.peer.seen("initialize").len() == 2).then_some(()).ok_or("not asked");
        until("a session with the server is being opened", asked).await;
        assert_eq!(edge.send(Method::DELETE, &[], "").await.status(), 204);
        drop(gate);
    };
    let message = call(7);
    let (answer, ()) = tokio::join!(edge.send(Method::POST, &[], &message), ended);
    assert_eq!(answer.status(), 404);
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((&body["id"], &body["error"]["code"]), (&Value::from(7), &Value::from(-32_600)));
}

#[tokio::test]
async fn servers_are_told_which_address_a_request_came_from() {
    let edge = Edge::start(Mode::Standalone).await;
    edge.send(Method::POST, &[("x-forwarded-for", "192.0.2.1")], &call(7)).await;
    for method in ["initialize", "tools/call"] {
        let seen = edge.peer.seen(method).pop().unwrap();
        let addresses: Vec<_> = seen.headers.get_all("x-forwarded-for").iter().collect();
        assert_eq!(addresses, ["192.0.2.1", "127.0.0.1"], "{method}");
    }
}
