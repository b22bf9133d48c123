//! What the admin listener tells: alive, ready, how the servers are, the figures.

use http::{Method, Request};
use http_body_util::Full;
use serde_json::json;

use crate::support::edge::{Edge, Front, at_each_front};
use crate::support::http::send;
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::port::closed;
use crate::support::wait::{PATIENCE, until};

#[tokio::test]
async fn readiness_follows_the_servers() {
    let edge = Edge::launch(Front::Standalone, &[], "").await;
    let ready = edge.admin("/readyz").await;
    assert_eq!((ready.status, ready.text().as_str()), (200, "ready\n"), "nothing to wait for");

    let mut server = McpServer::start(Kind::new("late")).await;
    let servers = [("gone", format!("http://{}/mcp", closed())), ("late", server.url())];
    server.stop().await;
    let edge = Edge::launch(Front::Standalone, &servers, "").await;
    edge.until_server_is("late", "down").await;
    let ready = edge.admin("/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.text(), "no server is up; /status says why\n");
    assert_eq!(edge.admin("/healthz").await.status, 200, "alive is not ready");
    server.restart().await;
    until("it is ready", PATIENCE, async || {
        (edge.admin("/readyz").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(edge.server_status("gone").await["state"], "down");
}

#[tokio::test]
async fn status_and_figures_tell_what_happened() {
    at_each_front(async |front| {
        let server = McpServer::start(Kind::older("up")).await;
        let servers = [("up", server.url()), ("gone", format!("http://{}/mcp", closed()))];
        let edge = Edge::launch(front, &servers, "").await;
        edge.until_up(1).await;
        edge.until_server_is("gone", "down").await;
        let mut client = edge.connect().await;
        for tool in ["up_echo", "up_echo", "up_fail", "up_nothing"] {
            client.call(tool, json!({})).await;
        }
        let stream = client.listen().await;
        status(&edge).await;
        until("the figures say so", PATIENCE, async || {
            let figures = edge.admin("/metrics").await;
            let text = figures.text();
            EXPECTED.iter().all(|line| text.contains(line)).then_some(())
        })
        .await;
        drop(stream);
        let figures = edge.admin("/metrics").await;
        let content_type = figures.header("content-type").to_owned();
        assert!(content_type.starts_with("application/openmetrics-text"), "{content_type}");
        assert!(figures.text().ends_with("# EOF\n"), "{}", figures.text());
    })
    .await;
}

/// What the figures say after the calls of the test; the discovery of `gone` goes on and on.
const EXPECTED: [&str; 9] = [
    "mcp_gateway_sessions_opened_total 1\n",
    "mcp_gateway_streams_open 1\n",
    r#"mcp_gateway_session_cache_lookups_total{result="hit"} 2"#,
    r#"mcp_gateway_session_cache_lookups_total{result="miss"} 1"#,
    r#"mcp_broker_tools_discovered{server_name="demo/up"} 5"#,
    r#"mcp_broker_upstream_connection_failures_total{server_name="demo/gone"}"#,
    "mcp_server_operation_duration_seconds_count{",
    "mcp_client_operation_duration_seconds_count{",
    r#"error_type="tool_error""#,
];

async fn status(edge: &Edge) {
    let status = edge.admin("/status").await.json();
    let mode = if edge.front() == Front::Standalone { "standalone" } else { "envoy" };
    for (member, expect) in [
        ("ready", json!(true)),
        ("draining", json!(false)),
        ("mode", json!(mode)),
        ("tools", json!(5)),
        ("totalServers", json!(2)),
        ("healthyServers", json!(1)),
    ] {
        assert_eq!(status[member], expect, "{member}: {status}");
    }
    let up = edge.server_status("up").await;
    assert_eq!(up["state"], "up");
    assert_eq!(up["protocolVersion"], "2025-06-18");
    assert_eq!(up["serverInfo"], json!({ "name": "up", "version": "1.2.3" }));
    assert_eq!(up["tools"], 5);
    assert!(up["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{up}");
    assert!(up["lastSuccess"].is_string() && up.get("lastError").is_none(), "{up}");
    let gone = edge.server_status("gone").await;
    assert_eq!(gone["state"], "down");
    assert_eq!(gone["lastError"]["reason"], "connect_failed", "{gone}");
    assert!(gone["lastError"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{gone}");
    assert!(gone["lastError"]["at"].is_string() && gone.get("lastSuccess").is_none(), "{gone}");
}

#[tokio::test]
async fn admin_listener_only_tells() {
    let edge = Edge::launch(Front::Standalone, &[], "").await;
    for (method, path, status) in [
        (Method::GET, "/healthz", 200),
        (Method::HEAD, "/readyz", 200),
        (Method::GET, "/mcp", 404),
        (Method::GET, "/", 404),
        (Method::POST, "/status", 405),
        (Method::DELETE, "/readyz", 405),
    ] {
        let request = Request::builder().method(method).uri(path).body(Full::default()).unwrap();
        assert_eq!(send(edge.gateway().admin(), request).await.status, status, "{path}");
    }
    // And the listener for clients tells none of it.
    for path in ["/healthz", "/readyz", "/status", "/metrics"] {
        let request = Request::get(path).body(Full::default()).unwrap();
        assert_eq!(send(edge.address(), request).await.status, 404, "{path}");
    }
}
