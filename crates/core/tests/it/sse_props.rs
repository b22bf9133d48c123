//! What holds for all streams: chunks do not matter, and what is written is read back.

use mcp_gateway_core::sse::{Decoder, Event, SseError, encode};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::sample::Index;
use proptest::{prop_assert, prop_assert_eq};

/// An event: name, data, id, retry.
type Seen = (String, Vec<u8>, Option<String>, Option<u64>);

/// All that a decoder says about a stream.
#[derive(Debug, PartialEq)]
struct Read {
    events: Vec<Seen>,
    result: Result<(), SseError>,
    between_events: bool,
    pending: bool,
    last_event_id: Option<String>,
    retry_ms: Option<u64>,
}

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, event_bytes_max: usize) -> Read {
    let mut decoder = Decoder::new(event_bytes_max);
    let mut events = Vec::new();
    let mut result = Ok(());
    for chunk in chunks {
        result = decoder.push(chunk, &mut |event: Event<'_>| {
            let id = event.id.map(str::to_owned);
            events.push((event.name.into_owned(), event.data.to_vec(), id, event.retry_ms));
        });
    }
    let last_event_id = decoder.last_event_id().map(str::to_owned);
    let (retry_ms, between_events) = (decoder.retry_ms(), decoder.is_between_events());
    Read { events, result, between_events, pending: decoder.finish(), last_event_id, retry_ms }
}

proptest! {
    #[test]
    fn chunks_do_not_matter(stream in stream(), cuts in vec(any::<Index>(), 0..12), max in 0_usize..80) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]);
        let whole = read([stream.as_slice()], max);
        prop_assert_eq!(read(chunks, max), read(stream.chunks(1), max));
        prop_assert_eq!(&read(stream.chunks(1), max), &whole);
        prop_assert!(whole.events.iter().all(|(_, data, ..)| data.len() <= max));
    }

    #[test]
    fn lines_may_end_in_any_way(stream in stream()) {
        // Where CR stands alone before LF, they are one end of a line.
        let text: Vec<u8> = stream.into_iter().filter(|byte| *byte != b'\r').collect();
        let ended = |end: &[u8]| text.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(end);
        let expect = read([text.as_slice()], 1000);
        prop_assert_eq!(&read([ended(b"\r\n").as_slice()], 1000), &expect);
        prop_assert_eq!(&read([ended(b"\r").as_slice()], 1000), &expect);
    }

    #[test]
    fn written_events_are_read_back(events in vec(event(), 0..6), size in 1_usize..50) {
        let mut stream = Vec::new();
        for (name, data, id, retry_ms) in &events {
            let id = id.as_deref();
            stream.extend(encode(&Event { name: name.into(), data, id, retry_ms: *retry_ms }));
        }
        let seen = read(stream.chunks(size), 10_000);
        prop_assert_eq!(seen.events, events);
        prop_assert_eq!((seen.result, seen.pending), (Ok(()), false));
    }
}

/// An event of which nothing is lost in writing: a name and an id of one line, data whose lines end in LF.
fn event() -> impl Strategy<Value = Seen> {
    let data = prop_oneof![
        "[^\r]{0,60}".prop_map(String::into_bytes),
        "( |\n|:|data|x){0,10}".prop_map(String::into_bytes),
        vec(any::<u8>().prop_filter("CR", |byte| *byte != b'\r'), 0..60),
    ];
    ("[^\r\n]{1,10}", data, option::of("[^\r\n\0]{0,10}"), option::of(any::<u64>()))
}

/// Bytes of the kind that matter to the reader, and some that do not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let pieces: [&[u8]; 24] = [
        b"data",
        b"data:",
        b"data: ",
        b"event:",
        b"event: ",
        b"id:",
        b"id: 7",
        b"retry:",
        b"retry: 12",
        b":",
        b" ",
        b"\n",
        b"\n",
        b"\n\n",
        b"\r",
        b"\r\n",
        b"\r\n\r\n",
        b"\xEF\xBB\xBF",
        b"\xEF",
        b"\0",
        b"x",
        b"data: hello\n",
        b"\xff",
        b"\xe6\x97\xa5",
    ];
    let piece = proptest::sample::select(pieces.map(<[u8]>::to_vec).to_vec());
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}
