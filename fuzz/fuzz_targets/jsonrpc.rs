//! Fuzz target: any bytes as a JSON-RPC message.
//!
//! Beside not stopping, the reader must agree with `serde_json` on what is JSON, and changes must leave all
//! other bytes alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::jsonrpc::{Message, Object, Raw, RawKind, Splice, code};
use serde_json::value::RawValue;

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fuzz_target!(|text: &[u8]| {
    let is_json = serde_json::from_slice::<&RawValue>(text).is_ok();
    match Message::parse(text) {
        Ok(message) => {
            assert!(is_json, "taken, but not JSON");
            look_around(text, message.envelope());
            change(&message);
        }
        Err(error) => {
            assert_eq!(error.code() == code::PARSE_ERROR, !is_json, "{error}");
            // What the caller is told is bounded, whatever was sent.
            assert!(error.to_string().len() < 1024, "{error}");
        }
    }
});

/// Reads all that can be read of an object, without recursion: values of values are looked at in turn.
fn look_around<'a>(text: &'a [u8], envelope: &Object<'a>) {
    let mut values: Vec<Raw<'a>> = envelope.iter().map(|(_, value)| value).collect();
    while let Some(value) = values.pop() {
        assert_eq!(text.get(value.range()), Some(value.as_bytes()));
        match value.kind() {
            RawKind::Object => {
                if let Ok(object) = value.object() {
                    assert_eq!(object.as_bytes(), value.as_bytes());
                    values.extend(object.iter().map(|(_, value)| value));
                }
            }
            RawKind::Array => values.extend(value.array().unwrap_or_default()),
            RawKind::String => {
                let decoded = serde_json::from_slice::<String>(value.as_bytes()).ok();
                assert_eq!(value.as_str().map(String::from), decoded);
            }
            RawKind::Number => {
                let number = serde_json::from_slice::<i64>(value.as_bytes()).ok();
                // `serde_json` takes -0 for a fraction.
                assert!(value.as_i64() == number || value.as_bytes() == b"-0");
            }
            RawKind::Bool => assert!(value.as_bool().is_some()),
            RawKind::Null => assert_eq!(value.as_bytes(), b"null"),
        }
    }
}

fn change(message: &Message<'_>) {
    assert_eq!(Splice::new(message).finish(), message.bytes());
    let mut splice = Splice::new(message);
    splice.set_string_param("name", "a\"b");
    splice.set_trace(TRACEPARENT, None);
    let changed = splice.finish();
    let after = Message::parse(&changed).unwrap_or_else(|error| panic!("changed: {error}"));
    let mut back = Splice::new(&after);
    for key in ["name", "_meta"] {
        // What was added cannot be taken back by a splice; what was replaced can.
        match (message.param(key), after.param(key)) {
            (Some(before), Some(after)) => back.replace(after.range(), before.as_bytes().to_vec()),
            (None, None) => {}
            (None, Some(_)) => return,
            (Some(_), None) => panic!("{key} is lost"),
        }
    }
    assert_eq!(back.finish(), message.bytes());
}
