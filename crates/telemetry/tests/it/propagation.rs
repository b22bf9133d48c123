//! Whose trace a request joins, whether it is recorded, and what goes on to the next process.

use mcp_gateway_telemetry::{RemoteContext, SHUTDOWN_DEADLINE, Span, SpanKind, Telemetry};

use crate::support::receiver::Receiver;
use crate::support::{log, root, run, telemetry};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn parent(flags: &str) -> RemoteContext {
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
    RemoteContext::extract(Some(traceparent.as_bytes()), Some("vendor=1"))
}

fn start(telemetry: &Telemetry, parent: &RemoteContext) -> Span {
    telemetry.tracer().start("a", SpanKind::Server, parent, |_| {})
}

/// Starts a span and a child under `parent`; says which were recorded and what goes on.
async fn check(sampler: &str, parent: RemoteContext, expect: (usize, &str)) {
    let receiver = Receiver::start().await;
    let telemetry = telemetry(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
        ("OTEL_TRACES_SAMPLER", sampler),
    ]);
    let span = start(&telemetry, &parent);
    let child = span.child("b", SpanKind::Client, |_| {});
    let (sent, flags) = expect;
    let context = format!("{sampler} under {parent:?}");
    for span in [&span, &child] {
        let headers = span.headers().expect("headers, sampled or not");
        let fields: Vec<&str> = headers.traceparent.split('-').collect();
        let [version, trace_id, span_id, found] = fields[..] else { panic!("{headers:?}") };
        assert_eq!((version, found), ("00", flags), "{context}");
        assert_eq!(Some(trace_id), span.trace_id().as_deref(), "{context}");
        assert_eq!(Some(span_id), span.span_id().as_deref(), "{context}");
        if parent.is_valid() {
            assert_eq!(trace_id, TRACE, "{context}");
            assert_eq!(headers.tracestate.as_deref(), Some("vendor=1"), "{context}");
        } else {
            assert_eq!(headers.tracestate, None, "{context}: an empty list is not sent");
        }
        let remote = span.remote();
        assert_eq!(remote.trace_id(), span.trace_id(), "{context}");
        assert_eq!(remote.is_sampled(), flags == "01", "{context}");
        let again = RemoteContext::extract(
            Some(headers.traceparent.as_bytes()),
            headers.tracestate.as_deref(),
        );
        assert_eq!(again, remote, "{context}: what goes out comes in again");
        assert_eq!(span.is_recording(), sent > 0, "{context}");
        let exemplar = span.exemplar();
        assert!(exemplar.is_some_and(|it| it.is_sampled == (sent > 0)), "{context}");
    }
    assert_ne!(span.span_id(), child.span_id(), "{context}");
    drop((span, child));
    telemetry.shutdown(SHUTDOWN_DEADLINE).await;
    assert_eq!(receiver.names().len(), sent, "{context}");
    let not_sampled = u64::from(parent.is_valid() && !parent.is_sampled() && sent == 0);
    assert_eq!(telemetry.status().not_sampled_by_parent(), not_sampled, "{context}");
}

#[test]
fn the_caller_decides_unless_the_operator_does() {
    run(async {
        let (none, no, yes) = (RemoteContext::none(), parent("00"), parent("01"));
        for (sampler, parent, expect) in [
            ("", &none, (2, "01")),
            ("", &no, (0, "00")),
            ("", &yes, (2, "01")),
            ("parentbased_always_off", &none, (0, "00")),
            ("parentbased_always_off", &yes, (2, "01")),
            ("always_on", &no, (2, "01")),
            ("always_off", &yes, (0, "00")),
            ("traceidratio", &no, (2, "01")),
        ] {
            check(sampler, parent.clone(), expect).await;
        }
    });
}

#[test]
fn unrecorded_spans_never_build_their_attributes() {
    let telemetry = telemetry(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
        ("OTEL_TRACES_SAMPLER", "always_off"),
    ]);
    let tracer = telemetry.tracer();
    let none = RemoteContext::none();
    let span = tracer.start("a", SpanKind::Server, &none, |_| panic!("built"));
    let child = span.child("b", SpanKind::Client, |_| panic!("built"));
    child.set(|_| panic!("built"));
    child.fail(|| panic!("built"));
}

#[test]
fn log_lines_carry_the_ids_across_awaits_and_threads() {
    log::start();
    run(async {
        let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
        let mut tasks = Vec::new();
        for number in 0..50 {
            let span = root(&telemetry, "a");
            let future = span.clone().instrument(async move {
                for step in 0..4 {
                    tracing::info!(target: "mcp_gateway_test", marker = format!("m{number}-{step}."), "Step.");
                    tokio::task::yield_now().await;
                }
            });
            tasks.push((number, span, tokio::spawn(future)));
        }
        for (number, span, task) in tasks {
            task.await.unwrap();
            for step in 0..4 {
                let lines = log::lines(&[&format!("\"m{number}-{step}.\"")]);
                let [line] = &lines[..] else { panic!("{lines:#?}") };
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(line["trace_id"].as_str(), span.trace_id().as_deref());
                assert_eq!(line["span_id"].as_str(), span.span_id().as_deref());
            }
        }
        tracing::info!(target: "mcp_gateway_test", marker = "outside.", "Step.");
        let lines = log::lines(&["\"outside.\""]);
        assert!(lines.len() == 1 && !lines[0].contains("trace_id"), "{lines:#?}");
    });
}

#[test]
fn lines_of_requests_that_are_not_recorded_carry_the_ids_too() {
    log::start();
    let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]);
    let span = start(&telemetry, &parent("00"));
    span.in_scope(|| tracing::info!(target: "mcp_gateway_test", marker = "unrecorded.", "Step."));
    let lines = log::lines(&["\"unrecorded.\"", TRACE]);
    assert_eq!(lines.len(), 1, "{lines:#?}");
}
