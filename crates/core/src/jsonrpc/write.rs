//! New messages, written member by member.
//!
//! Values that are already JSON are copied as they are; nothing here checks them.

use super::id::Id;

/// An error response. `id` is left out when it is not known. Members: `jsonrpc`, `id`, `error`.
pub fn error_response(id: Option<&Id>, code: i32, message: &str) -> Vec<u8> {
    error(id, code, message, None)
}

/// As [`error_response`], with `data` (JSON text) in the error.
pub fn error_response_with_data(id: Option<&Id>, code: i32, message: &str, data: &[u8]) -> Vec<u8> {
    error(id, code, message, Some(data))
}

/// A response with a `result` (JSON text).
pub fn result_response(id: &Id, result: &[u8]) -> Vec<u8> {
    let mut out = start(id.as_bytes().len() + result.len());
    member(&mut out, "id", id.as_bytes());
    member(&mut out, "result", result);
    out.push(b'}');
    out
}

/// A request. `params` is the JSON text of an object.
pub fn request(id: &Id, method: &str, params: Option<&[u8]>) -> Vec<u8> {
    call(Some(id), method, params)
}

/// A notification. `params` is the JSON text of an object.
pub fn notification(method: &str, params: Option<&[u8]>) -> Vec<u8> {
    call(None, method, params)
}

/// A string as JSON text. Only what must be escaped is: quotes, backslashes and control characters.
pub fn quote(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    write_string(&mut out, text);
    out
}

pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for &byte in text.as_bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend([byte >> 4, byte & 15].map(hex_digit));
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

fn error(id: Option<&Id>, code: i32, message: &str, data: Option<&[u8]>) -> Vec<u8> {
    let mut out = start(message.len() + data.map_or(0, <[u8]>::len) + 64);
    if let Some(id) = id {
        member(&mut out, "id", id.as_bytes());
    }
    member(&mut out, "error", b"{\"code\":");
    out.extend_from_slice(code.to_string().as_bytes());
    member(&mut out, "message", b"");
    write_string(&mut out, message);
    if let Some(data) = data {
        member(&mut out, "data", data);
    }
    out.extend_from_slice(b"}}");
    out
}

fn call(id: Option<&Id>, method: &str, params: Option<&[u8]>) -> Vec<u8> {
    let mut out = start(method.len() + params.map_or(0, <[u8]>::len) + 64);
    if let Some(id) = id {
        member(&mut out, "id", id.as_bytes());
    }
    member(&mut out, "method", b"");
    write_string(&mut out, method);
    if let Some(params) = params {
        member(&mut out, "params", params);
    }
    out.push(b'}');
    out
}

/// The start of a message, with room for `len` bytes more.
fn start(len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 64);
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    out
}

/// A further member. `name` needs no escape.
fn member(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
}
