//! What a message is taken for, and what is read from it.

use mcp_gateway_core::jsonrpc::{DEPTH_MAX, Kind, Message, Object, ParseErrorKind, Raw, RawKind};

#[test]
fn messages_are_told_apart_by_their_members() {
    let check = |text: &str, kind: Kind, method: &str, id: Option<&str>| {
        let message =
            Message::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((message.kind(), message.method()), (kind, method), "{text}");
        assert_eq!(message.id().map(|id| id.as_bytes()), id.map(str::as_bytes), "{text}");
    };
    let request = |text, id| check(text, Kind::Request, "ping", Some(id));
    request(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "1");
    request(r#"{"id":"a","method":"ping","jsonrpc":"2.0","params":{}}"#, "\"a\"");
    request("\r\n\t {\"jsonrpc\" : \"2.0\" ,\n\"id\":0,\"method\":\"ping\"} \n", "0");
    // Names and values count decoded.
    request(r#"{"json\u0072pc":"2\u002e0","\u0069d":1,"meth\u006fd":"p\u0069ng"}"#, "1");
    // Unknown members are nobody's business here, unpaired surrogates included.
    request(r#"{"jsonrpc":"2.0","id":1,"method":"ping","x":{"id":2,"id":3}}"#, "1");
    request(r#"{"jsonrpc":"2.0","id":1,"method":"ping","\ud800":"\udfff"}"#, "1");

    let name = "notifications/initialized";
    let text = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    check(text, Kind::Notification, name, None);
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"notifications/initialized"}"#;
    check(text, Kind::Request, name, Some("1"));

    check(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, Kind::Response, "", Some("1"));
    check(r#"{"jsonrpc":"2.0","id":1,"result":null}"#, Kind::Response, "", Some("1"));
    check(r#"{"jsonrpc":"2.0","id":1,"error":{}}"#, Kind::ErrorResponse, "", Some("1"));
    // Whoever could not read a request does not know its id.
    check(r#"{"jsonrpc":"2.0","id":null,"error":{}}"#, Kind::ErrorResponse, "", None);
    check(r#"{"jsonrpc":"2.0","error":{}}"#, Kind::ErrorResponse, "", None);
}

#[test]
fn params_and_meta_are_found_where_they_stand() {
    let text = br#" {"jsonrpc":"2.0","id":1,"method":"tools/call","params": {"name" : "a\nb",
        "_meta": {"progressToken" : 7 } , "arguments":{"n":9007199254740993}}}"#;
    let message = Message::parse(text).unwrap();
    let params = message.params().unwrap();
    let keys: Vec<&str> = params.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["name", "_meta", "arguments"]);
    assert_eq!(message.param("name").unwrap().as_str().unwrap(), "a\nb");
    assert!(message.param("uri").is_none());
    assert_eq!(message.meta().unwrap().get("progressToken").unwrap().as_i64(), Some(7));
    assert_eq!(&text[message.meta().unwrap().range()], br#"{"progressToken" : 7 }"#);
    let number = message.param("arguments").unwrap().object().unwrap().get("n").unwrap();
    assert_eq!(&text[number.range()], b"9007199254740993");
    assert_eq!(message.bytes(), text);
    assert_eq!(message.envelope().as_bytes(), &text[1..]);
}

#[test]
fn results_and_errors_are_found_where_they_stand() {
    let text = br#"{"jsonrpc":"2.0","id":1,"result": {"tools":[ ]} }"#;
    let message = Message::parse(text).unwrap();
    assert_eq!(message.result().unwrap().as_bytes(), br#"{"tools":[ ]}"#);
    assert!(message.error().is_none() && message.params().is_none());
    let text = br#"{"jsonrpc":"2.0","id":1,"error": {"code":-1} }"#;
    let message = Message::parse(text).unwrap();
    assert_eq!(message.error().unwrap().as_bytes(), br#"{"code":-1}"#);
    assert!(message.result().is_none());
}

#[test]
fn meta_that_is_no_object_is_none() {
    for meta in ["null", "[]", "\"x\"", "7"] {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"_meta":{meta}}}}}"#);
        let message = Message::parse(text.as_bytes()).unwrap();
        assert!(message.meta().is_none(), "{text}");
        assert!(message.param("_meta").is_some(), "{text}");
    }
}

#[test]
fn duplicates_elsewhere_are_left_to_their_readers() {
    let text = br#"{"jsonrpc":"2.0","id":{"a":1,"a":2},"method":"m",
        "params":{"arguments":{"a":1,"a":2,"A":3},"_meta":{"x":{"b":1,"b":1}}}}"#;
    let arguments = Message::parse(text).unwrap().param("arguments").unwrap();
    assert_eq!(arguments.as_bytes(), br#"{"a":1,"a":2,"A":3}"#);
    assert_eq!(arguments.object().unwrap_err().reason(), "duplicate_member");
}

#[test]
fn raw_values_tell_what_they_are() {
    let text = br#"{"n":null,"t":true,"f":false,"i":-12,"d":1.0,"big":1e400,"s":"\u00e9","a":[1, [2], {}],"o":{}}"#;
    let object = Object::parse(text).unwrap();
    let get = |key: &str| object.get(key).unwrap();
    let check = |key: &str, kind: RawKind, is_i64, is_bool, is_str: Option<&str>| {
        let raw = get(key);
        assert_eq!(raw.kind(), kind, "{key}");
        assert_eq!((raw.as_i64(), raw.as_bool()), (is_i64, is_bool), "{key}");
        assert_eq!(raw.as_str().as_deref(), is_str, "{key}");
        assert_eq!(raw.is_null(), kind == RawKind::Null, "{key}");
        assert_eq!(raw.is_array(), kind == RawKind::Array, "{key}");
        assert_eq!(raw.is_object(), kind == RawKind::Object, "{key}");
    };
    check("n", RawKind::Null, None, None, None);
    check("t", RawKind::Bool, None, Some(true), None);
    check("f", RawKind::Bool, None, Some(false), None);
    check("i", RawKind::Number, Some(-12), None, None);
    check("d", RawKind::Number, None, None, None);
    check("big", RawKind::Number, None, None, None);
    check("s", RawKind::String, None, None, Some("é"));
    check("a", RawKind::Array, None, None, None);
    check("o", RawKind::Object, None, None, None);
    let items: Vec<&[u8]> = get("a").array().unwrap().iter().map(Raw::as_bytes).collect();
    assert_eq!(items, [&b"1"[..], b"[2]", b"{}"]);
    assert!(get("o").object().unwrap().is_empty());
    let at = get("a").range().start;
    assert_eq!(get("a").object().unwrap_err(), ParseErrorKind::NotAnObject { at });
    let at = get("o").range().start;
    assert_eq!(get("o").array().unwrap_err(), ParseErrorKind::NotAnArray { at });
    let error = get("o").array().unwrap_err();
    assert_eq!(error.reason(), "not_an_array");
    assert_eq!(error.to_string(), format!("expected a JSON array at byte {at}"));
}

#[test]
fn strings_are_decoded() {
    let check = |written: &str, decoded: Option<&str>| {
        let text = format!("{{\"s\":{written}}}");
        let object = Object::parse(text.as_bytes()).unwrap();
        assert_eq!(object.get("s").unwrap().as_str().as_deref(), decoded, "{written}");
    };
    check(r#""""#, Some(""));
    check(r#""\"\\\/\b\f\n\r\t""#, Some("\"\\/\u{8}\u{c}\n\r\t"));
    check(r#""\u0000\u001F\u00E9\uFFFF""#, Some("\0\u{1f}é\u{ffff}"));
    check(r#""x\ud83d\ude00y""#, Some("x😀y"));
    check(r#""\uDBFF\uDFFF""#, Some("\u{10ffff}"));
    check(r#""long, without any escape, 日本語""#, Some("long, without any escape, 日本語"));
    check(r#""whose last character is \u0061""#, Some("whose last character is a"));
    check(r#""\ud800""#, None);
    check(r#""\udc00""#, None);
    check(r#""\ud800\ud800""#, None);
    check(r#""\ud800x""#, None);
    check(r#""\ud800\n""#, None);
    check(r#""\udc00\ud800""#, None);
}

#[test]
fn objects_are_read_alone() {
    let check = |text: &str, reason: &str| {
        assert_eq!(Object::parse(text.as_bytes()).unwrap_err().reason(), reason, "{text}");
    };
    check("[]", "not_an_object");
    check("", "invalid_json");
    check("{} x", "invalid_json");
    check("[1", "invalid_json");
    check(r#"{"a":1,"a":2}"#, "duplicate_member");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
    check(&deep, "nested_too_deep");
    let object = Object::parse(b" {\"A\" : 1} ").unwrap();
    assert_eq!((object.range(), object.len()), (1..10, 1));
    assert_eq!(object.as_bytes(), b"{\"A\" : 1}");
}

#[test]
fn messages_and_values_are_shown_without_their_content() {
    let text = br#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"name":"s3cret"}}"#;
    let message = Message::parse(text).unwrap();
    let shown = format!("{message:?}");
    assert_eq!(shown, "Message { kind: Request, method: \"m\", id: Some(Number at 22..23), .. }");
    let shown = format!("{:?} {:?}", message.param("name").unwrap(), message.params().unwrap());
    assert_eq!(shown, "String at 54..62 Object at 46..63, 1 members");
}
