//! The reader of event streams: never panics, and reads the same events however the stream is cut into chunks.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcp_gateway_core::sse::{Decoder, encode};

/// Bytes of one event that are held; small, so that the bound is reached.
const EVENT_BYTES_MAX: usize = 256;

type Read = (String, Vec<u8>, Option<String>, Option<u64>);

fn read<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<Read>, bool) {
    let mut decoder = Decoder::new(EVENT_BYTES_MAX);
    let mut events = Vec::new();
    let mut failed = false;
    for chunk in chunks {
        let result = decoder.push(chunk, &mut |event| {
            let written = encode(&event);
            assert!(written.ends_with(b"\n\n"), "an event ends with an empty line");
            events.push((
                event.name.into_owned(),
                event.data.to_vec(),
                event.id.map(str::to_owned),
                event.retry_ms,
            ));
        });
        failed |= result.is_err();
    }
    (events, failed)
}

fuzz_target!(|data: &[u8]| {
    let Some((&size, stream)) = data.split_first() else { return };
    let whole = read(std::iter::once(stream));
    let cut = read(stream.chunks(usize::from(size).max(1)));
    // A stream that outgrows the bound may fail a chunk earlier or later; what was read before is the same.
    let common = whole.0.len().min(cut.0.len());
    assert_eq!(whole.0[..common], cut.0[..common], "events do not depend on chunks");
    assert!(whole.1 || cut.1 || whole == cut, "nor does their number");
});
