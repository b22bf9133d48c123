//! Events as bytes of a stream.

use memchr::memchr2;

use super::event::Event;

/// A comment, which every reader skips: sent from time to time it keeps an idle connection open.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// Writes one event, with the blank line that ends it.
///
/// Each line of `data` gets a `data` field of its own; whatever ends a line there, the reader sees a line feed.
/// A name or an id is one line by nature: line ends in it (and NUL in an id, which would void it) are left out.
pub fn encode(event: &Event<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(event.data.len() + event.name.len() + 64);
    field(&mut out, b"event", event.name.bytes().filter(|byte| !is_line_end(*byte)));
    if let Some(id) = event.id {
        field(&mut out, b"id", id.bytes().filter(|byte| !is_line_end(*byte) && *byte != 0));
    }
    if let Some(retry_ms) = event.retry_ms {
        field(&mut out, b"retry", retry_ms.to_string().bytes());
    }
    data(&mut out, event.data);
    out
}

/// Writes an event of the default name without id: `event: message`, the data, a blank line.
pub fn encode_message(data: &[u8]) -> Vec<u8> {
    encode(&Event::message(data))
}

fn field(out: &mut Vec<u8>, name: &[u8], value: impl Iterator<Item = u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend(value);
    out.push(b'\n');
}

fn data(out: &mut Vec<u8>, data: &[u8]) {
    let mut rest = data;
    loop {
        let end = memchr2(b'\n', b'\r', rest);
        let (line, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or_default();
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
        if end.is_none() {
            break;
        }
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
    }
    out.push(b'\n');
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}
