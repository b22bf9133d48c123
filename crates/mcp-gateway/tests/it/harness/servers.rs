//! The servers and the client that talks to them.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fault_server::{Fault, FaultServer};
use crate::support::mcp_client::McpClient;
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::wait::PATIENCE;

#[tokio::test]
async fn a_server_negotiates_up_to_its_revision() {
    let newer = McpServer::start(Kind::new("newer")).await;
    let older = McpServer::start(Kind::older("older")).await;
    for (server, asked, expect) in [
        (&newer, "2025-11-25", "2025-11-25"),
        (&newer, "2025-03-26", "2025-03-26"),
        (&newer, "2026-07-28", "2025-11-25"),
        (&older, "2025-11-25", "2025-06-18"),
        (&older, "2025-03-26", "2025-03-26"),
    ] {
        let mut client = McpClient::new(server.address());
        let answer = client.initialize(asked).await;
        assert_eq!(answer.response(&client.id())["result"]["protocolVersion"], expect, "{asked}");
    }
}

#[tokio::test]
async fn tools_answer_in_each_of_their_ways() {
    for kind in [Kind::new("sessions"), Kind::older("none")] {
        let sessions = kind.sessions;
        let server = McpServer::start(kind).await;
        let mut client = McpClient::connect(server.address(), "2025-06-18").await;
        assert_eq!(client.session.is_some(), sessions);
        for (tool, arguments, pointer, expect) in [
            ("echo", json!({ "text": "ä<&>" }), "/result/content/0/text", json!("ä<&>")),
            ("add", json!({ "a": 2, "b": 3 }), "/result/structuredContent/sum", json!(5)),
            ("slow", json!({ "ms": 1 }), "/result/content/0/text", json!("after 1 ms")),
            ("fail", json!({}), "/result/isError", json!(true)),
            ("refuse", json!({}), "/error/code", json!(-32042)),
            ("none", json!({}), "/error/code", json!(-32602)),
        ] {
            let answer = client.call(tool, arguments).await;
            let response = answer.response(&client.id());
            assert_eq!(response.pointer(pointer), Some(&expect), "{tool}: {response}");
        }
    }
}

#[tokio::test]
async fn a_server_keeps_what_it_receives() {
    let server = McpServer::start(Kind::new("recording")).await;
    let mut client = McpClient::new(server.address()).with_header("x-marker", "m");
    client.initialize("2025-11-25").await;
    let body = r#"{"jsonrpc": "2.0","id":9007199254740993,"method":"tools/call","params":{"name":"echo"}}"#;
    client.post(body).await;
    let call = server
        .record()
        .wait_for("the call", PATIENCE, |request| request.rpc_method() == "tools/call")
        .await;
    assert_eq!(call.body, body);
    assert_eq!(
        (call.method.as_str(), call.path.as_str(), call.header("x-marker")),
        ("POST", "/mcp", Some("m"))
    );
    assert_eq!(call.header("mcp-session-id"), client.session.as_deref());
    server.record().clear();
    assert!(server.record().of_method("initialize").is_empty());
}

#[tokio::test]
async fn a_list_comes_in_pages() {
    let server = McpServer::start(Kind { page: Some(2), ..Kind::new("pages") }).await;
    let mut client = McpClient::connect(server.address(), "2025-11-25").await;
    let mut names = Vec::new();
    let mut params = json!({});
    loop {
        let answer = client.request("tools/list", params).await;
        let result = answer.response(&client.id())["result"].clone();
        names.extend(result["tools"].as_array().unwrap().iter().map(|tool| tool["name"].clone()));
        let Some(cursor) = result.get("nextCursor") else { break };
        params = json!({ "cursor": cursor });
    }
    assert_eq!(names, ["add", "echo", "fail", "refuse", "slow"]);
}

