//! What is refused, row by row: with which code, reason, id and words.

use mcp_gateway_core::jsonrpc::{Id, Message, code};

/// Expects a refusal: its reason, the id it is answered to, and what the client reads.
fn check(text: impl AsRef<[u8]>, (number, reason): (i32, &str), id: Option<&str>, says: &str) {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(text);
    let Err(error) = Message::parse(text) else { panic!("taken: {shown}") };
    assert_eq!((error.code(), error.reason()), (number, reason), "{shown}");
    assert_eq!(error.id().map(Id::as_bytes), id.map(str::as_bytes), "{shown}");
    assert_eq!(error.to_string(), says, "{shown}");
}

#[test]
fn text_that_is_not_json_is_refused_without_id() {
    let check = |text: &str, problem: &str| {
        let says = format!("the text is not JSON: {problem}");
        check(text, (code::PARSE_ERROR, "invalid_json"), None, &says);
    };
    check("", "the text ends too early at byte 0");
    check(" \n", "the text ends too early at byte 2");
    check("hello", "a value is missing at byte 0");
    check("{", "the text ends too early at byte 1");
    check("{\"id\":1", "the text ends too early at byte 7");
    check("{\"id\":1,", "the text ends too early at byte 8");
    check("{\"id\":1,}", "a member's name is missing at byte 8");
    check("{,}", "a member's name is missing at byte 1");
    check("{id:1}", "a member's name is missing at byte 1");
    check("{'id':1}", "a member's name is missing at byte 1");
    check("{\"id\" 1}", "a colon is missing at byte 6");
    check("{\"id\":}", "a value is missing at byte 6");
    check("{\"id\":1 \"x\":2}", "a comma or } is missing at byte 8");
    check("{\"id\":1]", "a comma or } is missing at byte 7");
    check("{\"id\":[1}", "a comma or ] is missing at byte 8");
    check("{\"id\":[1,]}", "a value is missing at byte 9");
    check("{\"id\":[,]}", "a value is missing at byte 7");
    check("{\"id\":{\"a\":1,}}", "a member's name is missing at byte 13");
    check("{\"id\":{,}}", "a member's name is missing at byte 7");
    check("{\"id\":1}}", "more text follows the message at byte 8");
    check("{\"id\":1} {\"id\":2}", "more text follows the message at byte 9");
    check("[1", "the text ends too early at byte 2");
    check("\u{FEFF}{}", "a value is missing at byte 0");
    check("{\"id\":tru}", "an unknown word stands for a value at byte 9");
    check("{\"id\":nul", "the text ends too early at byte 9");
    check("{\"id\":True}", "a value is missing at byte 6");
    check("{\"id\":NaN}", "a value is missing at byte 6");
    check("{\"id\":+1}", "a value is missing at byte 6");
    check("{\"id\":.5}", "a value is missing at byte 6");
    check("{\"id\":01}", "a comma or } is missing at byte 7");
    check("{\"id\":0x1}", "a comma or } is missing at byte 7");
    check("{\"id\":-}", "a digit is missing at byte 7");
    check("{\"id\":1.}", "a digit is missing at byte 8");
    check("{\"id\":1e}", "a digit is missing at byte 8");
    check("{\"id\":1e+}", "a digit is missing at byte 9");
    check("{\"id\":1/**/}", "a comma or } is missing at byte 7");
    check("{\"id\":\u{a0}1}", "a value is missing at byte 6");
    check("{\"id\":\"a}", "the text ends inside a string at byte 9");
    check("{\"id\":\"a\\", "the text ends inside a string at byte 9");
    check("{\"id\":\"a\\u00", "the text ends inside a string at byte 12");
    check("{\"id\":\"a\\u00g0\"}", "\\u needs four hexadecimal digits at byte 12");
    check("{\"id\":\"a\\x41\"}", "unknown escape in a string at byte 9");
    check("{\"id\":\"a\nb\"}", "a control character stands in a string at byte 8");
    let long = format!("{{\"id\":\"{}\0\"}}", "x".repeat(100));
    check(&long, "a control character stands in a string at byte 107");
}

#[test]
fn strings_that_are_not_utf8_are_refused_without_id() {
    let check = |text: &[u8], at: usize| {
        let says = format!("the text is not JSON: a string is not UTF-8 at byte {at}");
        check(text, (code::PARSE_ERROR, "invalid_utf8"), None, &says);
    };
    check(b"{\"id\":\"\xff\"}", 7);
    check(b"{\"id\":\"\xc3\"}", 7);
    check(b"{\"id\":\"ab\\n\xed\xa0\x80\"}", 11);
    check(b"{\"\xc0\x80\":1}", 2);
    check(&[&b"{\"id\":\""[..], &[b'x'; 100], b"\x80\"}"].concat(), 107);
}

