//! Messages that are none, or not to be trusted.

use super::Row;

const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const INVALID_PARAMS: i64 = -32602;

pub(super) fn rows() -> Vec<Row> {
    let no_json = |what, body: &'static str| Row::post(what, body, 400, PARSE_ERROR);
    let no_request = |what, body: &'static str| Row::post(what, body, 400, INVALID_REQUEST);
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"raw_echo","arguments":{{"a":{open}{close}}}}}}}"#
        )
    };
    vec![
        no_json("nothing", ""),
        no_json("not JSON", "hello"),
        no_json("cut JSON", r#"{"jsonrpc":"2.0","id":1,"method":"pi"#),
        no_json("two messages", r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{}"#),
        Row::post("not UTF-8", b"{\"jsonrpc\":\"2.0\",\"id\":\"\xff\",\"method\":\"ping\"}".as_slice(), 400, PARSE_ERROR),
        no_json("a comment", r#"{"jsonrpc":"2.0",/**/"id":1,"method":"ping"}"#),
        no_request("a number", "7"),
        no_request("a string", r#""ping""#),
        no_request("null", "null"),
        no_request("a batch", r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#),
        no_request("an empty batch", "[]"),
        no_request("an empty object", "{}"),
        no_request("no method", r#"{"jsonrpc":"2.0","id":1}"#).id("1"),
        no_request("a method that is no string", r#"{"jsonrpc":"2.0","id":"m","method":7}"#).id(r#""m""#),
        no_request("no version", r#"{"id":1.50e1,"method":"ping"}"#).id("1.50e1"),
        no_request("another version", r#"{"jsonrpc":"1.0","id":{"a":[1]},"method":"ping"}"#).id(r#"{"a":[1]}"#),
        no_request("a null id", r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#),
        no_request("a request without id", r#"{"jsonrpc":"2.0","method":"ping"}"#),
        no_request("result and error", r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#).id("1"),
        no_request("method and result", r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#).id("1"),
        no_request("a key twice", r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#).id("1"),
        no_request("an id twice", r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#),
        no_request("an escaped key twice", r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"x"}"#).id("1"),
        no_request(
            "a name twice",
            r#"{"jsonrpc":"2.0","id":"n","method":"tools/call","params":{"name":"raw_echo","name":"other"}}"#,
        )
        .id(r#""n""#),
        no_request("a key in capitals", r#"{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"x"}"#).id("1"),
        no_request(
            "a name in capitals",
            r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"Name":"raw_echo"}}"#,
        )
        .id("3"),
        no_request(
            "a key that some readers fold",
            "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"param\u{17f}\":{}}",
        )
        .id("3"),
        Row::post("params in a list", r#"{"jsonrpc":"2.0","id":4,"method":"ping","params":[]}"#, 400, INVALID_PARAMS).id("4"),
        Row::post("too deep", deep(200), 400, INVALID_REQUEST).id("1"),
        Row::post("much too deep", deep(100_000), 400, INVALID_REQUEST).id("1"),
    ]
}
