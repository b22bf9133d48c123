//! Other paths, other HTTP methods.

use http::Method;

use super::Row;

const INVALID_REQUEST: i64 = -32600;
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

pub(super) fn rows() -> Vec<Row> {
    let path = |what, path| Row { path, ..Row::post(what, PING, 404, INVALID_REQUEST) };
    let method = |what, method: &Method, status| {
        let row = Row::post(what, "", status, INVALID_REQUEST);
        Row { method: method.clone(), ..row }
    };
    let mut rows = vec![
        path("the root", "/"),
        path("below the endpoint", "/mcp/more"),
        path("beside the endpoint", "/mcpx"),
        path("the endpoint in capitals", "/MCP"),
        path("the admin listener's pages", "/status"),
        path("the old transport", "/sse"),
    ];
    for accept in ["application/json", "*/*", "text/*"] {
        let row = method("a stream that is not asked for", &Method::GET, 406);
        rows.push(Row { accept, ..row });
    }
    for other in [Method::PUT, Method::PATCH, Method::OPTIONS, Method::TRACE] {
        rows.push(method("another method", &other, 405));
    }
    let head = method("another method without a body", &Method::HEAD, 405);
    rows.push(Row { code: None, ..head });
    rows
}
