//! No `OTEL_*` variable: no telemetry at all, and nothing of a request changes on its account.

use std::path::Path;

use http::HeaderValue;
use serde_json::Value;

use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::http::send;
use crate::support::mcp_client::McpClient;
use crate::support::record::Received;

/// The name that each thread of an exporter has.
const EXPORTER: &str = "otel-export";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACESTATE: &str = "vendor=a1, other=b2";

/// Names of the threads of a process.
fn threads(process: u32) -> Vec<String> {
    let tasks = std::fs::read_dir(Path::new("/proc").join(process.to_string()).join("task"));
    let name = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("comm")).unwrap_or_default()
    };
    tasks.unwrap().map(name).map(|name| name.trim().to_owned()).collect()
}

#[tokio::test]
async fn invariant_7_no_exporter_thread_without_an_endpoint() {
    for (transport, expect) in
        [(Transport::Off, false), (Transport::Http, true), (Transport::Grpc, true)]
    {
        let stand = Stand::start(Setup::new(FrontEnd::Standalone, transport)).await;
        let mut client = McpClient::connect(stand.address(), "2025-11-25").await;
        client.call("newer_echo", serde_json::json!({})).await;
        let threads = threads(stand.gateway().id());
        assert!(threads.len() > 1, "{threads:?}");
        let exports = threads.iter().any(|name| name.contains(EXPORTER));
        assert_eq!(exports, expect, "{transport:?}: {threads:?}");
        let status: Value = serde_json::from_str(&stand.admin("/status").await).unwrap();
        assert_eq!(status["telemetry"]["tracing"], expect, "{status}");
        let exporters = status["telemetry"]["exporters"].as_array().unwrap();
        assert_eq!(!exporters.is_empty(), expect, "{status}");
    }
}

/// Odd on purpose: every byte must arrive but those of the name.
const BODIES: [&str; 3] = [
    "{ \"jsonrpc\":\"2.0\" ,\"id\":9007199254740993,\t\"method\":\"tools/call\",\n\"params\":{\"name\":\"newer_echo\",\"arguments\":{\"text\":\"<&>\u{e4}\\u00e4\",\"n\":1.50E+02,\"z\":0.10},\"more\":[ ]},\"extra\":null}",
    r#"{"params":{"_meta":{"traceparent":"kept as it is","progressToken":1},"arguments":{},"name":"newer_echo"},"method":"tools/call","id":"a","jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"newer_echo"}}"#,
];

async fn request_reaches_the_server_as_it_came(front_end: FrontEnd) {
    let settings = "telemetry: { baggage: [k] }";
    let setup = Setup { settings, ..Setup::new(front_end, Transport::Off) };
    let stand = Stand::start(setup).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    // What the gateway itself wants of the server has no trace.
    for request in stand.servers.newer.record().all() {
        assert_eq!(request.headers.get("traceparent"), None);
        assert!(!request.json().to_string().contains("traceparent"), "{request:?}");
    }
    stand.servers.newer.record().clear();
    for body in BODIES {
        let mut request = client.message(body);
        let headers = request.headers_mut();
        headers.insert("traceparent", HeaderValue::from_static(TRACEPARENT));
        headers.insert("tracestate", HeaderValue::from_static(TRACESTATE));
        headers.insert("baggage", HeaderValue::from_static("other=x,k=v"));
        let answer = send(stand.address(), request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }

    let received = stand.servers.newer.record().all();
    let methods: Vec<String> = received.iter().map(Received::rpc_method).collect();
    let call = "tools/call";
    assert_eq!(methods, ["initialize", "notifications/initialized", call, call, call]);
    for request in &received {
        assert_eq!(request.header("traceparent"), Some(TRACEPARENT), "{request:?}");
        assert_eq!(request.header("tracestate"), Some(TRACESTATE), "{request:?}");
        // The list of what may pass holds with and without telemetry.
        assert_eq!(request.header("baggage"), Some("k=v"), "{request:?}");
    }
    for (body, request) in BODIES.iter().zip(&received[2..]) {
        let expect = body.replace("\"newer_echo\"", "\"echo\"");
        assert_eq!(String::from_utf8_lossy(&request.body), expect);
    }
    let stopped = stand.stop().await;
    assert_eq!(stopped.receiver.spans(), []);
    assert!(!stopped.log.contains("trace_id"), "{}", stopped.log);
}

#[tokio::test]
async fn request_reaches_the_server_as_it_came_standalone() {
    request_reaches_the_server_as_it_came(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn request_reaches_the_server_as_it_came_behind_duplex_envoy() {
    request_reaches_the_server_as_it_came(FrontEnd::Duplex).await;
}

#[tokio::test]
async fn request_reaches_the_server_as_it_came_behind_buffered_envoy() {
    request_reaches_the_server_as_it_came(FrontEnd::Buffered).await;
}
