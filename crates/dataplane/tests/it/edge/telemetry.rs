//! What is told of a request whose trace was not sampled at first, of what nobody could read, and of what was done twice.

use http::{Method, StatusCode};
use mcp_gateway_core::config::{Config, Mode, TrustMode};
use mcp_gateway_telemetry::{FinishedSpan, Value};

use super::peer::{Answer, typed};
use super::{Edge, call};
use crate::support::wait::until;

const PROCESS: &str = "mcp-router.process";
const CALL: &str = "tools/call echo";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// An environment in which nothing is sampled.
const NEVER: &[(&str, &str)] =
    &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
/// An environment without spans, and without any context that goes on.
const NOTHING: &[(&str, &str)] = &[("OTEL_TRACES_EXPORTER", "none"), ("OTEL_PROPAGATORS", "none")];

fn failing() -> Answer {
    let body = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"isError":true}}"#;
    typed("application/json", body)
}

fn forgotten() -> Answer {
    let mut answer = typed("text/plain", "");
    *answer.status_mut() = StatusCode::NOT_FOUND;
    answer
}

/// Waits until a figure of calls has been told, and returns all figures.
async fn figures(edge: &Edge, wanted: &str) -> String {
    until(wanted, || {
        let figures = edge.metrics.encode();
        if figures.contains(wanted) { Ok(figures) } else { Err(figures) }
    })
    .await
}

fn all<'s>(spans: &'s [FinishedSpan], name: &str) -> Vec<&'s FinishedSpan> {
    spans.iter().filter(|span| span.name == name).collect()
}

#[tokio::test]
async fn figures_of_a_failed_call_lead_to_its_trace_though_it_was_not_sampled() {
    let edge = Edge::start_in(Mode::Standalone, NEVER, |_| {}).await;
    edge.peer.answers([failing()]);
    edge.send(Method::POST, &[("traceparent", TRACEPARENT)], &call(7)).await;
    let spans = until("the trace was kept", || {
        let spans = edge.recorder.finished();
        if all(&spans, PROCESS).is_empty() { Err(spans) } else { Ok(spans) }
    })
    .await;
    for (name, metric) in [
        (PROCESS, "mcp_server_operation_duration_seconds_bucket"),
        (CALL, "mcp_client_operation_duration_seconds_bucket"),
    ] {
        let span = all(&spans, name).pop().unwrap_or_else(|| panic!("no {name} in {spans:#?}"));
        assert_eq!(span.trace_id, TRACE);
        let exemplar = format!("trace_id=\"{TRACE}\",span_id=\"{}\"", span.span_id);
        let figures = figures(&edge, &exemplar).await;
        let leads = |line: &str| line.starts_with(metric) && line.contains(&exemplar);
        assert!(figures.lines().any(leads), "{metric} of {name}: {figures}");
    }
}

#[tokio::test]
async fn call_that_was_sent_again_is_told_twice_and_has_not_failed() {
    let edge = Edge::start_in(Mode::Standalone, NEVER, |_| {}).await;
    edge.send(Method::POST, &[], &call(1)).await;
    edge.peer.answers([forgotten()]);
    let answer = edge.send(Method::POST, &[], &call(6)).await;
    assert!(String::from_utf8_lossy(answer.body()).contains("\"result\""), "{answer:?}");
    edge.peer.answers([forgotten(), failing()]);
    edge.send(Method::POST, &[], &call(7)).await;
    let spans = until("the trace of the call that failed was kept", || {
        let spans = edge.recorder.finished();
        if all(&spans, PROCESS).is_empty() { Err(spans) } else { Ok(spans) }
    })
    .await;
    let processes = all(&spans, PROCESS);
    assert_eq!(processes.len(), 1, "the other one went well in the end: {spans:#?}");
    let id = processes[0].attribute("jsonrpc.request.id");
    assert_eq!(id, Some(&Value::from("7".to_owned())));
    let tries: Vec<_> =
        all(&spans, CALL).iter().map(|span| span.attribute("error.type").cloned()).collect();
    assert_eq!(tries, [Some(Value::from("404")), Some(Value::from("tool_error"))]);
    until("the second try has figures of its own", || {
        let figures = edge.metrics.encode();
        let count = |line: &str| line.starts_with("mcp_client_operation_duration_seconds_count");
        let has = |error: &str| {
            let error = format!("error_type=\"{error}\"");
            figures.lines().any(|line| count(line) && line.contains(&error))
        };
        if has("404") && has("tool_error") { Ok(()) } else { Err(figures) }
    })
    .await;
}

