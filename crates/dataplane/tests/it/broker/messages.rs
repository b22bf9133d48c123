//! What each message gets: one row for each kind, with its status, code and id.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt;
use hyper::service::Service;
use serde_json::{Value, json};

use super::{
    Answer, BODY_BYTES_MAX, Expect, Fixture, JSON, PING, check, fixture, post, request,
    session_header,
};

/// Sends `body` with the headers and a valid session.
async fn send(fixture: &Fixture, headers: &[&str], body: &str) -> Answer {
    let session = session_header(&fixture.session());
    let headers: Vec<&str> = headers.iter().copied().chain([session.as_str()]).collect();
    fixture.answer(request(Method::POST, &headers, body.to_owned())).await
}

#[tokio::test]
async fn every_body_gets_its_answer() {
    let fixture = fixture();
    let (seven, a) = (Some(json!(7)), Some(json!("a")));
    let rows: [(&str, Expect); 28] = [
        ("", (400, Some(-32700), None)),
        ("{", (400, Some(-32700), None)),
        ("\u{feff}{}", (400, Some(-32700), None)),
        ("7", (400, Some(-32600), None)),
        ("null", (400, Some(-32600), None)),
        ("[]", (400, Some(-32600), None)),
        (r#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#, (400, Some(-32600), None)),
        ("{}", (400, Some(-32600), None)),
        (r#"{"jsonrpc":"2.0","id":7}"#, (400, Some(-32600), seven.clone())),
        (r#"{"jsonrpc":"2.0","id":7,"method":1}"#, (400, Some(-32600), seven.clone())),
        (r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, (400, Some(-32600), seven.clone())),
        (r#"{"id":7,"method":"ping"}"#, (400, Some(-32600), seven.clone())),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, (400, Some(-32600), None)),
        (r#"{"jsonrpc":"2.0","method":"ping"}"#, (400, Some(-32600), None)),
        (r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#, (400, Some(-32600), None)),
        (r#"{"jsonrpc":"2.0","id":7,"Method":"ping"}"#, (400, Some(-32600), seven.clone())),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}"#,
            (400, Some(-32602), seven.clone()),
        ),
        (r#"{"jsonrpc":"2.0","id":"a","method":"no/such"}"#, (200, Some(-32601), a.clone())),
        (r#"{"jsonrpc":"2.0","id":"a","method":"resources/list"}"#, (200, Some(-32601), a.clone())),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"notifications/initialized"}"#,
            (200, Some(-32601), a.clone()),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"server/discover"}"#,
            (200, Some(-32601), a.clone()),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"x"}}"#,
            (200, Some(-32600), a.clone()),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":"x"}}"#,
            (200, Some(-32602), a.clone()),
        ),
        (
            r#"{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{"cursor":1}}"#,
            (200, Some(-32602), a),
        ),
        (r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, (202, None, None)),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/anything","params":{"x":1}}"#,
            (202, None, None),
        ),
        (r#"{"jsonrpc":"2.0","id":7,"result":{}}"#, (202, None, None)),
        (r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m"}}"#, (202, None, None)),
    ];
    for (body, expect) in rows {
        check(body, &send(&fixture, &[JSON], body).await, expect);
    }
}

#[tokio::test]
async fn ids_come_back_as_they_were_written() {
    let fixture = fixture();
    for id in
        ["0", "-1", "9007199254740993", "1e3", "1.50", r#""""#, r#""\u0041\/""#, r#"{"x":[1]}"#]
    {
        for (method, result) in [("ping", r#""result":{}"#), ("no/such", r#""error":"#)] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#);
            let answer = send(&fixture, &[JSON], &body).await;
            let expect = format!(r#"{{"jsonrpc":"2.0","id":{id},{result}"#);
            assert!(answer.body.starts_with(expect.as_bytes()), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn content_type_must_be_json() {
    let fixture = fixture();
    let seven = Some(json!(7));
    let rows: [(&[&str], &str, u16, Option<Value>); 8] = [
        (&[], PING, 415, seven.clone()),
        (&["content-type: text/plain"], PING, 415, seven.clone()),
        (&["content-type: application/json-seq"], PING, 415, seven.clone()),
        (&[JSON, JSON], PING, 415, seven),
        (&["content-type: text/plain"], "{", 415, None),
        (&["content-type: text/plain"], r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, 415, None),
        (&["content-type: application/json; charset=utf-8"], PING, 200, None),
        (&["content-type: Application/JSON ;charset=utf-8"], PING, 200, None),
    ];
    for (headers, body, status, id) in rows {
        let answer = send(&fixture, headers, body).await;
        let what = format!("{headers:?} {body}");
        match status {
            200 => assert_eq!(
                answer.json(),
                json!({"jsonrpc": "2.0", "id": 7, "result": {}}),
                "{what}"
            ),
            _ => check(&what, &answer, (status, Some(-32600), id)),
        }
    }
}

#[tokio::test]
async fn bodies_have_a_size() {
    let fixture = fixture();
    let padded = |bytes: usize| {
        let empty = r#"{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":""}}"#;
        empty.replace(r#""x":"""#, &format!(r#""x":"{}""#, "a".repeat(bytes - empty.len())))
    };
    assert_eq!(send(&fixture, &[JSON], &padded(BODY_BYTES_MAX)).await.status, 200);
    let answer = send(&fixture, &[JSON], &padded(BODY_BYTES_MAX + 1)).await;
    check("too large", &answer, (413, Some(-32600), None));
}

#[tokio::test]
async fn unsupported_revisions_are_told_apart() {
    let fixture = fixture();
    let with_meta = |method: &str, version: &str| {
        json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": {"protocolVersion": "2025-11-25",
            "_meta": {"io.modelcontextprotocol/protocolVersion": version}}})
        .to_string()
    };
    let plain = |method: &str| with_meta(method, "2025-06-18").replace("io.", "other.");
    let rows: [(&[&str], String, u16, Option<i64>); 12] = [
        (&["2025-03-26"], plain("ping"), 200, None),
        (&["2025-06-18"], plain("ping"), 200, None),
        (&["2025-11-25"], plain("initialize"), 200, None),
        (&["2024-11-05"], plain("ping"), 400, Some(-32600)),
        (&["2026-07-28"], plain("ping"), 400, Some(-32600)),
        (&["2026-07-28"], plain("initialize"), 400, Some(-32600)),
        (&["2026-07-28"], with_meta("tools/list", "2026-07-28"), 400, Some(-32022)),
        (&["2099-01-01"], with_meta("tools/list", "2099-01-01"), 400, Some(-32022)),
        (&["2026-07-28"], with_meta("tools/list", "2099-01-01"), 400, Some(-32600)),
        (&["2025-11-25", "2025-11-25"], plain("ping"), 400, Some(-32600)),
        (&["2026-07-28"], with_meta("server/discover", "2026-07-28"), 404, Some(-32601)),
        (&["2025-11-25"], plain("server/discover"), 200, Some(-32601)),
    ];
    for (versions, body, status, code) in rows {
        let headers: Vec<String> =
            versions.iter().map(|version| format!("mcp-protocol-version: {version}")).collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).chain([JSON]).collect();
        let answer = send(&fixture, &headers, &body).await;
        let what = format!("{versions:?} {body}");
        if code.is_some() {
            check(&what, &answer, (status, code, Some(json!(7))));
        } else {
            assert_eq!(
                (answer.status.as_u16(), answer.json()["id"].clone()),
                (200, json!(7)),
                "{what}"
            );
        }
        if code == Some(-32022) {
            let expect = json!({"supported": ["2025-03-26", "2025-06-18", "2025-11-25"], "requested": versions[0]});
            assert_eq!(answer.json()["error"]["data"], expect);
        }
    }
}

#[tokio::test]
async fn initialize_agrees_on_a_revision_and_names_a_session() {
    let fixture = fixture();
    for (requested, agreed) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-03-26"),
        ("2026-07-28", "2025-11-25"),
        ("whatever", "2025-11-25"),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": requested, "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}});
        let answer = fixture.answer(post(None, &body.to_string())).await;
        assert_eq!(answer.status, 200, "{requested}");
        assert_eq!(
            answer.json(),
            json!({"jsonrpc": "2.0", "id": 0, "result": {
            "protocolVersion": agreed,
            "capabilities": {"tools": {"listChanged": true}},
            "serverInfo": {"name": "mcp-gateway", "title": "MCP Gateway", "version": "1.2.3"},
            "instructions": "Ask \"nicely\"."}})
        );
        let facts = fixture.tokens.read(&answer.headers).await.unwrap().unwrap();
        assert_eq!(facts.protocol_version.as_str(), agreed);
    }
    assert!(fixture.metrics.encode().contains("mcp_gateway_sessions_opened_total 6"));
}

#[tokio::test]
async fn initialize_needs_a_version_and_ignores_an_old_session() {
    let fixture = fixture();
    for params in [
        "",
        r#","params":{}"#,
        r#","params":{"protocolVersion":20251125}"#,
        r#","params":{"protocolVersion":null}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":"i","method":"initialize"{params}}}"#);
        let answer = fixture.answer(post(None, &body)).await;
        check(&body, &answer, (200, Some(-32602), Some(json!("i"))));
    }
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
    let old = fixture.session();
    for session in ["mcp-session-id: abc".to_owned(), session_header(&old)] {
        let answer = fixture.answer(request(Method::POST, &[JSON, session.as_str()], body)).await;
        let new = fixture.tokens.read(&answer.headers).await.unwrap().unwrap();
        assert_ne!(new.jti, old.facts.jti);
    }
}

#[tokio::test]
async fn tools_list_shows_what_the_request_may_see() {
    let fixture = fixture();
    fixture.publish(&["today", "tomorrow"]);
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":null}}"#;
    let rows: [(&[&str], &[&str]); 6] = [
        (&[], &["weather_today", "weather_tomorrow"]),
        (&["x-mcp-visible: all"], &["weather_today", "weather_tomorrow"]),
        (&["x-mcp-visible: virtual:today"], &["weather_today"]),
        (&["x-mcp-visible: virtual:unknown"], &[]),
        (&["x-mcp-visible: none"], &[]),
        (&["x-mcp-visible: all", "x-mcp-visible: all"], &[]),
    ];
    for (headers, expect) in rows {
        let headers: Vec<&str> = headers.iter().copied().chain([JSON]).collect();
        let answer = send(&fixture, &headers, body).await.json();
        let tools = answer["result"]["tools"].as_array().unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, expect, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn bodies_that_do_not_arrive_are_given_up() {
    let fixture = fixture();
    let session = session_header(&fixture.session());
    let never = futures_util::stream::pending::<Result<Bytes, Infallible>>();
    let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"{")), Err("reset")]);
    for body in [Body::from_stream(never), Body::from_stream(broken)] {
        let request = request(Method::POST, &[JSON, session.as_str()], "").map(|_| body);
        let (head, body) = fixture.app.call(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer { status: head.status, headers: head.headers, body };
        check("incomplete", &answer, (400, Some(-32600), None));
    }
}
