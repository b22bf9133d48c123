//! Revisions of the protocol that the gateway does not speak, and the question which ones it does.

use http::Method;

use super::{Row, Session};

const INVALID_REQUEST: i64 = -32600;
const METHOD_NOT_FOUND: i64 = -32601;
const UNSUPPORTED_PROTOCOL_VERSION: i64 = -32022;

const HEADER: &str = "mcp-protocol-version";
const DISCOVER: &str = r#"{"jsonrpc":"2.0","id":9,"method":"server/discover"}"#;
const DISCOVER_META: &str = r#"{"jsonrpc":"2.0","id":9,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":9,"method":"ping"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"raw_echo"}}"#;
const CALL_META: &str = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"raw_echo","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

pub(super) fn rows() -> Vec<Row> {
    let post = |what, body: &'static str, status, code| Row::post(what, body, status, code).id("9");
    let stream = |what, version, status, method| {
        let row = Row::post(what, "", status, INVALID_REQUEST).header(HEADER, version);
        Row { method, ..row }
    };
    vec![
        // What makes newer clients fall back to a handshake.
        post("discover", DISCOVER, 200, METHOD_NOT_FOUND).session(Session::Missing),
        post("discover of an older client", DISCOVER, 200, METHOD_NOT_FOUND)
            .header(HEADER, "2025-11-25"),
        post("discover of a newer client", DISCOVER_META, 404, METHOD_NOT_FOUND)
            .header(HEADER, "2026-07-28")
            .header("mcp-method", "server/discover")
            .session(Session::Missing),
        post("an unknown revision", PING, 400, INVALID_REQUEST).header(HEADER, "1999-01-01"),
        post("a revision before sessions", CALL, 400, INVALID_REQUEST).header(HEADER, "2024-11-05"),
        post("no revision", PING, 400, INVALID_REQUEST).header(HEADER, "latest"),
        post("two revisions", PING, 400, INVALID_REQUEST)
            .header(HEADER, "2025-06-18")
            .header(HEADER, "2025-11-25"),
        post("a revision without sessions, in its header only", CALL, 400, INVALID_REQUEST)
            .header(HEADER, "2026-07-28"),
        post("a revision without sessions", CALL_META, 400, UNSUPPORTED_PROTOCOL_VERSION)
            .header(HEADER, "2026-07-28")
            .session(Session::Missing),
        stream("a stream of a revision that has none", "2026-07-28", 405, Method::GET),
        stream("an end of what has no sessions", "2026-07-28", 405, Method::DELETE),
        stream("a stream of an unknown revision", "1999-01-01", 400, Method::GET),
        stream("an end in an unknown revision", "1999-01-01", 400, Method::DELETE),
    ]
}