#[tokio::test]
async fn a_tool_has_every_member_that_it_was_given() {
    let server = McpServer::start(Kind::new("members")).await;
    let mut client = McpClient::connect(server.address(), "2025-11-25").await;
    let answer = client.request("tools/list", json!({})).await;
    let tools = answer.response(&client.id())["result"]["tools"].clone();
    let echo = tools.as_array().unwrap().iter().find(|tool| tool["name"] == "echo").unwrap();
    for member in ["title", "description", "inputSchema", "annotations", "icons", "_meta"] {
        assert!(echo.get(member).is_some(), "{member}: {echo}");
    }
}

#[tokio::test]
async fn a_client_that_listens_hears_of_a_new_tool() {
    let server = McpServer::start(Kind::new("news")).await;
    let client = McpClient::connect(server.address(), "2025-11-25").await;
    let mut stream = client.listen().await;
    assert_eq!(stream.status, 200, "{:?}", stream.headers);
    server.add_tool(json!({ "name": "new", "inputSchema": { "type": "object" } })).await;
    let event: Value = serde_json::from_str(&stream.event(PATIENCE).await.unwrap()).unwrap();
    assert_eq!(event["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_server_comes_back_without_its_sessions() {
    let mut server = McpServer::start(Kind::new("mortal")).await;
    let mut client = McpClient::connect(server.address(), "2025-11-25").await;
    let mut stream = client.listen().await;
    let address = server.address();
    server.stop().await;
    assert_eq!(stream.event(PATIENCE).await, None, "its connections end with it");
    server.restart().await;
    assert_eq!(server.address(), address);
    assert_eq!(client.call("echo", json!({})).await.status, 404);
    client.session = None;
    client.initialize("2025-11-25").await;
    assert_eq!(client.call("echo", json!({})).await.status, 200);
    assert_eq!(client.delete().await.status, 202);
}

#[tokio::test]
async fn every_fault_is_as_it_is_called() {
    let server = FaultServer::start().await;
    let mut client = McpClient::connect(server.address(), "2025-11-25").await;
    for (fault, status, content_type, complete, part) in [
        (Fault::Html, 200, "text/html; charset=utf-8", true, "<html>"),
        (Fault::Status(500), 500, "text/plain", true, "went wrong"),
        (Fault::CutBody, 200, "application/json", false, r#""id":"#),
        (Fault::CutStream, 200, "text/event-stream", false, "notifications/message"),
        (Fault::EndStream, 200, "text/event-stream", true, "notifications/message"),
        (Fault::WrongId, 200, "application/json", true, r#""not "#),
        (Fault::Body("[1]"), 200, "application/json", true, "[1]"),
    ] {
        server.fault("tools/call", fault.clone());
        let answer = client.call("echo", json!({ "text": "t" })).await;
        let is = (answer.status, answer.header("content-type"), answer.complete);
        assert_eq!(is, (status, content_type, complete), "{fault:?}: {answer:?}");
        assert!(answer.text().contains(part), "{fault:?}: {answer:?}");
    }
    server.heal();
    let answer = client.call("echo", json!({ "text": "well" })).await;
    assert_eq!(answer.response(&client.id())["result"]["content"][0]["text"], "well");
}

#[tokio::test]
async fn silence_lasts() {
    let server = FaultServer::start().await;
    let client = McpClient::connect(server.address(), "2025-11-25").await;
    server.fault("ping", Fault::Silence);
    let ping = client.open(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    tokio::time::timeout(Duration::from_millis(300), ping)
        .await
        .map(|stream| stream.status)
        .unwrap_err();
}

#[tokio::test]
async fn a_fault_can_pass_and_a_session_can_be_lost() {
    let server = FaultServer::start().await;
    let mut client = McpClient::connect(server.address(), "2025-11-25").await;
    server.fault_times("ping", Fault::Status(404), 1);
    assert_eq!(client.request("ping", json!({})).await.status, 404);
    assert_eq!(client.request("ping", json!({})).await.status, 200);
    server.forget_sessions();
    assert_eq!(client.request("ping", json!({})).await.status, 404);
    assert!(server.url().ends_with("/mcp"));
}
