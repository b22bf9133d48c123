use bytes::Bytes;

use super::{AnswerFault, AnswerForm, AnswerReader, BodyEnd, Outcome};
use crate::jsonrpc::{Id, Message};

fn id() -> Id {
    Id::from_raw(Message::parse(br#"{"jsonrpc":"2.0","id":7,"method":"x"}"#).unwrap().id().unwrap())
}

/// Feeds `chunks`, ends the body, and returns what the client receives.
fn run(form: AnswerForm, chunks: &[&str], end: BodyEnd, max: usize) -> (String, Outcome) {
    let mut reader = AnswerReader::new(id(), "demo/weather", form, max);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&reader.push(Bytes::copy_from_slice(chunk.as_bytes())));
    }
    out.extend_from_slice(&reader.finish(end));
    (String::from_utf8(out).unwrap(), reader.outcome().unwrap().clone())
}

const ANSWER: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#;

#[test]
fn json_answers_pass_unchanged() {
    let check = |body: &str, expect: Outcome| {
        let (out, outcome) = run(AnswerForm::Json, &[body], BodyEnd::Complete, 1000);
        assert_eq!((out.as_str(), outcome), (body, expect));
    };
    check(ANSWER, Outcome::Result);
    check(r#"{"jsonrpc":"2.0","id":7,"result":{"isError":true}}"#, Outcome::ToolError);
    check(
        r#" {"id":7,"jsonrpc":"2.0","error":{"code":-32000,"message":"x"}} "#,
        Outcome::Error { code: Some(-32000) },
    );
}

#[test]
fn json_faults_become_errors_with_the_callers_id() {
    let check = |body: &str, end, fault: AnswerFault| {
        let (out, outcome) = run(AnswerForm::Json, &[body], end, 1000);
        assert_eq!(outcome, Outcome::Fault(fault), "{body}");
        assert!(out.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":"#), "{out}");
        assert!(out.contains("demo/weather"), "{out}");
    };
    check("<html>", BodyEnd::Complete, AnswerFault::NotJsonRpc);
    check("", BodyEnd::Complete, AnswerFault::NotJsonRpc);
    check(r#"{"jsonrpc":"2.0","id":8,"result":{}}"#, BodyEnd::Complete, AnswerFault::WrongId);
    check(
        r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
        BodyEnd::Complete,
        AnswerFault::NotJsonRpc,
    );
    check(&ANSWER[..20], BodyEnd::Cut, AnswerFault::Cut);
    check(&ANSWER[..20], BodyEnd::Silent, AnswerFault::Silent);
}

#[test]
fn json_beyond_the_bound_passes_unread() {
    let (out, outcome) = run(AnswerForm::Json, &["<html>", "<body>", "x"], BodyEnd::Complete, 8);
    assert_eq!((out.as_str(), outcome), ("<html><body>x", Outcome::Unread));
}

#[test]
fn error_bodies_beyond_the_bound_are_replaced() {
    let form = AnswerForm::ErrorBody(http::StatusCode::BAD_GATEWAY);
    let (out, outcome) = run(form, &["<html>", "<body>", "x"], BodyEnd::Complete, 8);
    assert_eq!(outcome, Outcome::Fault(AnswerFault::HttpStatus(http::StatusCode::BAD_GATEWAY)));
    assert!(out.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":"#), "{out}");
}

#[test]
fn event_streams_pass_unchanged_however_they_are_cut_into_chunks() {
    let stream = format!(
        ": hi\n\nevent: message\r\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}}\r\n\r\ndata: {ANSWER}\n\n"
    );
    for size in 1..stream.len() {
        let chunks: Vec<_> =
            stream.as_bytes().chunks(size).map(|c| std::str::from_utf8(c).unwrap()).collect();
        let (out, outcome) = run(AnswerForm::EventStream, &chunks, BodyEnd::Complete, 1000);
        assert_eq!((out.as_str(), outcome), (stream.as_str(), Outcome::Result), "chunks of {size}");
    }
}

#[test]
fn complete_events_leave_with_the_chunk_that_completes_them() {
    let mut reader = AnswerReader::new(id(), "s", AnswerForm::EventStream, 1000);
    assert_eq!(reader.push(Bytes::from_static(b"id: 1\n\nid: 2")), "id: 1\n\n");
    assert_eq!(reader.push(Bytes::from_static(b"\n")), "");
    assert_eq!(reader.push(Bytes::from_static(b"\n: alive\n")), "id: 2\n\n: alive\n");
}

#[test]
fn streams_without_an_answer_get_an_error_event() {
    let check = |stream: &str, kept: &str, end, fault| {
        let (out, outcome) = run(AnswerForm::EventStream, &[stream], end, 1000);
        assert_eq!(outcome, Outcome::Fault(fault), "{stream}");
        let rest = out.strip_prefix(kept).expect("what was complete is kept");
        assert!(
            rest.starts_with("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"error\""),
            "{rest}"
        );
        assert!(rest.ends_with("\n\n"), "{rest:?}");
    };
    check("", "", BodyEnd::Complete, AnswerFault::NoAnswer);
    check(": x\n\n", ": x\n\n", BodyEnd::Complete, AnswerFault::NoAnswer);
    check(": x\n\ndata: {\"jso", ": x\n\n", BodyEnd::Cut, AnswerFault::Cut);
    check(": x\n\ndata: {\"jso", ": x\n\n", BodyEnd::Silent, AnswerFault::Silent);
    check("data: nonsense\n\n", "", BodyEnd::Complete, AnswerFault::NoAnswer);
    check("id: 1\ndata:\n\n", "id: 1\ndata:\n\n", BodyEnd::Complete, AnswerFault::NoAnswer);
}

#[test]
fn events_that_answer_another_request_are_left_out() {
    let notification = r#"data: {"jsonrpc":"2.0","method":"notifications/message"}"#;
    let answer = format!("data: {ANSWER}");
    let rows = [
        r#"data: {"jsonrpc":"2.0","id":8,"result":{}}"#,
        r#"data: {"jsonrpc":"2.0","id":8,"error":{"code":1,"message":"x"}}"#,
        r#"data: {"jsonrpc":"2.0","error":{"code":1,"message":"x"}}"#,
        r#"data: {"jsonrpc":"2.0","id":7,"id":8,"result":{}}"#,
        r#"data: {"jsonrpc":"2.0","Id":8,"result":{}}"#,
        "event: other\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}",
        "event: other\ndata: {\"jsonrpc\":\"2.0\",\"id\":8,\"result\":{}}",
    ];
    for foreign in rows {
        for end in ["\n\n", "\r\n\r\n", "\r\r"] {
            let event = |text: &str| text.replace('\n', &end[..end.len() / 2]) + end;
            let [foreign, first, last] = [foreign, notification, &answer].map(event);
            let stream =
                [&foreign, &first, &foreign, &foreign, &last, &foreign, &last].map(|s| &**s);
            let stream = stream.concat();
            for size in 1..=stream.len() {
                let chunks: Vec<_> = stream
                    .as_bytes()
                    .chunks(size)
                    .map(|c| std::str::from_utf8(c).unwrap())
                    .collect();
                let (out, outcome) = run(AnswerForm::EventStream, &chunks, BodyEnd::Complete, 1000);
                assert_eq!(outcome, Outcome::Result, "{foreign:?} in chunks of {size}");
                // Blank lines may be left of what was cut out.
                let lines = |text: &str| -> Vec<String> {
                    let lines = text.split(['\r', '\n']);
                    lines.filter(|line| !line.is_empty()).map(str::to_owned).collect()
                };
                assert_eq!(lines(&out), lines(&(first.clone() + &last)), "chunks of {size}");
            }
        }
    }
}

#[test]
fn events_of_other_names_pass_and_answer_nothing() {
    let ping = "event: ping\ndata: 2026-11-22\n\n";
    let (out, outcome) = run(AnswerForm::EventStream, &[ping], BodyEnd::Complete, 1000);
    assert!(out.starts_with(ping), "{out}");
    assert_eq!(outcome, Outcome::Fault(AnswerFault::NoAnswer));
}

#[test]
fn other_content_is_replaced() {
    let (out, outcome) = run(AnswerForm::Other, &["<html>"], BodyEnd::Complete, 1000);
    assert_eq!(outcome, Outcome::Fault(AnswerFault::NotMcp));
    assert!(out.starts_with(r#"{"jsonrpc":"2.0","id":7,"error":"#), "{out}");
}

#[test]
fn an_answer_in_a_coding_passes_and_says_so() {
    let id = Id::from(7);
    let mut reader = AnswerReader::new(id, "demo/a", AnswerForm::Encoded, 10);
    let body = Bytes::from_static(b"\x1f\x8b whatever this holds, and however long it is");
    assert_eq!(reader.push(body.clone()), body);
    assert_eq!(reader.outcome(), None);
    assert_eq!(reader.finish(BodyEnd::Complete), Bytes::new());
    assert_eq!(reader.outcome(), Some(&Outcome::Encoded));
}