const NO_OBJECT: (i32, &str) = (code::INVALID_REQUEST, "not_an_object");
const BATCH: (i32, &str) = (code::INVALID_REQUEST, "batch_not_supported");
const VERSION: (i32, &str) = (code::INVALID_REQUEST, "unsupported_jsonrpc_version");
const NULL_ID: (i32, &str) = (code::INVALID_REQUEST, "null_id");
const NO_ID: (i32, &str) = (code::INVALID_REQUEST, "missing_id");
const NO_METHOD: (i32, &str) = (code::INVALID_REQUEST, "missing_method");
const METHOD_TYPE: (i32, &str) = (code::INVALID_REQUEST, "method_not_a_string");
const BOTH: (i32, &str) = (code::INVALID_REQUEST, "result_and_error");
const SEVERAL: (i32, &str) = (code::INVALID_REQUEST, "method_and_result");
const PARAMS: (i32, &str) = (code::INVALID_PARAMS, "params_not_an_object");
const TWICE: (i32, &str) = (code::INVALID_REQUEST, "duplicate_member");
const MISSPELLED: (i32, &str) = (code::INVALID_REQUEST, "misspelled_member");

#[test]
fn json_that_is_no_object_is_refused() {
    let says = "a batch (JSON array) is not accepted, send one message per request";
    check("[]", BATCH, None, says);
    check(r#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, BATCH, None, says);
    check("null", NO_OBJECT, None, "expected a JSON object at byte 0");
    check("17", NO_OBJECT, None, "expected a JSON object at byte 0");
    check(" \"x\"", NO_OBJECT, None, "expected a JSON object at byte 1");
}

#[test]
fn another_version_is_refused() {
    let check = |text, id| check(text, VERSION, id, "the member \"jsonrpc\" must be \"2.0\"");
    check("{}", None);
    check(r#"{"id":7,"method":"ping"}"#, Some("7"));
    check(r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#, Some("7"));
    check(r#"{"jsonrpc":2.0,"id":7,"method":"ping"}"#, Some("7"));
}

#[test]
fn null_and_missing_ids_are_refused() {
    let null = "the member \"id\" must not be null";
    check(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, NULL_ID, None, null);
    check(r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, NULL_ID, None, null);
    let missing = "the member \"id\" is missing, only notifications/… go without";
    check(r#"{"jsonrpc":"2.0","method":"ping"}"#, NO_ID, None, missing);
    check(r#"{"jsonrpc":"2.0","method":"notifications"}"#, NO_ID, None, missing);
    check(r#"{"jsonrpc":"2.0","result":{}}"#, NO_ID, None, missing);
}

#[test]
fn missing_and_strange_methods_are_refused() {
    let missing = "the member \"method\" is missing";
    check(r#"{"jsonrpc":"2.0","id":"x"}"#, NO_METHOD, Some("\"x\""), missing);
    check(r#"{"jsonrpc":"2.0","id":1,"params":{}}"#, NO_METHOD, Some("1"), missing);
    let strange = "the member \"method\" must be a string";
    check(r#"{"jsonrpc":"2.0","id":1e3,"method":5}"#, METHOD_TYPE, Some("1e3"), strange);
    check(r#"{"jsonrpc":"2.0","id":1,"method":null}"#, METHOD_TYPE, Some("1"), strange);
    check(r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#, METHOD_TYPE, Some("1"), strange);
}

#[test]
fn messages_that_are_several_things_are_refused() {
    let both = "a response has either \"result\" or \"error\", not both";
    check(r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, BOTH, Some("1"), both);
    let several = "a message has either \"method\" or \"result\" or \"error\", not several";
    check(r#"{"jsonrpc":"2.0","id":1,"method":"m","result":{}}"#, SEVERAL, Some("1"), several);
    check(r#"{"jsonrpc":"2.0","id":1,"method":"m","error":{}}"#, SEVERAL, Some("1"), several);
    check(r#"{"jsonrpc":"2.0","method":"m","error":1,"result":1}"#, SEVERAL, None, several);
}

#[test]
fn params_that_are_no_object_are_refused() {
    for params in ["[]", "[1]", "null", "\"x\"", "1", "true"] {
        let says = "the member \"params\" must be an object";
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#);
        check(text, PARAMS, Some("1"), says);
        let text = format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{params}}}"#);
        check(text, PARAMS, None, says);
    }
}

#[test]
fn invariant_4_members_that_come_twice_are_refused() {
    let check = |text: &str, id, key: &str, at: usize| {
        let says = format!("the member \"{key}\" appears twice, again at byte {at}");
        check(text, TWICE, id, &says);
    };
    // Two ids are no id.
    check(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, None, "id", 24);
    check(r#"{"jsonrpc":"2.0","id":1,"id":1,"id":1,"method":"m"}"#, None, "id", 24);
    check(r#"{"jsonrpc":"2.0","id":1,"\u0069d":1,"method":"m"}"#, None, "id", 24);
    check(r#"{"x":1,"x":1,"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#, None, "x", 7);
    // Any other leaves it clear.
    check(r#"{"jsonrpc":"2.0","id":1,"method":"m","method":"x"}"#, Some("1"), "method", 37);
    check(r#"{"x":1,"x":2,"jsonrpc":"2.0","id":1,"method":"m"}"#, Some("1"), "x", 7);
    check(r#"{"params":{},"params":{},"jsonrpc":"2.0","id":[1]}"#, Some("[1]"), "params", 13);
    check(r#"{"params":{"name":"a","n\u0061me":"b"},"id":"z"}"#, Some("\"z\""), "name", 22);
    check(r#"{"params":{"arguments":{},"arguments":{}},"id":1}"#, Some("1"), "arguments", 26);
    check(r#"{"params":{"_meta":{"a":1,"b":2,"a":3}},"id":1}"#, Some("1"), "a", 32);
    check(r#"{"a\nb":1,"a\u000ab":1,"id":1}"#, Some("1"), "a\\nb", 10);
    // Two unpaired surrogates, which a reader may replace by the same character.
    check(r#"{"\ud800":1,"\udbff":1,"id":1}"#, Some("1"), "\u{fffd}", 12);
    // So many members that they are sorted; the earliest repetition is named.
    let many: Vec<String> = (0..50).map(|n| format!("\"m{n:02}\":0")).collect();
    let many = many.join(",");
    check(&format!(r#"{{{many},"m07":0,"m01":0,"id":1}}"#), Some("1"), "m07", 401);
}

#[test]
fn invariant_4_other_spellings_of_known_members_are_refused() {
    let check = |level: fn(&str) -> String, key: &str, known: &str| {
        let text = level(key);
        let decoded = key.replace("\\u017f", "\u{17f}").replace("\\u004d", "M");
        let at = text.find(&format!("\"{key}\":1")).unwrap();
        let says = format!("the member \"{decoded}\" at byte {at} must be written \"{known}\"");
        check(text, MISSPELLED, Some("1"), &says);
    };
    for known in ["jsonrpc", "id", "method", "params", "result", "error"] {
        check(envelope, &known.to_uppercase(), known);
    }
    for known in [
        "name",
        "uri",
        "arguments",
        "cursor",
        "_meta",
        "protocolVersion",
        "capabilities",
        "clientInfo",
        "requestId",
        "progressToken",
    ] {
        check(params, &known.to_uppercase(), known);
    }
    for known in ["traceparent", "tracestate", "baggage", "progressToken"] {
        check(meta, &known.to_uppercase(), known);
    }
    check(envelope, "\\u004dethod", "method");
    check(envelope, "param\u{17f}", "params");
    check(envelope, "param\\u017f", "params");
    check(envelope, "re\u{17f}ult", "result");
    check(params, "argument\u{17f}", "arguments");
    check(params, "progressTo\u{212a}en", "progressToken");
    check(meta, "trace\u{17f}tate", "tracestate");
    check(meta, "PROGRE\u{17f}\u{17f}to\u{212a}EN", "progressToken");
}

#[test]
fn names_that_are_only_similar_are_taken() {
    let check = |text: String| assert!(Message::parse(text.as_bytes()).is_ok(), "{text}");
    for key in ["methods", "Name", "ıd", "traceParent", "é", ""] {
        check(envelope(key));
    }
    for key in ["ID", "Names", "uro", "_Meta_", "name\u{301}"] {
        check(params(key));
    }
    for key in ["Name", "ⓣraceparent", "trace-parent"] {
        check(meta(key));
    }
}

#[test]
fn long_and_strange_names_are_shown_safely() {
    let name = "n".repeat(1000);
    let says = format!("the member \"{}…\" appears twice, again at byte 1006", "n".repeat(64));
    check(format!(r#"{{"{name}":1,"{name}":1}}"#), TWICE, None, &says);
    let says = "the member \"\\u{1b}[31m\\\"\" appears twice, again at byte 18";
    check(r#"{"\u001b[31m\"":1,"\u001b[31m\"":1}"#, TWICE, None, says);
}

fn envelope(key: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","{key}":1}}"#)
}

fn params(key: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"{key}":1}}}}"#)
}

fn meta(key: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{{"{key}":1}}}}}}"#)
}
