//! One row for each kind of request, and the answer it gets.

use http::{HeaderValue, Method};
use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_dataplane::session::{ServerSession, UpstreamSession, UpstreamSessionId};
use serde_json::{Value, json};

use super::{Answer, BODY_BYTES_MAX, Fixture, SESSION_TTL, fixture, post, request, session_header};

const JSON: &str = "content-type: application/json";
const EVENTS: &str = "accept: text/event-stream";
const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

/// What an answer must look like: status, JSON-RPC code, id (`None` when it must be left out).
type Expect = (u16, Option<i64>, Option<Value>);

fn check(what: &str, answer: &Answer, (status, code, id): Expect) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
    let Some(code) = code else {
        assert!(answer.body.is_empty(), "{what}: {answer:?}");
        return;
    };
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    let body = answer.json();
    assert_eq!(body["jsonrpc"], "2.0", "{what}");
    assert_eq!(body["error"]["code"], code, "{what}: {body}");
    assert_eq!(body.get("id"), id.as_ref(), "{what}: {body}");
    assert!(answer.headers.get("mcp-session-id").is_none(), "{what}: only initialize names one");
}

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

#[tokio::test]
async fn delete_ends_the_session_and_closes_what_belongs_to_it() {
    let mut fixture = fixture();
    let session = fixture.session();
    let upstream = UpstreamSession {
        session_id: Some(UpstreamSessionId::new(b"theirs").unwrap()),
        protocol_version: ProtocolVersion::V2025_06_18,
    };
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
