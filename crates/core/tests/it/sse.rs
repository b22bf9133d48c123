//! Streams of server-sent events: what is an event, and what is refused.

use mcp_gateway_core::sse::{
    Decoder, EVENT_BYTES_MAX, Event, KEEP_ALIVE, SseError, encode, encode_message,
};

/// An event as the tests compare it: name, data, id, retry.
type Seen = (String, String, Option<String>, Option<u64>);

fn push(decoder: &mut Decoder, chunk: &[u8]) -> (Vec<Seen>, Result<(), SseError>) {
    let mut seen = Vec::new();
    let result = decoder.push(chunk, &mut |event: Event<'_>| {
        let data = String::from_utf8_lossy(event.data).into_owned();
        seen.push((event.name.into_owned(), data, event.id.map(str::to_owned), event.retry_ms));
    });
    (seen, result)
}

/// Reads a stream in chunks of every size and expects the same events from all of them.
fn check(
    stream: impl AsRef<[u8]>,
    expect: &[(&str, &str, Option<&str>, Option<u64>)],
    pending: bool,
) {
    let stream = stream.as_ref();
    let expect: Vec<Seen> = expect
        .iter()
        .map(|(name, data, id, retry)| {
            ((*name).to_owned(), (*data).to_owned(), id.map(str::to_owned), *retry)
        })
        .collect();
    for size in 1..=stream.len().max(1) {
        let mut decoder = Decoder::default();
        let mut seen = Vec::new();
        for chunk in stream.chunks(size) {
            let (events, result) = push(&mut decoder, chunk);
            assert_eq!(result, Ok(()));
            seen.extend(events);
        }
        assert_eq!(seen, expect, "chunks of {size}: {}", String::from_utf8_lossy(stream));
        assert_eq!(
            decoder.finish(),
            pending,
            "chunks of {size}: {}",
            String::from_utf8_lossy(stream)
        );
    }
}

#[test]
fn events_are_read() {
    check("", &[], false);
    check("\n\n\r\n\r", &[], false);
    check("data: a\n\n", &[("message", "a", None, None)], false);
    check("event: message\ndata: {\"a\":1}\n\n", &[("message", "{\"a\":1}", None, None)], false);
    check(
        "data: a\n\ndata: b\n\n",
        &[("message", "a", None, None), ("message", "b", None, None)],
        false,
    );
    check(
        "event: ping\nid: 7\nretry: 1500\ndata: x\n\ndata: y\n\n",
        &[("ping", "x", Some("7"), Some(1500)), ("message", "y", None, None)],
        false,
    );
    check("data: a\ndata: b\ndata\ndata:\n\n", &[("message", "a\nb\n\n", None, None)], false);
    check("data: 日本\n\n", &[("message", "日本", None, None)], false);
}

#[test]
fn lines_end_in_lf_crlf_or_cr() {
    let expect = &[("message", "a\nb", Some("1"), None), ("message", "c", None, None)];
    check("data: a\ndata: b\nid: 1\n\ndata: c\n\n", expect, false);
    check("data: a\r\ndata: b\r\nid: 1\r\n\r\ndata: c\r\n\r\n", expect, false);
    check("data: a\rdata: b\rid: 1\r\rdata: c\r\r", expect, false);
    check("data: a\r\ndata: b\nid: 1\r\r\ndata: c\n\r", expect, false);
}

#[test]
fn one_space_behind_the_colon_is_no_part_of_the_value() {
    check(
        "data:a\n\ndata: a\n\ndata:  a \n\ndata:\ta\n\n",
        &[
            ("message", "a", None, None),
            ("message", "a", None, None),
            ("message", " a ", None, None),
            ("message", "\ta", None, None),
        ],
        false,
    );
    check("data: a: b\n\n", &[("message", "a: b", None, None)], false);
}

#[test]
fn events_without_data_are_none() {
    check("event: x\nid: 1\n\ndata: a\n\n", &[("message", "a", None, None)], false);
    check("data\n\ndata:\n\n", &[("message", "", None, None), ("message", "", None, None)], false);
}

