//! Sessions with servers: opened once, made again when they are lost, and nobody the wiser.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::edge::{Edge, at_each_front};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::mcp_client::McpClient;
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::raw_server::RawServer;

/// First calls that one session makes at once.
const CALLS: usize = 100;

#[tokio::test]
async fn hundred_first_calls_of_one_session_open_one_session_with_the_server() {
    at_each_front(async |front| {
        let server = McpServer::start(Kind::new("busy")).await;
        let edge = Edge::start(front, &[("busy", server.url())]).await;
        let client = edge.connect().await;
        let before = server.record().of_method("initialize").len();
        let calls = (0..CALLS).map(|number| {
            let body = json!({
                "jsonrpc": "2.0", "id": number, "method": "tools/call",
                "params": { "name": "busy_echo", "arguments": { "text": number.to_string() } },
            });
            let call = client.post(body.to_string());
            async move { (number, call.await) }
        });
        for (number, answer) in join_all(calls).await {
            let response = answer.response(&json!(number));
            assert_eq!(response["result"]["content"][0]["text"], number.to_string(), "{front:?}");
        }
        let opened = server.record().of_method("initialize").len() - before;
        assert_eq!(opened, 1, "{front:?}");
        let called = server.record().of_method("tools/call");
        let session = called[0].header("mcp-session-id");
        assert_eq!(called.len(), CALLS);
        assert!(called.iter().all(|call| call.header("mcp-session-id") == session));
    })
    .await;
}

#[tokio::test]
async fn client_does_not_notice_that_a_server_was_restarted() {
    at_each_front(async |front| {
        let mut server = McpServer::start(Kind::new("mortal")).await;
        let edge = Edge::start(front, &[("mortal", server.url())]).await;
        let mut client = edge.connect().await;
        for life in 0..3 {
            let answer = client.call("mortal_echo", json!({ "text": "still here" })).await;
            let response = answer.response(&client.id());
            assert_eq!(response["result"]["content"][0]["text"], "still here", "{front:?}, {life}");
            server.restart().await;
        }
    })
    .await;
}

#[tokio::test]
async fn server_that_issues_no_session_id_is_initialised_once_for_each_client() {
    at_each_front(async |front| {
        let server =
            RawServer::without_sessions(&[r#"{"name":"echo","inputSchema":{"type":"object"}}"#])
                .await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        for _ in 0..2 {
            let mut client = edge.connect().await;
            let before = server.record().of_method("initialize").len();
            for _ in 0..3 {
                let answer = client.call("raw_echo", json!({})).await;
                assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
            }
            let opened = server.record().of_method("initialize").len() - before;
            assert_eq!(opened, 1, "{front:?}");
        }
        for call in server.record().of_method("tools/call") {
            assert_eq!(call.header("mcp-session-id"), None, "{front:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn lost_session_is_made_again_once_for_each_call() {
    at_each_front(async |front| {
        let server = FaultServer::start().await;
        let edge = Edge::start(front, &[("odd", server.url())]).await;
        let mut client = edge.connect().await;
        call(&mut client, "warm").await;
        for status in [404, 400] {
            server.fault_times("tools/call", Fault::Status(status), 1);
            recovers(&mut client, &server, &format!("{front:?}: one {status}")).await;
        }
        server.heal();
        server.forget_sessions();
        recovers(&mut client, &server, &format!("{front:?}: sessions forgotten")).await;

        server.fault("tools/call", Fault::Status(404));
        server.record().clear();
        let answer = client.call("odd_echo", json!({})).await;
        let response = answer.response(&client.id());
        let message = response["error"]["message"].as_str().unwrap_or_else(|| panic!("{response}"));
        assert!(message.contains("demo/odd") && message.contains("404"), "{front:?}: {message}");
        assert_eq!(answer.status, 200, "{front:?}");
        assert_eq!(counts(&server), (1, 2), "{front:?}: initialize and tools/call");
        server.heal();
        call(&mut client, "well again").await;
    })
    .await;
}

async fn recovers(client: &mut McpClient, server: &FaultServer, case: &str) {
    server.record().clear();
    call(client, case).await;
    assert_eq!(counts(server), (1, 2), "{case}: initialize and tools/call");
}

async fn call(client: &mut McpClient, text: &str) {
    let answer = client.call("odd_echo", json!({ "text": text })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
    assert_eq!(answer.response(&client.id())["result"]["content"][0]["text"], text);
}

fn counts(server: &FaultServer) -> (usize, usize) {
    let count = |method: &str| server.record().of_method(method).len();
    (count("initialize"), count("tools/call"))
}
