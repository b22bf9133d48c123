//! What a server can do wrong, and what the gateway says of it.

use std::time::Duration;

use mcp_gateway_core::config::{Config, Limits, Secret};
use mcp_gateway_dataplane::chain::Chain;
use mcp_gateway_dataplane::upstream::{InitializeContext, UpstreamError};
use mcp_gateway_telemetry::Span;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::{client, context, direct, limited, open, server};
use crate::support::fault_server::{Fault, FaultServer, Script};

/// What every answer to a client must hold, and must not.
fn check_message(error: &UpstreamError, address: &str) {
    let message = error.client_message("demo/server");
    assert!(message.contains("server demo/server") || message.contains("call server"), "{message}");
    for secret in [address, "127.0.0.1", "secret", "<html>"] {
        assert!(!message.contains(secret), "{message}");
    }
}

async fn check_list(fault: Fault, reason: &str, says: &str) {
    let limits = Limits { list_pages_max: 5, list_bytes_max: 10_000, ..Limits::default() };
    let faulty =
        FaultServer::start(Script { on_list: Some(fault.clone()), ..Script::default() }).await;
    let client = limited(&faulty.url(), limits);
    let opened = open(&client).await.unwrap();
    let error = client.list_tools(&opened.session, &Span::off()).await.unwrap_err();
    assert_eq!(error.reason(), reason, "{fault:?}: {}", Chain(&error));
    assert!(error.client_message("x").contains(says), "{fault:?}: {}", error.client_message("x"));
    check_message(&error, &faulty.address().to_string());
}

#[tokio::test]
async fn wrong_answers_to_a_list_are_told_apart() {
    check_list(Fault::Status(404), "session_lost", "ended the session").await;
    check_list(Fault::Status(400), "session_lost", "ended the session").await;
    check_list(Fault::Status(401), "unauthorized", "status 401").await;
    check_list(Fault::Status(403), "forbidden", "status 403").await;
    check_list(Fault::Status(429), "too_many_requests", "status 429").await;
    check_list(Fault::Status(500), "http_5xx", "status 500").await;
    check_list(Fault::StatusWithError(503, -32000), "unavailable", "status 503").await;
    check_list(Fault::Html, "unexpected_content_type", "not valid MCP").await;
    check_list(Fault::Garbage, "invalid_message", "not valid MCP").await;
    check_list(Fault::WrongId, "wrong_response_id", "not valid MCP").await;
    check_list(Fault::RpcError(-32603), "jsonrpc_error", "error -32603").await;
    check_list(Fault::RpcErrorWithoutId(-32000), "jsonrpc_error", "error -32000").await;
    check_list(Fault::Accepted, "no_answer", "did not answer").await;
    check_list(Fault::StreamWithoutAnswer, "no_answer", "did not answer").await;
    check_list(Fault::CutStream, "connection_closed", "closed the connection").await;
    check_list(Fault::CutBody, "connection_closed", "closed the connection").await;
    check_list(Fault::Long(200_000), "answer_too_large", "more than").await;
    check_list(Fault::Long(12_000), "list_too_large", "more than").await;
    check_list(Fault::EndlessPages, "too_many_pages", "more than").await;
    check_list(Fault::PagesInACircle, "cursor_cycle", "not valid MCP").await;
    check_list(Fault::Result(json!({"tools": "x"})), "invalid_result", "not valid MCP").await;
    check_list(Fault::Result(json!([])), "invalid_result", "not valid MCP").await;
}

#[tokio::test]
async fn a_server_that_does_not_know_lists_offers_no_tools() {
    let script = Script { on_list: Some(Fault::RpcError(-32601)), ..Script::default() };
    let faulty = FaultServer::start(script).await;
    let client = client(&faulty.url());
    let opened = open(&client).await.unwrap();
    assert_eq!(client.list_tools(&opened.session, &Span::off()).await.unwrap().tools, []);
}

async fn check_initialize(fault: Fault, reason: &str, status: Option<u16>) {
    let faulty =
        FaultServer::start(Script { on_initialize: Some(fault.clone()), ..Script::default() })
            .await;
    let deadline = Instant::now() + Duration::from_millis(300);
    let context = InitializeContext { deadline, ..context() };
    let error = client(&faulty.url()).initialize(&context).await.unwrap_err();
    assert_eq!(error.reason(), reason, "{fault:?}: {}", Chain(&error));
    assert_eq!(error.status().map(|status| status.as_u16()), status, "{fault:?}");
    check_message(&error, &faulty.address().to_string());
    assert_eq!(faulty.seen().len(), 1, "{fault:?}: nothing follows a failed initialize");
}