#[test]
fn comments_and_unknown_fields_mean_nothing() {
    check(KEEP_ALIVE, &[], false);
    check(
        ": hello\n:data: x\ndata: a\n:\nfoo: bar\nDATA: b\n data: c\n\n",
        &[("message", "a", None, None)],
        false,
    );
    check("data: a\n: pending comment", &[], true);
    check(": pending comment", &[], false);
}

#[test]
fn the_byte_order_mark_is_skipped_once() {
    check("\u{FEFF}data: a\n\n", &[("message", "a", None, None)], false);
    check("\u{FEFF}\u{FEFF}data: a\n\n", &[], false);
    check("\n\u{FEFF}data: a\n\n", &[], false);
    check("\u{FEFF}\n\n", &[], false);
}

#[test]
fn ids_with_nul_are_ignored() {
    check("id: a\0b\ndata: x\n\n", &[("message", "x", None, None)], false);
    check("id: 1\nid: a\0b\ndata: x\n\n", &[("message", "x", Some("1"), None)], false);
    check("id\ndata: x\n\n", &[("message", "x", Some(""), None)], false);
}

#[test]
fn retry_takes_digits_only() {
    for retry in ["", "-1", "+1", "1.5", "1 ", "1s", "0x1", "99999999999999999999", "١"] {
        check(format!("retry: {retry}\ndata: x\n\n"), &[("message", "x", None, None)], false);
    }
    check("retry: 007\ndata: x\n\n", &[("message", "x", None, Some(7))], false);
}

#[test]
fn an_empty_name_is_the_default() {
    check("event: x\nevent:\ndata: a\n\n", &[("message", "a", None, None)], false);
    check("event: x\nevent: y\ndata: a\n\n", &[("y", "a", None, None)], false);
}

#[test]
fn an_event_that_is_cut_off_is_pending() {
    check("data: a", &[], true);
    check("data: a\n", &[], true);
    check("data: a\r", &[], true);
    check("id: 1\n", &[], true);
    check("data: a\n\nda", &[("message", "a", None, None)], true);
    check("data: a\n\r", &[("message", "a", None, None)], false);
}

#[test]
fn between_events_nothing_is_held() {
    let check = |stream: &[u8], expect: bool| {
        let mut decoder = Decoder::default();
        push(&mut decoder, stream).1.unwrap();
        assert_eq!(decoder.is_between_events(), expect, "{}", String::from_utf8_lossy(stream));
    };
    check(b"", true);
    check(b"data: a\n\n", true);
    check(b"data: a\r\r", true);
    check(KEEP_ALIVE, true);
    check(b": a comment\n", true);
    check(b": half a comm", false);
    check(b"data: a\n", false);
    check(b"da", false);
    check(b"id: 1\n", false);
}

#[test]
fn the_last_id_and_retry_of_the_stream_are_known() {
    let mut decoder = Decoder::default();
    assert_eq!((decoder.last_event_id(), decoder.retry_ms()), (None, None));
    // Events without data count for both; an id counts when its event has ended.
    push(&mut decoder, b"id: 1\nretry: 20\n").1.unwrap();
    assert_eq!((decoder.last_event_id(), decoder.retry_ms()), (None, Some(20)));
    push(&mut decoder, b"\n").1.unwrap();
    assert_eq!(decoder.last_event_id(), Some("1"));
    push(&mut decoder, b"data: x\n\n").1.unwrap();
    assert_eq!(decoder.last_event_id(), Some("1"));
    push(&mut decoder, b"id\n\n").1.unwrap();
    assert_eq!(decoder.last_event_id(), None);
}

