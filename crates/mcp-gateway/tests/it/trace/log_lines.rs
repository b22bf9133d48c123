//! Log lines of traced requests name their trace and their span.

use serde_json::{Value, json};

use super::run::{ARRIVAL, jti};
use super::stand::{FrontEnd, Setup, Stand, Stopped, Transport};
use crate::support::mcp_client::McpClient;
use crate::support::span::Span;

/// The traces of the requests below, without their last digit.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e473";

/// One log line, however it was written.
struct Line {
    text: String,
    trace_id: Option<String>,
    span_id: Option<String>,
}

impl Line {
    fn of_text(line: &str) -> Self {
        let field = |name: &str| {
            let value = line.split_whitespace().find_map(|word| word.strip_prefix(name));
            value.map(str::to_owned)
        };
        Self { text: line.to_owned(), trace_id: field("trace_id="), span_id: field("span_id=") }
    }

    fn of_json(line: &str) -> Self {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"));
        let member = |name: &str| object[name].as_str().map(str::to_owned);
        Self { text: line.to_owned(), trace_id: member("trace_id"), span_id: member("span_id") }
    }
}

/// Sends requests that make the gateway say something, each in a trace of its own.
async fn talk(mut stand: Stand) -> (Stopped, String) {
    let mut client = McpClient::new(stand.address());
    let mut number = 0;
    let mut next = |client: &mut McpClient| {
        number += 1;
        let traceparent = format!("00-{TRACE}{number}-00f067aa0ba902b7-01");
        client.set_header("traceparent", Some(&traceparent));
    };
    next(&mut client);
    client.initialize("2025-11-25").await;
    let session = jti(client.session.as_deref().unwrap());
    next(&mut client);
    client.call("nope", json!({})).await;
    next(&mut client);
    client.call("fault_echo", json!({})).await;
    stand.servers.fault.forget_sessions();
    next(&mut client);
    client.call("fault_echo", json!({})).await;
    stand.servers.absent.stop().await;
    next(&mut client);
    client.call("absent_echo", json!({})).await;
    next(&mut client);
    assert_eq!(client.delete().await.status, 204);
    (stand.stop().await, session)
}

/// What must be said, and in which of the requests.
const SAID: [(&str, u8); 6] = [
    ("A session was opened.", 1),
    ("Request was not answered with a result: unknown tool: nope.", 2),
    ("demo/fault has forgotten its session; it is opened anew.", 4),
    ("No session with demo/absent could be opened.", 5),
    ("Request was not answered with a result: server demo/absent cannot be reached.", 5),
    ("A client has ended its session.", 6),
];

fn assert_lines(lines: &[Line], spans: &[Span], session: &str) {
    for (sentence, number) in SAID {
        let line = lines.iter().find(|line| line.text.contains(sentence));
        let line = line.unwrap_or_else(|| panic!("{sentence:?} was not said"));
        assert_eq!(line.trace_id, Some(format!("{TRACE}{number}")), "{}", line.text);
    }
    for line in lines {
        let is_of_request =
            [session, "error_source", "http.status_code"].iter().any(|it| line.text.contains(it));
        assert!(!is_of_request || line.trace_id.is_some(), "no trace: {}", line.text);
        assert_eq!(line.trace_id.is_some(), line.span_id.is_some(), "{}", line.text);
        let Some((trace_id, span_id)) = line.trace_id.as_ref().zip(line.span_id.as_ref()) else {
            continue;
        };
        let is_its = |span: &Span| span.trace_id == *trace_id && span.span_id == *span_id;
        assert!(spans.iter().any(is_its), "of no span: {}", line.text);
    }
}

async fn check(front_end: FrontEnd, format: &'static [&'static str], read: fn(&str) -> Line) {
    let setup = Setup { flags: format, ..Setup::new(front_end, Transport::Http) };
    let (stopped, session) = talk(Stand::start(setup).await).await;
    let lines: Vec<Line> = stopped.log.lines().map(read).collect();
    let has_last = |spans: &[Span]| {
        let is_last =
            |span: &Span| span.name == "mcp-router.process" && span.trace_id == format!("{TRACE}6");
        spans.iter().any(is_last)
    };
    let spans = stopped.receiver.settled(ARRIVAL, has_last).await;
    assert_lines(&lines, &spans.expect("the spans have arrived"), &session);
}

const TEXT: &[&str] = &["--log-level", "trace", "--log-format", "text"];
const JSON: &[&str] = &["--log-level", "trace", "--log-format", "json"];

#[tokio::test]
async fn text_lines_of_requests_name_their_span_standalone() {
    check(FrontEnd::Standalone, TEXT, Line::of_text).await;
}

#[tokio::test]
async fn json_lines_of_requests_name_their_span_standalone() {
    check(FrontEnd::Standalone, JSON, Line::of_json).await;
}

#[tokio::test]
async fn json_lines_of_requests_name_their_span_behind_envoy() {
    check(FrontEnd::Duplex, JSON, Line::of_json).await;
}

#[tokio::test]
async fn text_lines_of_requests_name_their_span_behind_buffered_envoy() {
    check(FrontEnd::Buffered, TEXT, Line::of_text).await;
}