#[tokio::test]
async fn answer_in_a_content_coding_is_no_success() {
    let edge = Edge::start(Mode::Standalone).await;
    let mut coded = typed("application/json", "\u{1f}not really compressed");
    coded.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    edge.peer.answers([coded]);
    edge.recorder.clear();
    edge.send(Method::POST, &[], &call(7)).await;
    let spans = until("the span has ended", || {
        let spans = edge.recorder.finished();
        if all(&spans, PROCESS).is_empty() { Err(spans) } else { Ok(spans) }
    })
    .await;
    for name in [PROCESS, CALL] {
        let why = all(&spans, name)[0].attribute("mcp.answer.unread");
        assert_eq!(why, Some(&Value::from("content_coding")), "{name}");
    }
    assert!(!edge.metrics.encode().contains("answer_bytes_max"), "it reached no bound");
}

#[tokio::test]
async fn server_cannot_name_the_trace_to_a_client() {
    let edge = Edge::start(Mode::Standalone).await;
    let mut answer = failing();
    answer.headers_mut().insert("traceresponse", TRACEPARENT.parse().unwrap());
    edge.peer.answers([answer]);
    let answer = edge.send(Method::POST, &[], &call(7)).await;
    assert_eq!(answer.headers().get("traceresponse"), None);
}

#[tokio::test]
async fn context_of_callers_that_are_not_trusted_reaches_no_server_without_spans() {
    let message = call(7).replace(
        r#""arguments""#,
        &format!(
            r#""_meta":{{"k":1,"traceparent":"{TRACEPARENT}","tracestate":"a=b"}},"arguments""#
        ),
    );
    for (trust, passes) in
        [(TrustMode::Parent, true), (TrustMode::Link, false), (TrustMode::Restart, false)]
    {
        let trusted = |config: &mut Config| config.telemetry.trust.listen = trust;
        let edge = Edge::start_in(Mode::Standalone, NOTHING, trusted).await;
        let headers = [("traceparent", TRACEPARENT), ("tracestate", "a=b")];
        edge.send(Method::POST, &headers, &message).await;
        let seen = edge.peer.seen("tools/call").pop().unwrap();
        let meta = &seen.body["params"]["_meta"];
        assert_eq!(meta["k"], 1);
        let init = edge.peer.seen("initialize").pop().unwrap();
        for name in ["traceparent", "tracestate"] {
            assert_eq!(seen.headers.contains_key(name), passes, "{name}, {trust:?}");
            assert_eq!(meta.get(name).is_some(), passes, "{name} of {meta}, {trust:?}");
            assert!(passes || !init.headers.contains_key(name), "{name}, {trust:?}");
        }
    }
}

#[tokio::test]
async fn baggage_stays_where_the_environment_wants_no_propagation() {
    let kept = |config: &mut Config| config.telemetry.baggage = vec!["tenant".to_owned()];
    let baggage_only: &[(&str, &str)] = &[("OTEL_TRACES_EXPORTER", "none")];
    for (variables, expect) in [(baggage_only, Some("tenant=red")), (NOTHING, None)] {
        let edge = Edge::start_in(Mode::Standalone, variables, kept).await;
        edge.send(Method::POST, &[("baggage", "tenant=red,secret=1")], &call(7)).await;
        let seen = edge.peer.seen("tools/call").pop().unwrap();
        let found = seen.headers.get("baggage").map(|value| value.to_str().unwrap());
        assert_eq!(found, expect, "{variables:?}");
    }
}
