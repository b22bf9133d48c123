//! What an event says, for every way in which a request ends.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{ECHO, Event, JSON, wait_for};
use crate::support::edge::{Edge, Front, at_each_front};
use crate::support::fault_server::FaultServer;
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::{RawServer, Reply};

/// What must never be in an event.
const SECRET: &str = "only-the-server-may-know-this";

/// Says what a value looks like.
type Looks = fn(&Value) -> bool;

/// Fields whose values differ from run to run, each with what it looks like.
const VARYING: [(&str, Looks); 6] = [
    ("client.address", |value| value.as_str().is_some_and(|it| it.parse::<IpAddr>().is_ok())),
    ("timestamp", Value::is_string),
    ("mcp.audit.instance", Value::is_string),
    ("mcp.audit.sequence", Value::is_u64),
    ("mcp.audit.duration_s", |value| value.as_f64().is_some_and(|seconds| seconds >= 0.0)),
    ("http.request_id", Value::is_string),
];

/// Asserts that an event says this and no more.
fn assert_says(event: &Event, front: Front, expect: &Value) {
    let mut event = event.clone();
    for (name, fits) in VARYING {
        let value = event.remove(name);
        assert!(value.as_ref().is_some_and(fits), "{name} is {value:?} in {event:?}");
    }
    if let Some(session) = event.remove("mcp.session.id") {
        assert!(session.as_str().is_some_and(|it| it.starts_with("jti:")), "{session}");
        event.insert("session".to_owned(), json!(true));
    }
    let front_end = if front == Front::Standalone { "proxy" } else { "ext-proc" };
    let mut all = json!({
        "level": "INFO",
        "target": "mcp_gateway_audit",
        "event.name": "mcp.audit",
        "mcp.audit.front_end": front_end,
        "http.request.method": "POST",
    });
    all.as_object_mut().unwrap().extend(expect.as_object().unwrap().clone());
    assert_eq!(Value::Object(event), all);
}

/// What is said of a call of the tool `raw_echo` that went to its server.
fn call(id: &Value, more: Value) -> Value {
    let mut event = json!({
        "session": true,
        "mcp.audit.decision": "allowed",
        "mcp.method.name": "tools/call",
        "jsonrpc.request.id": id.to_string(),
        "gen_ai.tool.name": "raw_echo",
        "mcp.server": "demo/raw",
        "mcp.audit.upstream_name": "echo",
        "http.response.status_code": 200,
    });
    let Value::Object(more) = more else { panic!("{more}") };
    event.as_object_mut().unwrap().extend(more);
    event
}

/// A gateway with two servers, and what its events must say.
struct Run {
    raw: RawServer,
    gone: Option<FaultServer>,
    edge: Edge,
    client: McpClient,
    expect: Vec<Value>,
}

fn arguments() -> Value {
    json!({ "password": SECRET })
}

impl Run {
    async fn start(front: Front) -> Self {
        let (raw, gone) = (RawServer::start(&[ECHO]).await, FaultServer::start().await);
        let edge = Edge::with(front, &[("raw", raw.url()), ("gone", gone.url())], JSON).await;
        let mut client = edge.connect().await;
        client.request("tools/list", json!({})).await;
        Self { raw, gone: Some(gone), edge, client, expect: Vec::new() }
    }

    /// Waits for the next event: it comes when the response has ended, which its client may know before.
    async fn expect(&mut self, event: Value) {
        self.expect.push(event);
        wait_for(&self.edge, self.expect.len()).await;
    }

    async fn succeeds(&mut self) {
        self.client.call("raw_echo", arguments()).await;
        let more = json!({
            "message": "Call was answered.",
            "mcp.audit.outcome": "success",
            "mcp.audit.tool_error": false,
        });
        self.expect(call(&self.client.id(), more)).await;
    }

