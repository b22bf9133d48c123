//! How much one message may make the gateway hold.

use mcp_gateway_core::jsonrpc::{
    ARRAY_ITEMS_MAX, DEPTH_MAX, MEMBERS_MAX, Message, Object, ParseErrorKind, code,
};

/// A message whose id stands behind `levels` brackets in `params`.
fn nested(levels: usize, open: &str, close: &str) -> String {
    let inner = format!("{}{}", open.repeat(levels), close.repeat(levels));
    format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"x":{inner}}},"id":5}}"#)
}

#[test]
fn depth_is_bounded_and_the_id_is_found_behind() {
    // Two levels are the message's own.
    let fits = nested(DEPTH_MAX - 2, "[", "]");
    assert_eq!(Message::parse(fits.as_bytes()).unwrap().params().unwrap().len(), 1);
    for levels in [DEPTH_MAX - 1, 300, 100_000] {
        let text = nested(levels, "[", "]");
        let error = Message::parse(text.as_bytes()).unwrap_err();
        let at = text.find('[').unwrap() + DEPTH_MAX - 2;
        assert_eq!(*error.kind(), ParseErrorKind::TooDeep { at });
        assert_eq!((error.code(), error.reason()), (code::INVALID_REQUEST, "nested_too_deep"));
        assert_eq!(error.id().unwrap().as_bytes(), b"5");
        let says = format!("objects and arrays are nested more than 128 deep at byte {at}");
        assert_eq!(error.to_string(), says);
    }
}

#[test]
fn brackets_must_pair_however_deep_they_are() {
    let reason = |text: &str| Message::parse(text.as_bytes()).unwrap_err().reason();
    let text = nested(300, "[{\"a\":[", "]}]");
    assert_eq!(reason(&text), "nested_too_deep");
    // 900 brackets are closed; each in turn is closed by the wrong one.
    let start = text.find("]}]").unwrap();
    for at in start..start + 900 {
        let wrong = if text.as_bytes()[at] == b'}' { "]" } else { "}" };
        let mut text = text.clone();
        text.replace_range(at..=at, wrong);
        assert_eq!(reason(&text), "invalid_json", "byte {at}");
    }
    assert_eq!(reason(&"[".repeat(1_000_000)), "invalid_json");
    assert_eq!(reason(&"{\"\":".repeat(1_000_000)), "invalid_json");
    let array = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(reason(&array), "batch_not_supported");
}

fn members(count: usize) -> String {
    let members: Vec<String> = (0..count).map(|n| format!("\"m{n}\":{n}")).collect();
    members.join(",")
}

#[test]
fn members_of_read_objects_are_bounded() {
    let params = |count| {
        let members = members(count);
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{{members}}},"id":5}}"#)
    };
    let text = params(MEMBERS_MAX);
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.params().unwrap().len(), MEMBERS_MAX);
    assert_eq!(message.param("m1023").unwrap().as_i64(), Some(1023));

    let many = members(MEMBERS_MAX + 1);
    let meta =
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"_meta":{{{many}}}}},"id":5}}"#);
    let envelope = format!(r#"{{"jsonrpc":"2.0","method":"m",{many},"id":5}}"#);
    for text in [params(MEMBERS_MAX + 1), params(5 * MEMBERS_MAX), meta, envelope] {
        let error = Message::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.code(), error.reason()), (code::INVALID_REQUEST, "too_many_members"));
        assert_eq!(error.id().unwrap().as_bytes(), b"5");
        assert!(error.to_string().ends_with(" has more than 1024 members"), "{error}");
    }
}

#[test]
fn members_of_other_objects_are_not_counted_until_read() {
    let many = members(MEMBERS_MAX + 1);
    let text =
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"arguments":{{{many}}}}},"id":5}}"#);
    let message = Message::parse(text.as_bytes()).unwrap();
    let error = message.param("arguments").unwrap().object().unwrap_err();
    assert_eq!(error.reason(), "too_many_members");
}

#[test]
fn items_of_read_arrays_are_bounded() {
    let array = |count: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(count - 1));
    let text = array(ARRAY_ITEMS_MAX);
    let items = Object::parse(text.as_bytes()).unwrap().get("a").unwrap().array().unwrap();
    assert_eq!(items.len(), ARRAY_ITEMS_MAX);
    let text = array(ARRAY_ITEMS_MAX + 1);
    let error = Object::parse(text.as_bytes()).unwrap().get("a").unwrap().array().unwrap_err();
    assert_eq!(error.reason(), "too_many_items");
    assert_eq!(error.to_string(), "the array at byte 5 has more than 100000 items");
}
