//! What a server receives of a call: the client's bytes, but for the tool's name, and headers that say what it is.

use serde_json::json;

use crate::support::edge::{Edge, at_each_front};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::RawServer;

const ECHO: &str = r#"{"name":"echo","inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true,"destructiveHint":false}}"#;
const BARE: &str = r#"{"name":"bare","inputSchema":{"type":"object"}}"#;

/// Calls of a tool whose name stands where `"@"` is.
const BODIES: [&str; 11] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"@"}}"#,
    // Numbers beyond what a double holds, and forms that a reader would write otherwise.
    r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"@","arguments":{"n":9007199254740993,"m":-0.0,"e":1E400,"f":1.10,"g":123456789012345678901234567890}}}"#,
    // The same ä, as it is and escaped, and what HTML would escape.
    r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"@","arguments":{"t":"ä \u00e4 ✓ 😀 \ud83d\ude00 <b>&amp;</b> \/ \n \u2028 \u0000"}}}"#,
    // A lone surrogate inside arguments is nobody's business.
    r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"@","arguments":{"t":"\ud800"}}}"#,
    // Keys twice, and keys that differ by case only, below what the gateway reads.
    r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"@","arguments":{"a":1,"a":2,"Name":"x","NAME":"y"}}}"#,
    // Unknown members at every level, in an order of their own.
    r#"{"x":[{}],"method":"tools/call","params":{"task":{"ttl":1},"_meta":{"z":1,"progressToken":"p","example.com/a":null,"example.com/b":"a=b"},"arguments":{"z":1,"a":2},"name":"@","new":true},"id":6,"jsonrpc":"2.0","y":null}"#,
    // Blanks and line breaks wherever they may stand.
    " {\r\n\t\"jsonrpc\" : \"2.0\" ,\n \"id\":\t7 , \"method\" : \"tools/call\",\n\"params\" : { \"name\" :  \"@\" , \"arguments\" : { } } } \n",
    // Keys and a method with escapes.
    r#"{"\u006asonrpc":"2.0","id":8,"method":"tools\/call","params":{"n\u0061me":"@","arguments":null}}"#,
    // Ids of every kind.
    r#"{"jsonrpc":"2.0","id":"a \u00fc \" b","method":"tools/call","params":{"name":"@"}}"#,
    r#"{"jsonrpc":"2.0","id":1.50e+3,"method":"tools/call","params":{"name":"@"}}"#,
    r#"{"jsonrpc":"2.0","id":{"b":1,"a":[2]},"method":"tools/call","params":{"name":"@"}}"#,
];

#[tokio::test]
async fn invariant_5_call_reaches_its_server_as_it_was_sent() {
    at_each_front(async |front| {
        let server = RawServer::start(&[ECHO, BARE]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let client = edge.connect().await;
        for body in BODIES {
            bytes(&client, &server, body).await;
        }
        headers(&edge, client, &server).await;
    })
    .await;
}

async fn bytes(client: &McpClient, server: &RawServer, body: &str) {
    server.record().clear();
    let answer = client.post(body.replace(r#""@""#, r#""raw_echo""#)).await;
    assert_eq!(answer.status, 200, "{body}: {answer:?}");
    assert!(answer.text().contains("\"result\""), "{body}: {answer:?}");
    let received = server.record().of_method("tools/call");
    assert_eq!(received.len(), 1, "{body}: {received:?}");
    let received = String::from_utf8_lossy(&received[0].body);
    assert_eq!(received, body.replace(r#""@""#, r#""echo""#));
}

async fn headers(edge: &Edge, client: McpClient, server: &RawServer) {
    let front = edge.front();
    let mut client = client
        .with_header("origin", "http://mcp.example.test")
        .with_header("accept-encoding", "gzip, br")
        .with_header("x-tenant", "blue");
    for (tool, hints) in [
        (
            "echo",
            Some("readOnly=true,destructive=false,idempotent=unspecified,openWorld=unspecified"),
        ),
        ("bare", None),
    ] {
        server.record().clear();
        let answer = client.call(&format!("raw_{tool}"), json!({})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let received = server.record().of_method("tools/call").remove(0);
        let header = |name: &str| received.header(name);
        assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/mcp"));
        assert_eq!(header("host"), Some(server.address().to_string().as_str()), "{front:?}");
        assert_eq!(header("origin"), None, "{front:?}");
        assert_eq!(header("accept-encoding"), None, "{front:?}");
        assert_eq!(header("x-tenant"), Some("blue"));
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!(header("accept"), Some("application/json, text/event-stream"));
        assert_eq!(header("mcp-protocol-version"), Some("2025-06-18"), "what the server agreed to");
        assert_eq!(header("x-mcp-method"), Some("tools/call"));
        assert_eq!(header("x-mcp-toolname"), Some(tool));
        assert_eq!(header("x-mcp-servername"), Some("demo/raw"));
        assert_eq!(header("x-mcp-annotation-hints"), hints);
        assert!(header("x-request-id").is_some_and(|id| !id.is_empty()), "{front:?}");
        for absent in ["router-key", "mcp-init-host", "x-mcp-visible", "x-mcp-traceparent"] {
            assert_eq!(header(absent), None, "{absent}");
        }
    }
}
