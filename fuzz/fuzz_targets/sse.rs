//! Fuzz target: any bytes as a stream of server-sent events.
//!
//! Beside not stopping, the reader must see the same in chunks of any size, and read back what the writer made of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::sse::{Decoder, Event, SseError, encode};

/// An event: name, data, id, retry.
type Seen = (String, Vec<u8>, Option<String>, Option<u64>);

// The first byte says how large the chunks are, the second how long an event may be.
fuzz_target!(|input: &[u8]| {
    let [size, event_bytes_max, stream @ ..] = input else { return };
    let event_bytes_max = usize::from(*event_bytes_max) * 4;
    let (events, result, pending) = read(stream, stream.len(), event_bytes_max);
    let chunked = read(stream, usize::from(*size), event_bytes_max);
    assert_eq!(chunked, (events.clone(), result, pending));

    let mut written = Vec::new();
    for (name, data, id, retry_ms) in &events {
        assert!(data.len() <= event_bytes_max, "longer than the bound");
        let id = id.as_deref();
        written.extend(encode(&Event { name: name.into(), data, id, retry_ms: *retry_ms }));
    }
    assert_eq!(read(&written, usize::from(*size), usize::MAX), (events, Ok(()), false));
});

fn read(
    stream: &[u8],
    size: usize,
    event_bytes_max: usize,
) -> (Vec<Seen>, Result<(), SseError>, bool) {
    let mut decoder = Decoder::new(event_bytes_max);
    let mut events = Vec::new();
    let mut result = Ok(());
    for chunk in stream.chunks(size.max(1)) {
        result = decoder.push(chunk, &mut |event: Event<'_>| {
            let id = event.id.map(str::to_owned);
            events.push((event.name.into_owned(), event.data.to_vec(), id, event.retry_ms));
        });
    }
    (events, result, decoder.finish())
}
