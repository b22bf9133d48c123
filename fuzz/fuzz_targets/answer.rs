//! The reader of servers' answers: never panics, holds no more than its bound, and always leaves the client an answer.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::answer::{AnswerForm, AnswerReader, BodyEnd};
use mcp_gateway_core::jsonrpc::{Id, Message};

/// Bytes of an answer that are held; small, so that the bound is reached.
const HELD_BYTES_MAX: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, body)) = data.split_first() else { return };
    let request = Message::parse(br#"{"jsonrpc":"2.0","id":7,"method":"tools/call"}"#);
    let Some(id) = request.ok().and_then(|request| request.id()).map(Id::from_raw) else { return };
    let form = match choice & 3 {
        0 => AnswerForm::Json,
        1 => AnswerForm::EventStream,
        2 => AnswerForm::ErrorBody(http_500()),
        _ => AnswerForm::Other,
    };
    let end = if choice & 4 == 0 { BodyEnd::Complete } else { BodyEnd::Cut };
    let mut reader = AnswerReader::new(id, "demo/fuzz", form, HELD_BYTES_MAX);
    let mut out = Vec::new();
    for chunk in body.chunks(usize::from(choice >> 3).max(1)) {
        out.extend_from_slice(&reader.push(Bytes::copy_from_slice(chunk)));
    }
    out.extend_from_slice(&reader.finish(end));
    assert!(reader.outcome().is_some(), "every answer has an outcome");
    assert!(
        !out.is_empty() || body.len() > HELD_BYTES_MAX,
        "the client is never left with nothing"
    );
});

fn http_500() -> http::StatusCode {
    http::StatusCode::INTERNAL_SERVER_ERROR
}