#[tokio::test]
async fn wrong_answers_to_initialize_are_told_apart() {
    check_initialize(Fault::Silent, "timeout", None).await;
    check_initialize(Fault::Stalled, "timeout", None).await;
    check_initialize(Fault::Status(404), "not_found", Some(404)).await;
    check_initialize(Fault::Status(400), "http_4xx", Some(400)).await;
    check_initialize(Fault::StatusWithError(401, -32001), "unauthorized", Some(401)).await;
    check_initialize(Fault::RpcError(-32602), "jsonrpc_error", None).await;
    let version = |version: &str| json!({"protocolVersion": version, "capabilities": {}});
    for unknown in ["2026-07-28", "2099-01-01", "1.0"] {
        let fault = Fault::Result(version(unknown));
        check_initialize(fault, "unsupported_protocol_version", None).await;
    }
    check_initialize(Fault::Result(json!({})), "invalid_result", None).await;
}

#[tokio::test]
async fn refusals_say_what_to_look_at_first() {
    let check = async |status: u16, expect: &str| {
        let fault = Fault::Status(status);
        let script = Script { on_initialize: Some(fault), ..Script::default() };
        let error = open(&client(&FaultServer::start(script).await.url())).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the server answered with status {status}{expect}"));
    };
    check(404, " (is the path of its url right?)").await;
    check(405, " (is the path of its url right?)").await;
    check(401, " (does it want a credential?)").await;
    check(503, "").await;
}

#[tokio::test]
async fn redirects_are_refused_and_not_followed() {
    let elsewhere = FaultServer::start(Script::default()).await;
    let fault = Fault::Redirect(elsewhere.url());
    let script = Script { on_initialize: Some(fault), ..Script::default() };
    let error = open(&client(&FaultServer::start(script).await.url())).await.unwrap_err();
    assert_eq!(error.reason(), "redirect_refused");
    assert!(error.to_string().ends_with(" (its url must name where this leads)"), "{error}");
    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test]
async fn servers_that_cannot_be_reached_are_told_apart() {
    let check = async |url: &str, reason: &str| {
        let error = open(&client(url)).await.unwrap_err();
        assert_eq!(error.reason(), reason, "{url}: {}", Chain(&error));
        check_message(&error, url);
    };
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    check(&format!("http://{closed}/mcp"), "connect_failed").await;
    // A label of a name is never empty, so no resolver has to be asked.
    check("http://no..where/mcp", "dns_failed").await;
    let plain = FaultServer::start(Script::default()).await;
    check(&plain.url().replace("http:", "https:"), "tls_failed").await;
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/mcp", deaf.local_addr().unwrap());
    let limits = Limits { connect_timeout: Duration::from_millis(100), ..Limits::default() };
    let error = open(&limited(&url, limits)).await.unwrap_err();
    assert_eq!(error.reason(), "connect_timeout", "{}", Chain(&error));
}

#[tokio::test]
async fn bytes_that_are_not_http_are_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let serve = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            assert!(socket.read(&mut [0; 1024]).await.unwrap() > 0);
            socket.write_all(b"SSH-2.0-x\r\n").await.unwrap();
        }
    };
    let client = client(&url);
    let error = tokio::select! {
        () = serve => unreachable!(),
        opened = open(&client) => opened.unwrap_err(),
    };
    assert_eq!(error.reason(), "invalid_http", "{}", Chain(&error));
}

#[tokio::test]
async fn a_credential_that_is_no_header_value_stops_the_request_and_is_not_shown() {
    let faulty = FaultServer::start(Script::default()).await;
    let mut server = server("demo/server", &faulty.url());
    server.credential = Some(Secret::new("s3cr3t\n"));
    let error = open(&direct(server, &Config::default())).await.unwrap_err();
    assert_eq!(error.reason(), "invalid_request");
    let shown = format!("{} {error:?}", Chain(&error));
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert_eq!(faulty.seen().len(), 0);
}
