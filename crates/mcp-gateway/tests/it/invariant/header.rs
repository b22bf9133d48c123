//! 2: no header that belongs to the gateway survives the edge when a client sends it.

use http::HeaderMap;
use serde_json::json;

use crate::support::edge::{Edge, Front, at_each_front, tool_names};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::RawServer;
use crate::support::record::Received;

const ECHO: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const OTHER: &str = r#"{"name":"other","inputSchema":{"type":"object"}}"#;
const VIEWS: &str = "virtualServers: [{name: team/small, tools: [raw_echo]}]";

/// Headers of the gateway as a client would forge them. Some servers read `_` as `-`.
const FORGED: [&str; 12] = [
    "x-mcp-method",
    "x-mcp-toolname",
    "x-mcp-servername",
    "x-mcp-annotation-hints",
    "x-mcp-visible",
    "x-mcp-traceparent",
    "x-mcp-tracestate",
    "x-mcp-error-type",
    "x-mcp-error-source",
    "x-mcp-of-a-later-version",
    "x_mcp_toolname",
    "x_mcp-servername",
];
/// What a server may be told, on calls and on the requests that open a session.
const TOLD: [&str; 3] = ["x-mcp-method", "x-mcp-toolname", "x-mcp-servername"];

#[tokio::test]
async fn invariant_2_forged_headers_do_not_pass() {
    at_each_front(async |front| {
        let server = RawServer::start(&[ECHO, OTHER]).await;
        let edge = Edge::with(front, &[("raw", server.url())], VIEWS).await;
        server.record().clear();
        let mut client = McpClient::new(edge.address());
        for name in FORGED {
            client.set_header(name, Some("forged"));
        }
        client.set_header("x-mcp-visible", Some("all"));
        client.set_header("x-mcp-virtualserver", Some("team/small"));
        if front == Front::Standalone {
            // Behind Envoy they are reason enough to refuse the request; see invariant 11.
            client.set_header("router-key", Some("forged"));
            client.set_header("mcp-init-host", Some("forged"));
        }
        let answer = client.initialize("2025-11-25").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(tool_names(&mut client).await, ["raw_echo"], "the broker believes the router");
        for _ in 0..2 {
            let answer = client.call("raw_echo", json!({})).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
        }
        let received = server.record().all();
        let methods: Vec<_> = received.iter().map(Received::rpc_method).collect();
        let expect = ["initialize", "notifications/initialized", "tools/call", "tools/call"];
        assert_eq!(methods, expect, "{front:?}");
        for (request, method) in received.iter().zip(expect) {
            only_the_gateways_own(&request.headers, method);
        }
    })
    .await;
}

/// All that is there of the gateway's headers was written by the gateway.
fn only_the_gateways_own(headers: &HeaderMap, method: &str) {
    let values = format!("{headers:?}");
    assert!(!values.contains("forged") && !values.contains("team/small"), "{method}: {values}");
    let internal = |name: &str| {
        let name = name.replace('_', "-");
        name.starts_with("x-mcp-") || name == "router-key" || name == "mcp-init-host"
    };
    for name in headers.keys().filter(|name| internal(name.as_str())) {
        assert!(TOLD.contains(&name.as_str()), "{method}: {name}");
        assert_eq!(headers.get_all(name).iter().count(), 1, "{method}: {name}");
    }
    if method == "tools/call" {
        assert_eq!(headers["x-mcp-toolname"], "echo");
        assert_eq!(headers["x-mcp-servername"], "demo/raw");
        assert_eq!(headers["x-mcp-method"], "tools/call");
    }
}

/// `Connection` names headers that a proxy takes off: a client must not take off the gateway's so.
#[tokio::test]
async fn invariant_2_client_cannot_have_the_gateways_headers_taken_off() {
    at_each_front(async |front| {
        let server = RawServer::start(&[ECHO, OTHER]).await;
        let edge = Edge::with(front, &[("raw", server.url())], VIEWS).await;
        let mut client = edge
            .connect()
            .await
            .with_header("x-mcp-virtualserver", "team/small")
            .with_header("connection", "x-mcp-visible, x-mcp-toolname");
        assert_eq!(tool_names(&mut client).await, ["raw_echo"], "{front:?}");
        let answer = client.call("raw_other", json!({})).await;
        assert_eq!(answer.response(&client.id())["error"]["code"], -32602, "{front:?}");
        let answer = client.call("raw_echo", json!({})).await;
        assert!(answer.response(&client.id()).get("result").is_some(), "{front:?}: {answer:?}");
        let call = server.record().of_method("tools/call").remove(0);
        assert_eq!(call.header("x-mcp-toolname"), Some("echo"), "{front:?}");
    })
    .await;
}
