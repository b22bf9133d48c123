//! Traces and the drawings that are expected of them.

use std::time::{Duration, SystemTime};

use mcp_gateway_telemetry::{FinishedSpan, SpanKind, SpanStatus};

use super::{milliseconds, render};
use crate::output::Style;

/// A span between two moments in microseconds.
fn span(id: &str, parent: &str, name: &str, (start, end): (u64, u64)) -> FinishedSpan {
    FinishedSpan {
        name: name.to_owned(),
        kind: SpanKind::Internal,
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        span_id: id.to_owned(),
        parent_span_id: (!parent.is_empty()).then(|| parent.to_owned()),
        parent_is_remote: false,
        attributes: Vec::new(),
        status: SpanStatus::Unset,
        start: SystemTime::UNIX_EPOCH + Duration::from_micros(start),
        end: SystemTime::UNIX_EPOCH + Duration::from_micros(end),
        links: Vec::new(),
        resource: Vec::new(),
    }
}

trait With {
    fn kind(self, kind: SpanKind) -> Self;
    fn with(self, name: &str, value: &'static str) -> Self;
}

impl With for FinishedSpan {
    fn kind(mut self, kind: SpanKind) -> Self {
        self.kind = kind;
        self
    }

    fn with(mut self, name: &str, value: &'static str) -> Self {
        self.attributes.push((name.to_owned(), value.into()));
        self
    }
}

fn first_call() -> Vec<FinishedSpan> {
    vec![
        // Spans are recorded as they end: children first.
        span("d", "c", "mcp-router.broker.get-server-info", (140, 152))
            .with("mcp.server", "demo/weather"),
        span("e", "c", "mcp-router.session-cache.get", (153, 171))
            .with("mcp.session_cache.hit", "false"),
        span("f", "c", "mcp-router.session-init", (180, 4_790))
            .kind(SpanKind::Client)
            .with("mcp.protocol.version", "2025-06-18")
            .with("http.response.status_code", "200"),
        span("g", "c", "mcp-router.session-cache.store", (4_800, 4_831)),
        span("c", "b", "mcp-router.tool-call", (130, 4_850))
            .with("gen_ai.tool.name", "weather_forecast")
            .with("mcp.server", "demo/weather"),
        span("b", "a", "mcp-router.route-decision", (90, 4_860)).with("mcp.route", "tool-call"),
        span("h", "a", "tools/call forecast", (4_900, 7_310))
            .kind(SpanKind::Client)
            .with("mcp.method.name", "tools/call")
            .with("gen_ai.tool.name", "forecast")
            .with("mcp.server", "demo/weather")
            .with("http.response.status_code", "200"),
        span("a", "", "mcp-router.process", (0, 7_921))
            .kind(SpanKind::Server)
            .with("http.method", "POST")
            .with("http.response.status_code", "200")
            .with("mcp.method.name", "tools/call")
            .with("gen_ai.tool.name", "weather_forecast"),
    ]
}

fn check(spans: &[FinishedSpan], width: usize, expect: &str) {
    let drawing = render(spans, Style::Plain, width);
    let expect = expect.strip_prefix('\n').unwrap_or(expect);
    assert_eq!(drawing, expect, "the drawing is now\n{drawing}");
    let widest = drawing.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    assert!(widest <= width, "a line has {widest} columns");
}

#[test]
fn call_is_drawn_with_timeline_where_there_is_room() {
    check(
        &first_call(),
        100,
        "
       ms  timeline      in      span
    7.921  ━━━━━━━━━━━━  router  mcp-router.process SERVER  mcp.method.name=tools/call
                                 │  gen_ai.tool.name=weather_forecast  http.response.status_code=200
    4.770  ━━━━━━━       router  ├─ mcp-router.route-decision  mcp.route=tool-call
    4.720  ━━━━━━━       router  │  └─ mcp-router.tool-call  mcp.server=demo/weather
    0.012  ━             router  │     ├─ mcp-router.broker.get-server-info
    0.018  ━             router  │     ├─ mcp-router.session-cache.get  mcp.session_cache.hit=false
    4.610  ━━━━━━━       router  │     ├─ mcp-router.session-init CLIENT
                                 │     │     mcp.protocol.version=2025-06-18
                                 │     │     http.response.status_code=200
    0.031         ━      router  │     └─ mcp-router.session-cache.store
    2.410         ━━━━   router  └─ tools/call forecast CLIENT  gen_ai.tool.name=forecast
                                       mcp.server=demo/weather  http.response.status_code=200
",
    );
}

#[test]
fn call_fits_eighty_columns() {
    check(
        &first_call(),
        80,
        "
       ms  in      span
    7.921  router  mcp-router.process SERVER  mcp.method.name=tools/call
                   │  gen_ai.tool.name=weather_forecast
                   │  http.response.status_code=200
    4.770  router  ├─ mcp-router.route-decision  mcp.route=tool-call
    4.720  router  │  └─ mcp-router.tool-call  mcp.server=demo/weather
    0.012  router  │     ├─ mcp-router.broker.get-server-info
    0.018  router  │     ├─ mcp-router.session-cache.get
                   │     │     mcp.session_cache.hit=false
    4.610  router  │     ├─ mcp-router.session-init CLIENT
                   │     │     mcp.protocol.version=2025-06-18
                   │     │     http.response.status_code=200
    0.031  router  │     └─ mcp-router.session-cache.store
    2.410  router  └─ tools/call forecast CLIENT  gen_ai.tool.name=forecast
                         mcp.server=demo/weather  http.response.status_code=200
",
    );
}

#[test]
fn failure_is_told_with_its_reason() {
    let mut root = span("a", "", "mcp-router.process", (0, 1_000))
        .kind(SpanKind::Server)
        .with("error.type", "unknown_tool")
        .with("error_source", "client");
    root.status = SpanStatus::Error("no server has a tool\nnamed nosuch".to_owned());
    check(
        &[root],
        100,
        "
       ms  timeline      in      span
    1.000  ━━━━━━━━━━━━  router  mcp-router.process SERVER  ERROR no server has a tool named nosuch
                                    error.type=unknown_tool  error_source=client
",
    );
}

#[test]
fn span_whose_parent_is_elsewhere_is_a_root() {
    let spans = [
        span("b", "elsewhere", "mcp-router.process", (10, 20)).kind(SpanKind::Server),
        span("c", "b", "mcp-broker.handle-request", (12, 18)),
        span("d", "c", "lookup", (13, 14)),
    ];
    check(
        &spans,
        100,
        "
       ms  timeline      in      span
    0.010  ━━━━━━━━━━━━  router  mcp-router.process SERVER
    0.006    ━━━━━━━     broker  └─ mcp-broker.handle-request
    0.001     ━          broker     └─ lookup
",
    );
}

#[test]
fn circle_of_parents_ends() {
    let spans = [
        span("a", "", "mcp-router.process", (0, 5)),
        span("b", "a", "one", (1, 3)),
        span("b", "b", "two", (1, 2)),
    ];
    check(
        &spans,
        100,
        "
       ms  timeline      in      span
    0.005  ━━━━━━━━━━━━  router  mcp-router.process
    0.002    ━━━━━       router  └─ one
",
    );
}

#[test]
fn no_spans_are_a_header() {
    check(&[], 80, "\n       ms  in      span\n");
}

#[test]
fn colour_changes_nothing_but_colour() {
    let coloured = render(&first_call(), Style::Colour, 100);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, render(&first_call(), Style::Plain, 100));
}

#[test]
fn durations_keep_their_microseconds() {
    for (nanoseconds, text) in [
        (0, "0.000"),
        (499, "0.000"),
        (500, "0.001"),
        (12_345, "0.012"),
        (7_921_000, "7.921"),
        (61_000_000_000, "61000.000"),
    ] {
        assert_eq!(milliseconds(Duration::from_nanos(nanoseconds)), text);
    }
}
