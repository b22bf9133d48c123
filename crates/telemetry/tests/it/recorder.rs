//! Spans are kept in memory, with an exporter and without one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mcp_gateway_telemetry::{
    RemoteContext, SHUTDOWN_DEADLINE, Span, SpanKind, SpanRecorder, SpanStatus, Telemetry, Tracer,
    Value,
};

use crate::support::receiver::Receiver;
use crate::support::{build, run};

fn recorded(variables: &[(&str, &str)], capacity: usize) -> (Telemetry, SpanRecorder) {
    let recorder = SpanRecorder::new(capacity);
    let env = |name: &str| {
        variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let extra = Box::new(recorder.clone());
    let (telemetry, _) = Telemetry::from_env(&env, &build(), vec![extra]).expect("it works");
    (telemetry, recorder)
}

fn root(tracer: &Tracer, name: &'static str) -> Span {
    tracer.start(name, SpanKind::Server, &RemoteContext::none(), |a| a.put("key", 1))
}

#[test]
fn spans_are_kept_as_plain_data() {
    let (telemetry, recorder) = recorded(&[], 10);
    let tracer = telemetry.tracer();
    assert!(tracer.is_on() && telemetry.status().exporters().is_empty());
    let parent = root(&tracer, "parent");
    let other = root(&tracer, "other");
    let child = parent.child("child", SpanKind::Client, |a| a.put("key", "text"));
    child.link(&other);
    child.set(|a| a.put("key", "later"));
    child.fail(|| "it broke".to_owned());
    child.end();
    parent.end();

    let trace = recorder.trace(&parent.trace_id().unwrap());
    let [child, parent] = &trace[..] else { panic!("{trace:#?}") };
    assert_eq!((parent.name.as_str(), parent.kind.clone()), ("parent", SpanKind::Server));
    assert_eq!(parent.parent_span_id, None);
    assert_eq!(parent.attribute("key"), Some(&Value::I64(1)));
    assert_eq!(parent.status, SpanStatus::Unset);
    assert_eq!((child.name.as_str(), child.kind.clone()), ("child", SpanKind::Client));
    assert_eq!(child.parent_span_id.as_ref(), Some(&parent.span_id));
    assert!(!child.parent_is_remote);
    assert_eq!(child.attribute("key"), Some(&Value::from("later")));
    assert_eq!(child.attributes.len(), 1);
    assert_eq!(child.status, SpanStatus::Error("it broke".to_owned()));
    assert_eq!(child.links, [(other.trace_id().unwrap(), other.span_id().unwrap())]);
    assert!(child.start >= parent.start && child.end <= parent.end);
    let name = child.resource.iter().find(|(key, _)| key == "service.name");
    assert_eq!(name.map(|(_, value)| value), Some(&Value::from("mcp-gateway")));
    recorder.clear();
    assert!(recorder.finished().is_empty());
}

#[test]
fn a_span_begins_when_it_is_said_to() {
    let (telemetry, recorder) = recorded(&[], 10);
    let begun = SystemTime::now() - Duration::from_secs(60);
    let name: Arc<str> = "baggage.tenant".into();
    let tracer = telemetry.tracer();
    let parent = RemoteContext::none();
    let span = tracer.start_at(begun, ("late", SpanKind::Server), &parent, |a| {
        a.put_named(&name, "blue");
    });
    span.child("child", SpanKind::Internal, |_| {}).end();
    span.end();
    let trace = recorder.trace(&span.trace_id().unwrap());
    let [child, late] = &trace[..] else { panic!("{trace:#?}") };
    assert_eq!(late.start, begun);
    assert!(child.start > begun && late.end >= child.end);
    assert_eq!(late.attribute("baggage.tenant"), Some(&Value::from("blue")));
    assert!(
        !Tracer::off().start_at(begun, ("a", SpanKind::Server), &parent, |_| {}).is_recording()
    );
}

#[test]
fn only_the_last_spans_are_kept() {
    let (telemetry, recorder) = recorded(&[], 3);
    let finished = recorder.subscribe();
    for name in ["a", "b", "c", "d", "e"] {
        root(&telemetry.tracer(), name).end();
    }
    let names: Vec<String> = recorder.finished().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["c", "d", "e"]);
    assert_eq!(*finished.borrow(), 5);
}

#[test]
fn an_exporter_beside_it_gets_the_same_spans() {
    run(async {
        let receiver = Receiver::start().await;
        let endpoint = format!("http://127.0.0.1:{}", receiver.port);
        let (telemetry, recorder) = recorded(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)], 10);
        root(&telemetry.tracer(), "a").end();
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        assert_eq!(receiver.names(), ["a"]);
        assert_eq!(recorder.finished().len(), 1);
    });
}

#[test]
fn a_disabled_sdk_records_nothing() {
    let (telemetry, recorder) = recorded(&[("OTEL_SDK_DISABLED", "true")], 10);
    assert!(!telemetry.tracer().is_on());
    root(&telemetry.tracer(), "a").end();
    assert!(recorder.finished().is_empty());
}
