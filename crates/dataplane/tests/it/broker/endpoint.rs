//! What the endpoint asks of each request: a session, a method, a path; and how a session ends.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use http_body_util::BodyExt;
use mcp_gateway_core::jsonrpc::Message;
use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_core::routing::Visibility;
use mcp_gateway_dataplane::broker::BrokerCall;
use mcp_gateway_dataplane::session::{
    ServerSession, SessionError, UpstreamSession, UpstreamSessionId,
};
use mcp_gateway_telemetry::Span;
use serde_json::json;

use super::{JSON, PING, SESSION_TTL, check, fixture, post, request, session_header};

const EVENTS: &str = "accept: text/event-stream";

#[tokio::test]
async fn session_is_needed_and_verified() {
    let fixture = fixture();
    let expired = session_header(&fixture.session());
    fixture.hand.advance(SESSION_TTL);
    let ended = fixture.session();
    fixture.tokens.end(&ended.facts).await.unwrap();
    let ended = session_header(&ended);
    let valid = session_header(&fixture.session());
    let rows: [(&str, Vec<&str>, u16); 5] = [
        ("missing", vec![], 400),
        ("foreign", vec!["mcp-session-id: abc"], 404),
        ("expired", vec![&expired], 404),
        ("ended", vec![&ended], 404),
        ("twice", vec![&valid, &valid], 404),
    ];
    let bodies = [
        (PING, Some(json!(7))),
        (r#"{"jsonrpc":"2.0","id":"x","method":"tools/list"}"#, Some(json!("x"))),
        (r#"{"jsonrpc":"2.0","id":"x","method":"no/such"}"#, Some(json!("x"))),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, None),
        (r#"{"jsonrpc":"2.0","id":3,"result":{}}"#, None),
    ];
    for (what, headers, status) in rows {
        for (body, id) in &bodies {
            let headers: Vec<&str> = headers.iter().copied().chain([JSON]).collect();
            let answer = fixture.answer(request(Method::POST, &headers, *body)).await;
            check(&format!("{what}: {body}"), &answer, (status, Some(-32600), id.clone()));
        }
        let get: Vec<&str> = headers.iter().copied().chain([EVENTS]).collect();
        let answer = fixture.answer(request(Method::GET, &get, "")).await;
        check(&format!("{what}: GET"), &answer, (status, Some(-32600), None));
        let answer = fixture.answer(request(Method::DELETE, &headers, "")).await;
        check(&format!("{what}: DELETE"), &answer, (status, Some(-32600), None));
    }
}

#[tokio::test]
async fn delete_ends_the_session_and_closes_what_belongs_to_it() {
    let mut fixture = fixture();
    let session = fixture.session();
    let theirs = Some(UpstreamSessionId::new(b"theirs").unwrap());
    let upstream = UpstreamSession::new(theirs, ProtocolVersion::V2025_06_18, Duration::ZERO);
    fixture.cache.put(&session.facts, "demo/weather", &upstream).await.unwrap();
    let header = session_header(&session);
    let answer = fixture.answer(request(Method::DELETE, &[header.as_str()], "")).await;
    check("first", &answer, (204, None, None));
    let expect = ServerSession { server: "demo/weather".to_owned(), session: upstream };
    assert_eq!(fixture.closed.recv().await, Some(expect));
    let answer = fixture.answer(post(Some(&session), PING)).await;
    check("afterwards", &answer, (404, Some(-32600), Some(json!(7))));
    let answer = fixture.answer(request(Method::DELETE, &[header.as_str()], "")).await;
    check("second", &answer, (404, Some(-32600), None));
    assert!(fixture.metrics.encode().contains("mcp_gateway_sessions_ended_total 1"));
}

#[tokio::test]
async fn other_methods_are_not_allowed() {
    let fixture = fixture();
    let session = session_header(&fixture.session());
    let modern = "mcp-protocol-version: 2026-07-28";
    let rows: [(Method, &[&str], &str); 6] = [
        (Method::PUT, &[], "GET, POST, DELETE"),
        (Method::PATCH, &[], "GET, POST, DELETE"),
        (Method::OPTIONS, &[], "GET, POST, DELETE"),
        (Method::from_bytes(b"BREW").unwrap(), &[], "GET, POST, DELETE"),
        (Method::GET, &[modern, EVENTS], "POST"),
        (Method::DELETE, &[modern], "POST"),
    ];
    for (method, headers, allow) in rows {
        let headers: Vec<&str> = headers.iter().copied().chain([session.as_str()]).collect();
        let answer = fixture.answer(request(method.clone(), &headers, "")).await;
        check(method.as_str(), &answer, (405, Some(-32600), None));
        assert_eq!(answer.header("allow"), Some(allow), "{method}");
    }
}

#[tokio::test]
async fn streams_are_given_to_those_who_ask_for_them() {
    let fixture = fixture();
    let session = session_header(&fixture.session());
    let rows: [(&[&str], u16); 9] = [
        (&[], 406),
        (&["accept: */*"], 406),
        (&["accept: application/json"], 406),
        (&["accept: text/event-streams"], 406),
        (&[EVENTS, "mcp-protocol-version: 2024-11-05"], 400),
        (&[EVENTS, "mcp-protocol-version: not-a-date"], 400),
        (&[EVENTS], 200),
        (&["accept: application/json, Text/Event-Stream;q=0.9"], 200),
        (&["accept: application/json", EVENTS], 200),
    ];
    for (headers, status) in rows {
        let headers: Vec<&str> = headers.iter().copied().chain([session.as_str()]).collect();
        let response = fixture.send(request(Method::GET, &headers, "")).await;
        assert_eq!(response.status(), status, "{headers:?}");
        let header = |name: &str| response.headers().get(name).map(HeaderValue::as_bytes);
        if status == 200 {
            assert_eq!(header("content-type"), Some(&b"text/event-stream"[..]));
            assert_eq!(header("cache-control"), Some(&b"no-cache"[..]));
            assert_eq!(header("x-accel-buffering"), Some(&b"no"[..]));
            assert_eq!(header("mcp-session-id"), None);
        }
    }
}

#[tokio::test]
async fn requests_are_answered_in_process_as_they_are_over_http() {
    let fixture = fixture();
    fixture.publish(&["today", "tomorrow"]);
    let list = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let message = Message::parse(list).unwrap();
    let facts = fixture.session().facts;
    let rows = [
        (Method::POST, Some(&message), Ok(Some(facts.clone())), 200),
        (Method::POST, Some(&message), Ok(None), 400),
        (Method::POST, Some(&message), Err(SessionError::Invalid), 404),
        (Method::DELETE, None, Ok(Some(facts)), 204),
        (Method::DELETE, None, Err(SessionError::Ended), 404),
        (Method::PUT, None, Ok(None), 405),
    ];
    for (method, message, session, status) in rows {
        let call = BrokerCall {
            method: &method,
            headers: &HeaderMap::new(),
            message,
            session: &session,
            visibility: &Visibility::VirtualServer("today".to_owned()),
            parent: &Span::off(),
        };
        let response = fixture.broker.handle(call).await;
        assert_eq!(response.status(), status, "{method} {session:?}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        if status == 200 {
            let expect = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"weather_today","#;
            assert!(body.starts_with(expect.as_bytes()), "{body:?}");
            assert!(body.ends_with(b"}}]}}"), "{body:?}");
        }
    }
}

#[tokio::test]
async fn endpoint_has_no_other_path() {
    let fixture = fixture();
    for (path, status) in
        [("/mcp", 200), ("/mcp/", 200), ("/mcp?x=1", 200), ("/", 404), ("/mcp/x", 404)]
    {
        let mut request = post(Some(&fixture.session()), PING);
        *request.uri_mut() = path.parse().unwrap();
        assert_eq!(fixture.answer(request).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn browser_that_was_led_past_envoy_is_refused() {
    let fixture = fixture();
    let rows: [(&[&str], u16); 5] = [
        (&["host: localhost:8080"], 404),
        (&["host: 127.0.0.1:8080"], 404),
        (&["host: rebound.example.net:8080"], 403),
        (&["host: localhost", "origin: https://evil.example.net"], 403),
        (&["host: localhost", "origin: null"], 403),
    ];
    for (headers, status) in rows {
        let headers: Vec<&str> =
            headers.iter().copied().chain([JSON, "mcp-session-id: x"]).collect();
        let answer = fixture.answer(request(Method::POST, &headers, PING)).await;
        let id = (status == 404).then(|| json!(7));
        check(&format!("{headers:?}"), &answer, (status, Some(-32600), id));
    }
}
