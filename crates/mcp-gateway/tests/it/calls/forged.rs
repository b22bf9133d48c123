//! Clients that send headers which only the gateway may set.

use http::HeaderValue;
use serde_json::json;

use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::RawServer;

const TOOL: &str = r#"{"name":"bare","inputSchema":{"type":"object"}}"#;
const FORGED: &str = "forged";

/// Headers of the gateway, and what a server may find in them all the same: the gateway's own word.
const HEADERS: [(&str, Option<&str>); 8] = [
    ("x-mcp-method", Some("tools/call")),
    ("x-mcp-toolname", Some("bare")),
    ("x-mcp-servername", Some("demo/raw")),
    ("x-mcp-annotation-hints", None),
    ("x-mcp-traceparent", None),
    ("x-mcp-visible", None),
    ("x-mcp-error-type", None),
    ("x-mcp-of-a-later-version", None),
];

#[tokio::test]
async fn invariant_2_headers_of_the_gateway_end_at_the_edge() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let mut client = edge.connect().await;
        for (name, _) in HEADERS {
            client.set_header(name, Some(FORGED));
        }
        server.record().clear();
        let answer = client.call("raw_bare", json!({})).await;
        assert!(answer.response(&client.id()).get("result").is_some(), "{front:?}: {answer:?}");
        let call = server.record().of_method("tools/call").remove(0);
        for (name, expect) in HEADERS {
            assert_eq!(call.header(name), expect, "{front:?} {name}");
        }
        let forged = |value: &HeaderValue| value == FORGED;
        for received in server.record().all() {
            assert!(!received.headers.values().any(forged), "{front:?}: {received:?}");
        }
    })
    .await;
}