    async fn tool_fails(&mut self) {
        self.raw.on("tools/call", |asked| {
            let content = format!(r#"[{{"type":"text","text":"{SECRET}"}}]"#);
            Reply::result(&asked.id, &format!(r#"{{"content":{content},"isError":true}}"#))
        });
        self.client.call("raw_echo", arguments()).await;
        let why = "the tool of server demo/raw reported an error";
        let more = json!({
            "message": format!("Request was not answered with a result: {why}."),
            "mcp.audit.outcome": "tool_error",
            "mcp.audit.tool_error": true,
            "error.type": "tool_error",
            "error_source": "backend",
        });
        self.expect(call(&self.client.id(), more)).await;
    }

    async fn answer_is_compressed(&mut self) {
        self.raw.on("tools/call", |_| {
            Reply::whole("application/json", "\u{1f}").with_header("content-encoding", "gzip")
        });
        self.client.call("raw_echo", arguments()).await;
        let more = json!({
            "message": "Call was answered with what the gateway does not read.",
            "mcp.audit.outcome": "unread",
        });
        self.expect(call(&self.client.id(), more)).await;
    }

    async fn server_answers_with_an_error(&mut self) {
        self.raw.on("tools/call", |asked| {
            let error = format!(r#"{{"code":-32603,"message":"{SECRET}"}}"#);
            let body = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, asked.id);
            Reply::whole("application/json", body)
        });
        self.client.call("raw_echo", arguments()).await;
        let why = "server demo/raw answered with a JSON-RPC error";
        let more = json!({
            "message": format!("Request was not answered with a result: {why}."),
            "mcp.audit.outcome": "error",
            "rpc.response.status_code": "-32603",
            "error.type": "-32603",
            "error_source": "backend",
        });
        self.expect(call(&self.client.id(), more)).await;
    }

    async fn tool_is_unknown(&mut self) {
        self.client.call("raw_\u{202e}nope", arguments()).await;
        let event = json!({
            "session": true,
            "message": r"Request was not answered with a result: unknown tool: raw_\u{202e}nope.",
            "mcp.audit.decision": "refused",
            "mcp.audit.outcome": "refused",
            "mcp.method.name": "tools/call",
            "jsonrpc.request.id": self.client.id().to_string(),
            "gen_ai.tool.name": r"raw_\u{202e}nope",
            "http.response.status_code": 200,
            "rpc.response.status_code": "-32602",
            "error.type": "tool_not_found",
            "error_source": "client",
        });
        self.expect(event).await;
    }

    async fn session_is_bad(&mut self) {
        let mut stranger = McpClient::new(self.edge.address());
        stranger.session = Some(format!("not.a.{SECRET}"));
        stranger.call("raw_echo", arguments()).await;
        let why = "the session id is not valid: initialize again";
        let event = json!({
            "message": format!("Request was not answered with a result: {why}."),
            "mcp.audit.decision": "refused",
            "mcp.audit.outcome": "refused",
            "mcp.method.name": "tools/call",
            "jsonrpc.request.id": "1",
            "gen_ai.tool.name": "raw_echo",
            "http.response.status_code": 404,
            "rpc.response.status_code": "-32600",
            "error.type": "invalid_session",
            "error_source": "client",
        });
        self.expect(event).await;
    }

    async fn broker_refuses(&mut self) {
        self.client.request("prompts/get", json!({ "name": "greeting" })).await;
        let why = "the broker refused the request with HTTP status 200";
        let event = json!({
            "session": true,
            "message": format!("Request was not answered with a result: {why}."),
            "mcp.audit.decision": "refused",
            "mcp.audit.outcome": "refused",
            "mcp.method.name": "prompts/get",
            "jsonrpc.request.id": self.client.id().to_string(),
            "gen_ai.prompt.name": "greeting",
            "http.response.status_code": 200,
            "rpc.response.status_code": "-32601",
            "error.type": "method_not_found",
            "error_source": "client",
        });
        self.expect(event).await;
    }

    async fn server_is_gone(&mut self) {
        drop(self.gone.take());
        self.client.call("gone_echo", arguments()).await;
        let events = wait_for(&self.edge, self.expect.len() + 1).await;
        // The connections of the dead server may have been closed already, or not yet.
        let (error, why) = match events.last().unwrap()["error.type"].as_str() {
            Some("connection_reset") => {
                ("connection_reset", "closed the connection before it had answered")
            }
            Some("connection_closed") => {
                ("connection_closed", "closed the connection before it had answered")
            }
            _ => ("connect_failed", "cannot be reached"),
        };
        let more = json!({
            "message": format!("Request was not answered with a result: server demo/gone {why}."),
            "mcp.audit.outcome": "error",
            "gen_ai.tool.name": "gone_echo",
            "mcp.server": "demo/gone",
            "rpc.response.status_code": "-32603",
            "error.type": error,
            "error_source": "backend",
        });
        self.expect(call(&self.client.id(), more)).await;
    }
}

#[tokio::test]
async fn each_end_of_a_request_is_told() {
    at_each_front(|front| async move {
        let mut run = Run::start(front).await;
        run.succeeds().await;
        run.tool_fails().await;
        run.answer_is_compressed().await;
        run.server_answers_with_an_error().await;
        run.tool_is_unknown().await;
        run.session_is_bad().await;
        run.broker_refuses().await;
        run.server_is_gone().await;
        let Run { edge, client, expect, .. } = run;
        let events = wait_for(&edge, expect.len()).await;
        assert_eq!(events.len(), expect.len(), "the list and the session have none: {events:?}");
        for (number, (event, expect)) in events.iter().zip(&expect).enumerate() {
            assert_eq!(event["mcp.audit.sequence"], number + 1);
            assert_eq!(event["mcp.audit.instance"], events[0]["mcp.audit.instance"]);
            assert_says(event, front, expect);
        }
        let token = client.session.as_deref().unwrap();
        let log = edge.log();
        assert!(!log.contains(SECRET) && !log.contains(token), "{log}");
        assert!(!log.contains("mcp_gateway_dataplane::router::record"), "told once: {log}");
    })
    .await;
}

#[tokio::test]
async fn request_that_is_no_message_is_told_when_it_is_refused() {
    let edge = Edge::with(Front::Standalone, &[], JSON).await;
    let mut client = edge.client().with_header("origin", "https://evil.example");
    client.listen().await;
    let events = wait_for(&edge, 1).await;
    assert_eq!(events[0]["http.request.method"], "GET", "{events:?}");
    assert_eq!(events[0]["error.type"], "origin_not_allowed", "{events:?}");
    assert_eq!(events[0]["http.response.status_code"], 403, "{events:?}");
    assert!(!events[0].contains_key("mcp.method.name"), "{events:?}");
    client.set_header("origin", None);
    client.post("nonsense").await;
    let events = wait_for(&edge, 2).await;
    assert_eq!(events[1]["mcp.audit.decision"], "refused", "{events:?}");
    assert_eq!(events[1]["rpc.response.status_code"], "-32700", "{events:?}");
}

#[tokio::test]
async fn numbers_have_no_gap_under_concurrent_calls() {
    const CLIENTS: usize = 10;
    const CALLS: usize = 10;
    let raw = RawServer::start(&[ECHO]).await;
    let edge = Edge::with(Front::Standalone, &[("raw", raw.url())], JSON).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let mut client = edge.connect().await;
        tasks.spawn(async move {
            for _ in 0..CALLS {
                assert_eq!(client.call("raw_echo", json!({})).await.status, 200);
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let events = wait_for(&edge, CLIENTS * CALLS).await;
    let mut numbers: Vec<_> =
        events.iter().map(|event| event["mcp.audit.sequence"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    let all: Vec<_> = (1..=u64::try_from(CLIENTS * CALLS).unwrap()).collect();
    assert_eq!(numbers, all);
}
