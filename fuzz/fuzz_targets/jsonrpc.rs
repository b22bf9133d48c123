//! The reader of JSON-RPC messages: never panics, agrees with `serde_json` on what is JSON, and splices by the byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::jsonrpc::{Message, Splice};

fuzz_target!(|data: &[u8]| {
    let message = match Message::parse(data) {
        Ok(message) => message,
        Err(error) => {
            // What the caller is told must itself be writable, and bounded whatever was sent.
            assert!(error.to_string().len() < 1024, "{error}");
            return;
        }
    };
    // Lone surrogates are valid JSON text that `serde_json` refuses; everything else it must take as well.
    let is_plain = !data.windows(2).any(|pair| pair == b"\\u");
    let parsed: Result<Box<serde_json::value::RawValue>, _> = serde_json::from_slice(data);
    assert!(!is_plain || parsed.is_ok(), "serde_json refuses what was taken");
    assert_eq!(Splice::new(&message).finish(), data, "no edit changes no byte");
    let mut splice = Splice::new(&message);
    splice.set_trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Some("a=b"));
    let stamped = splice.finish();
    let again = Message::parse(&stamped);
    assert!(again.is_ok(), "a stamped message is a message");
});
