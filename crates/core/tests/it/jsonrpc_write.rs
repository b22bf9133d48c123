//! Messages that the gateway writes, and the ids in them.

use mcp_gateway_core::jsonrpc::{
    Id, Message, code, error_response, error_response_with_data, notification, quote, request,
    result_response,
};

#[test]
fn written_messages_have_their_members_in_order() {
    let check = |bytes: Vec<u8>, expect: &str| {
        assert_eq!(String::from_utf8(bytes).unwrap(), expect);
        Message::parse(expect.as_bytes()).unwrap();
    };
    let id = Id::from(7);
    check(
        error_response(Some(&id), -32601, "no \"x\""),
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no \"x\""}}"#,
    );
    check(
        error_response(None, -32700, "é"),
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"é"}}"#,
    );
    check(
        error_response_with_data(Some(&id), 1, "m", br#"{"a":1}"#),
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"m","data":{"a":1}}}"#,
    );
    check(
        result_response(&Id::from("a\"b"), b"{}"),
        r#"{"jsonrpc":"2.0","id":"a\"b","result":{}}"#,
    );
    check(request(&id, "ping", None), r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    check(
        request(&id, "tools/list", Some(br#"{"cursor":""}"#)),
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{"cursor":""}}"#,
    );
    check(notification("notifications/x", None), r#"{"jsonrpc":"2.0","method":"notifications/x"}"#);
    check(
        notification("notifications/x", Some(b"{}")),
        r#"{"jsonrpc":"2.0","method":"notifications/x","params":{}}"#,
    );
}

#[test]
fn quoted_text_is_escaped_only_where_it_must_be() {
    let check = |text: &str, expect: &str| {
        assert_eq!(String::from_utf8(quote(text)).unwrap(), expect);
    };
    check("", r#""""#);
    check("a\"\\/<>&é日😀\u{2028}\u{7f}", "\"a\\\"\\\\/<>&é日😀\u{2028}\u{7f}\"");
    check("\u{8}\u{c}\n\r\t\0\u{1f}", r#""\u0008\u000c\n\r\t\u0000\u001f""#);
}

#[test]
fn ids_are_kept_as_written() {
    for id in [
        "0",
        "-0",
        "1",
        "1e3",
        "1E+3",
        "-1.50",
        "1208925819614629174706176",
        "1e400",
        "9007199254740993",
        "\"\"",
        r#""a b""#,
        r#""\u0061\/\"\n""#,
        r#""\ud83d\ude00""#,
        r#""\ud800""#,
        "\"日本\"",
        "true",
        "false",
        "[]",
        "[1, 2 ]",
        "{}",
        r#"{"x" : 1, "x":2}"#,
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id": {id} ,"method":"ping"}}"#);
        let raw = Message::parse(text.as_bytes()).unwrap().id().unwrap();
        assert_eq!((raw.as_bytes(), &text[raw.range()]), (id.as_bytes(), id));
        let response = error_response(Some(&Id::from_raw(raw)), code::INTERNAL_ERROR, "m");
        let response = Message::parse(&response).unwrap();
        assert_eq!(response.id().unwrap().as_bytes(), id.as_bytes());
    }
}

#[test]
fn text_of_an_id_has_no_json_quotes() {
    let check = |id: &str, text: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
        let id = Id::from_raw(Message::parse(body.as_bytes()).unwrap().id().unwrap());
        assert_eq!(id.text(), text);
    };
    check("7", "7");
    check("1e3", "1e3");
    check(r#""a""#, "a");
    check(r#""a\"\u00fc""#, "a\"ü");
    check(r#"{"x":1}"#, r#"{"x":1}"#);
    // No Rust string can hold it, so it stays as written.
    check(r#""\ud800""#, r#""\ud800""#);
}

#[test]
fn ids_match_in_other_spellings_of_the_same_value() {
    let check = |own: &str, other: &str, expect: bool| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{own},"result":{other}}}"#);
        let message = Message::parse(body.as_bytes()).unwrap();
        let id = Id::from_raw(message.id().unwrap());
        assert_eq!(id.matches(message.result().unwrap()), expect, "{own} {other}");
    };
    check("1", "1", true);
    check("1", "2", false);
    check("1", "\"1\"", false);
    check("1e3", "1000", true);
    check("-0", "0", true);
    check("1208925819614629174706176", "1.2089258196146292e+24", true);
    check("9007199254740993", "9007199254740992", false);
    check("1e400", "1e400", true);
    check("1e400", "1e401", false);
    check(r#""a\/b""#, r#""a/b""#, true);
    check(r#""a""#, r#""A""#, false);
    check(r#""\ud800""#, r#""\ud801""#, false);
    check("[1]", "[1]", true);
    check("[1]", "[1.0]", false);
    check("true", "false", false);
}