#[test]
fn events_beyond_the_bound_are_refused() {
    let check = |stream: &str, max: usize, expect: Result<usize, SseError>| {
        for size in 1..=stream.len() {
            let mut decoder = Decoder::new(max);
            let mut count = 0;
            let mut result = Ok(());
            for chunk in stream.as_bytes().chunks(size) {
                let (events, pushed) = push(&mut decoder, chunk);
                count += events.len();
                result = result.and(pushed);
            }
            assert_eq!(result.map(|()| count), expect, "chunks of {size}: {stream}");
        }
    };
    let error = SseError::EventTooLong { max: 16 };
    check("data: 0123456789\n\n", 16, Ok(1));
    check("data: 01234567890\n\n", 16, Err(error));
    check("data: 01234\ndata: 5\n\n", 16, Ok(1));
    check("data: 01234567\ndata: 90\n\n", 16, Err(error));
    check("event: 0123456\ndata: 9\n\n", 16, Ok(1));
    check("event: 012345678\nid: 9123\n\n", 16, Err(error));
    check("id: 0123456789\ndata: 9\n\n", 16, Err(error));
    check(": 01234567890123456789", 16, Err(error));
    check("data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n", 16, Ok(1));
    check(
        "data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n",
        16,
        Err(error),
    );
    // The bound is that of one event, not of the stream.
    check("data: 0123456789\n\ndata: 0123456789\n\n: 0123456789\n: 0123456789\n", 16, Ok(2));
    check("foo: 01234567\nfoo: 01234567\nfoo: 01234567\ndata: x\n\n", 16, Ok(1));
}

#[test]
fn a_stream_with_an_event_too_long_stays_refused() {
    let mut decoder = Decoder::new(16);
    let (events, result) =
        push(&mut decoder, b"data: a\n\ndata: 01234567890123456789\n\ndata: b\n\n");
    assert_eq!((events.len(), result), (1, Err(SseError::EventTooLong { max: 16 })));
    let (events, result) = push(&mut decoder, b"\n\ndata: c\n\n");
    assert_eq!((events.len(), result), (0, Err(SseError::EventTooLong { max: 16 })));
    let error = result.unwrap_err();
    assert_eq!(
        (error.reason(), error.to_string().as_str()),
        ("event_too_long", "an event of the stream has more than 16 bytes")
    );
}

#[test]
fn large_events_within_the_default_bound_pass() {
    let data = vec![b'x'; EVENT_BYTES_MAX - 6];
    let mut decoder = Decoder::default();
    let mut sizes: Vec<usize> = Vec::new();
    for chunk in encode_message(&data).chunks(1 << 16) {
        decoder
            .push(chunk, &mut |event: Event<'_>| sizes.push(event.data.len()))
            .unwrap_or_default();
    }
    // `event: message` counts as well.
    assert!(sizes.is_empty());
    let mut decoder = Decoder::default();
    for chunk in encode_message(data.get(7..).unwrap_or_default()).chunks(1 << 16) {
        decoder.push(chunk, &mut |event: Event<'_>| sizes.push(event.data.len())).unwrap();
    }
    assert_eq!(sizes, [EVENT_BYTES_MAX - 13]);
}

#[test]
fn data_need_not_be_utf8() {
    let mut decoder = Decoder::default();
    let mut seen = Vec::new();
    decoder
        .push(b"data: \xff\xfe\n\n", &mut |event: Event<'_>| seen.push(event.data.to_vec()))
        .unwrap();
    assert_eq!(seen, [b"\xff\xfe"]);
}

#[test]
fn events_are_written() {
    let check =
        |bytes: Vec<u8>, expect: &str| assert_eq!(String::from_utf8(bytes).unwrap(), expect);
    check(encode_message(br#"{"a":1}"#), "event: message\ndata: {\"a\":1}\n\n");
    check(encode_message(b""), "event: message\ndata: \n\n");
    check(
        encode_message(b"a\nb\r\nc\rd\n"),
        "event: message\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \n\n",
    );
    let event = Event { name: "ping".into(), data: b" x", id: Some("7"), retry_ms: Some(1500) };
    check(encode(&event), "event: ping\nid: 7\nretry: 1500\ndata:  x\n\n");
    // Nothing in a name or an id can forge a field.
    let event =
        Event { name: "a\ndata: b\r".into(), data: b"x", id: Some("1\n\n2\0"), retry_ms: None };
    check(encode(&event), "event: adata: b\nid: 12\ndata: x\n\n");
}
