//! Off means off: no allocation, no thread.

use std::process::Command;
use std::task::{Context, Waker};

use allocation_counter::measure;
use http::HeaderMap;
use mcp_gateway_telemetry::name::{attribute, span};
use mcp_gateway_telemetry::{RemoteContext, Span, SpanKind, THREAD_NAME, Telemetry, Tracer};

use crate::support::{Refusing, eventually, root, run, telemetry};

/// Does everything that a request does with spans.
fn request(tracer: &Tracer, headers: &HeaderMap) {
    let parent = tracer.extract(headers);
    let process = tracer.start(span::ROUTER_PROCESS, SpanKind::Server, &parent, |a| {
        a.put(attribute::HTTP_METHOD, "POST".to_owned());
    });
    let child = process.child(span::ROUTER_TOOL_CALL, SpanKind::Internal, |a| {
        a.put(attribute::MCP_SERVER, "demo/weather".to_owned());
    });
    let client =
        child.child_named(|| span::client("tools/call", Some("x")), SpanKind::Client, |_| {});
    client.set(|a| a.put(attribute::HTTP_STATUS_CODE, 200));
    client.link(&process);
    client.link_remote(&parent);
    client.fail(|| "it broke".to_owned());
    let other = client.clone();
    assert!(
        client.headers().is_none() && client.trace_id().is_none() && client.span_id().is_none()
    );
    assert!(!client.remote().is_valid() && client.exemplar().is_none() && !client.is_recording());
    assert_eq!(other.in_scope(|| 1), 1);
    let mut work = std::pin::pin!(client.instrument(std::future::ready(2)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(work.as_mut().poll(&mut context).is_ready());
    client.end();
    drop((other, client, child));
    process.end();
}

#[test]
fn invariant_7_spans_allocate_nothing_when_off() {
    let mut headers = HeaderMap::new();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    headers.insert("traceparent", parent.parse().unwrap());
    headers.insert("tracestate", "a=1,b=2".parse().unwrap());
    let env = |_: &str| None;
    let build = crate::support::build();
    let (from_env, _) = Telemetry::from_env(&env, &build, Vec::new()).expect("nothing is wrong");
    for tracer in [Tracer::off(), Tracer::default(), Telemetry::off().tracer(), from_env.tracer()] {
        assert!(!tracer.is_on());
        let info = measure(|| {
            for _ in 0..100 {
                request(&tracer, &headers);
            }
        });
        assert_eq!((info.count_total, info.bytes_total), (0, 0));
    }
    let info = measure(|| drop((Span::off(), Span::default(), RemoteContext::none())));
    assert_eq!(info.count_total, 0);
}

#[test]
fn nothing_is_built_when_off() {
    assert_eq!(size_of::<Span>(), size_of::<usize>());
    let span =
        Tracer::off().start("a", SpanKind::Server, &RemoteContext::none(), |_| unreachable!());
    let span = span.child("b", SpanKind::Internal, |_| unreachable!());
    span.set(|_| unreachable!());
    span.fail(|| unreachable!());
    drop(span.child_named(|| unreachable!(), SpanKind::Internal, |_| unreachable!()));
}

/// Tells the threads of this process to the test below, which starts it in a process of its own.
#[test]
fn child_process_lists_its_threads() {
    let Ok(endpoint) = std::env::var("LIST_THREADS_WITH_ENDPOINT") else {
        return;
    };
    let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
    root(&telemetry, "a").end();
    // A thread gives itself its name; when it has a batch in hand, it has one.
    let works = || telemetry.status().exporters().iter().all(|status| status.in_flight > 0);
    run(eventually(works, || format!("{:#?}", telemetry.status())));
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        println!("thread {}", name.trim());
    }
}

#[test]
fn there_is_a_thread_only_when_something_is_exported() {
    let threads = |endpoint: &str| {
        let output = Command::new(std::env::current_exe().expect("a program"))
            .args(["--exact", "off::child_process_lists_its_threads", "--nocapture"])
            .env("LIST_THREADS_WITH_ENDPOINT", endpoint)
            .output()
            .expect("it runs");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(text.contains("thread "), "{text}");
        text.lines().filter(|line| *line == format!("thread {THREAD_NAME}")).count()
    };
    assert_eq!(threads(""), 0);
    let refusing = Refusing::new();
    assert_eq!(threads(&format!("http://127.0.0.1:{}", refusing.port)), 1);
}
