//! Large calls and large answers, up to the bounds and beyond.

use serde_json::{Value, json};

use crate::support::edge::{Edge, at_each_front};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::{Pieces, RawServer, Reply};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const MIB: usize = 1 << 20;

#[tokio::test]
async fn invariant_8_large_calls_and_answers_pass_up_to_the_bound() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let mut client = edge.connect().await;
        large_call(&mut client, &server).await;
        too_large_call(&mut client, &server).await;
        large_answers(&mut client, &server).await;
    })
    .await;
}

async fn large_call(client: &mut McpClient, server: &RawServer) {
    let text = "x".repeat(3 * MIB);
    let answer = client.call("raw_echo", json!({ "text": text })).await;
    assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
    let received = server.record().of_method("tools/call").pop().unwrap();
    let arguments = received.json()["params"]["arguments"]["text"].take();
    assert!(arguments == text, "3 MiB arrive as they were sent");
}

async fn too_large_call(client: &mut McpClient, server: &RawServer) {
    server.record().clear();
    let answer = client.call("raw_echo", json!({ "text": "x".repeat(6 * MIB) })).await;
    assert_eq!(answer.status, 413, "{answer:?}");
    let error = answer.json();
    assert_eq!(error["error"]["code"], -32600, "{error}");
    assert_eq!(error.get("id"), None, "{error}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(server.record().all().len(), 0);
    let after = client.request("ping", json!({})).await;
    assert_eq!(after.response(&client.id())["result"], json!({}), "the session is as it was");
}

async fn large_answers(client: &mut McpClient, server: &RawServer) {
    let result = |text: &str| format!(r#"{{"content":[{{"type":"text","text":"{text}"}}]}}"#);
    let five = result(&"y".repeat(5 * MIB));
    let one = result(&"z".repeat(MIB));
    let (whole, stream) = (five.clone(), one.clone());
    server.on("tools/call", move |asked| Reply::result(&asked.id, &whole));
    expect(client, &five).await;
    server.on("tools/call", move |asked| {
        let event = format!(r#"data: {{"jsonrpc":"2.0","id":{},"result":{stream}}}"#, asked.id);
        Reply::of("text/event-stream", Pieces::Chunks(vec![event.into(), "\n\n".into()]))
    });
    expect(client, &one).await;
}

async fn expect(client: &mut McpClient, result: &str) {
    let answer = client.call("raw_echo", json!({})).await;
    assert!(answer.complete);
    let result: Value = serde_json::from_str(result).unwrap();
    assert!(answer.response(&client.id())["result"] == result, "{} bytes", answer.body.len());
}
