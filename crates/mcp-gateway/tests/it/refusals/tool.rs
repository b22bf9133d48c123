//! Calls of nothing, and methods that are not there.

use super::Row;

const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

pub(super) fn rows() -> Vec<Row> {
    let refused = |what, code, body: &'static str| Row::post(what, body, 200, code).id(r#""t""#);
    let call = |what, body| refused(what, INVALID_PARAMS, body);
    let method = |what, body| refused(what, METHOD_NOT_FOUND, body);
    vec![
        call("no params", r#"{"jsonrpc":"2.0","id":"t","method":"tools/call"}"#),
        call("no name", r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{}}"#),
        call(
            "an empty name",
            r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":""}}"#,
        ),
        call(
            "a name that is no string",
            r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":["raw_echo"]}}"#,
        ),
        call(
            "an unknown tool",
            r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"raw_none"}}"#,
        ),
        call(
            "a tool without its prefix",
            r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"echo"}}"#,
        ),
        call(
            "a tool in capitals",
            r#"{"jsonrpc":"2.0","id":"t","method":"tools/call","params":{"name":"RAW_ECHO"}}"#,
        ),
        call(
            "a cursor of nobody",
            r#"{"jsonrpc":"2.0","id":"t","method":"tools/list","params":{"cursor":"2"}}"#,
        ),
        call(
            "initialize without a version",
            r#"{"jsonrpc":"2.0","id":"t","method":"initialize","params":{}}"#,
        ),
        method("an unknown method", r#"{"jsonrpc":"2.0","id":"t","method":"nothing/at-all"}"#),
        method(
            "a method that is not offered",
            r#"{"jsonrpc":"2.0","id":"t","method":"resources/list"}"#,
        ),
        method(
            "a method in capitals",
            r#"{"jsonrpc":"2.0","id":"t","method":"Tools/Call","params":{"name":"raw_echo"}}"#,
        ),
        method(
            "a notification's name with an id",
            r#"{"jsonrpc":"2.0","id":"t","method":"notifications/initialized"}"#,
        ),
    ]
}
