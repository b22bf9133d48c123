//! Heads of requests that a browser's page, or a client that means another service, would send.

use super::Row;

const PING: &str = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
const INVALID_REQUEST: i64 = -32600;

pub(super) fn rows() -> Vec<Row> {
    // Refused by their head: the message is not read.
    let head = |what| Row::post(what, PING, 403, INVALID_REQUEST);
    let media = |what, content_type| {
        let row = Row::post(what, PING, 415, INVALID_REQUEST).id(r#""p""#);
        Row { content_type: false, ..row }.header("content-type", content_type)
    };
    vec![
        media("plain text", "text/plain"),
        media("a form", "application/x-www-form-urlencoded"),
        media("a relative of JSON", "application/json-patch+json"),
        media("two content types", "application/json").header("content-type", "text/plain"),
        Row { headers: Vec::new(), ..media("no content type", "") },
        Row { body: "hello".into(), id: None, ..media("plain text that is no JSON", "text/plain") },
        head("a foreign host").header("host", "evil.example"),
        head("a host that begins like ours").header("host", "mcp.example.test.evil.example"),
        head("the host of a server").header("host", "raw.mcp.local.evil.example"),
        head("a foreign origin").header("origin", "https://evil.example"),
        head("no origin that can be named").header("origin", "null"),
        head("an origin that begins like ours")
            .header("origin", "https://mcp.example.test.evil.example"),
        head("two origins")
            .header("origin", "https://mcp.example.test")
            .header("origin", "https://evil.example"),
    ]
}
