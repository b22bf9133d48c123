//! Spans reach a receiver whole, over every protocol, at the right place, in time.

use std::time::Duration;

use mcp_gateway_telemetry::name::attribute;
use mcp_gateway_telemetry::{RemoteContext, SHUTDOWN_DEADLINE, SpanKind, Telemetry};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind as Kind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use crate::support::received::Received;
use crate::support::receiver::{Batch, Receiver, attribute};
use crate::support::{assert_balanced, eventually, exporter, root, run, telemetry};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Makes a tree of two spans with everything that a span can have.
fn tree(telemetry: &Telemetry) -> [String; 2] {
    let tracer = telemetry.tracer();
    let parent = RemoteContext::extract(Some(PARENT.as_bytes()), Some("vendor=1"));
    let root = tracer.start("mcp-router.process", SpanKind::Server, &parent, |a| {
        a.put(attribute::HTTP_METHOD, "POST");
        a.put(attribute::HTTP_STATUS_CODE, 200);
    });
    let other = tracer.start("other", SpanKind::Internal, &RemoteContext::none(), |_| {});
    let child = root.child_named(
        || "tools/call forecast".to_owned(),
        SpanKind::Client,
        |a| {
            a.put(attribute::GEN_AI_TOOL_NAME, "forecast");
        },
    );
    child.link(&other);
    child.set(|a| {
        a.put(attribute::HTTP_STATUS_CODE, 200);
        a.put(attribute::HTTP_STATUS_CODE, 500);
        a.put("flag", true);
        a.put("ratio", 0.5);
    });
    child.fail(|| "it broke".to_owned());
    child.end();
    root.set(|a| a.put(attribute::HTTP_STATUS_CODE, 502));
    let linked = [other.trace_id().unwrap(), other.span_id().unwrap()];
    other.end();
    root.end();
    linked
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    let pair = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn check_tree(batch: &Batch, [linked_trace, linked_span]: &[String; 2]) {
    let spans = batch.spans();
    let find = |name: &str| {
        *spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{name}: {spans:#?}"))
    };
    let (root, child) = (find("mcp-router.process"), find("tools/call forecast"));
    assert_eq!(root.trace_id, bytes("4bf92f3577b34da6a3ce929d0e0e4736"));
    assert_eq!(root.parent_span_id, bytes("00f067aa0ba902b7"));
    assert_eq!(root.trace_state, "vendor=1");
    assert_eq!(root.flags, 0x301, "sampled, and the parent is remote");
    assert_eq!(root.kind, Kind::Server as i32);
    assert_eq!(root.status.as_ref().map(|status| status.code), Some(StatusCode::Unset as i32));
    assert_eq!(attribute(&root.attributes, "http.method").as_deref(), Some("POST"));
    assert_eq!(attribute(&root.attributes, "http.status_code").as_deref(), Some("int 502"));
    assert_eq!(root.attributes.len(), 2, "one value per name: {:?}", root.attributes);
    assert!(root.end_time_unix_nano >= root.start_time_unix_nano);

    assert_eq!(child.trace_id, root.trace_id);
    assert_eq!(child.parent_span_id, root.span_id);
    assert_eq!(child.flags, 0x101, "sampled, and the parent is local");
    assert_eq!(child.kind, Kind::Client as i32);
    let status = child.status.as_ref().expect("a status");
    assert_eq!((status.code, status.message.as_str()), (StatusCode::Error as i32, "it broke"));
    for (key, expect) in [
        ("gen_ai.tool.name", "forecast"),
        ("http.status_code", "int 500"),
        ("flag", "bool true"),
        ("ratio", "double 0.5"),
    ] {
        assert_eq!(attribute(&child.attributes, key).as_deref(), Some(expect), "{key}");
    }
    let links: Vec<_> = child.links.iter().map(|link| (&link.trace_id, &link.span_id)).collect();
    assert_eq!(links, [(&bytes(linked_trace), &bytes(linked_span))]);
}

fn check_resource(batch: &Batch) {
    for (key, expect) in [
        ("service.name", "mcp-gateway"),
        ("service.version", "9.8.7"),
        ("vcs.revision", "0123abc"),
        ("vcs.ref.head.revision", "0123abc"),
        ("build.rust.version", "1.95.0"),
        ("process.runtime.name", "rust"),
        ("process.runtime.version", "1.95.0"),
        ("telemetry.sdk.name", "mcp-gateway"),
        ("telemetry.sdk.language", "rust"),
        ("team", "a b"),
    ] {
        assert_eq!(batch.resource(key).as_deref(), Some(expect), "{key}");
    }
    assert_eq!(batch.resource("service.instance.id").map(|id| id.len()), Some(36));
    let Received::Traces(request) = &batch.request else { panic!("{batch:?}") };
    let scope = &request.resource_spans[0].scope_spans[0].scope;
    let scope = scope.as_ref().expect("a scope");
    assert_eq!((scope.name.as_str(), scope.version.as_str()), ("mcp-gateway", "0.1.0"));
}

/// Protocol, compression → content type, HTTP version, path, component.
type Row = (&'static str, &'static str, &'static str, http::Version, &'static str, &'static str);

const GRPC: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const H1: http::Version = http::Version::HTTP_11;
const H2: http::Version = http::Version::HTTP_2;

#[rustfmt::skip]
const ROWS: [Row; 6] = [
    ("http/protobuf", "none", "application/x-protobuf", H1, "/v1/traces", "otlp_http_span_exporter"),
    ("http/protobuf", "gzip", "application/x-protobuf", H1, "/v1/traces", "otlp_http_span_exporter"),
    ("http/json",     "none", "application/json",       H1, "/v1/traces", "otlp_http_json_span_exporter"),
    ("http/json",     "gzip", "application/json",       H1, "/v1/traces", "otlp_http_json_span_exporter"),
    ("grpc",          "none", "application/grpc",       H2, GRPC,         "otlp_grpc_span_exporter"),
    ("grpc",          "gzip", "application/grpc",       H2, GRPC,         "otlp_grpc_span_exporter"),
];

#[test]
fn spans_arrive_whole_over_every_protocol() {
    for (protocol, compression, content_type, version, path, component) in ROWS {
        run(async {
            let row = format!("{protocol} {compression}");
            let receiver = Receiver::start().await;
            let telemetry = telemetry(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
                ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc,x-tenant=7"),
                ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b"),
                ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
            ]);
            let linked = tree(&telemetry);
            let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
            assert_eq!((report.signals[0].exported, report.lost()), (3, 0), "{row}: {report:?}");
            let batches = receiver.wait_for_batches(1).await;
            let batch = &batches[0];
            check_tree(batch, &linked);
            check_resource(batch);
            assert_eq!(batch.header("content-type"), Some(content_type), "{row}");
            assert_eq!(batch.header("authorization"), Some("Bearer abc"), "{row}");
            assert_eq!(batch.header("x-tenant"), Some("7"), "{row}");
            let agent = batch.header("user-agent").unwrap_or_default();
            assert!(agent.starts_with("mcp-gateway/"), "{row}: {agent}");
            assert_eq!((batch.version, batch.path.as_str()), (version, path), "{row}");
            let encoding = if protocol == "grpc" { "grpc-encoding" } else { "content-encoding" };
            let expect = (compression == "gzip").then_some("gzip");
            assert_eq!(
                batch.header(encoding).filter(|value| *value != "identity"),
                expect,
                "{row}"
            );
            let status = exporter(&telemetry);
            assert_eq!((status.component, status.exported), (component, 3), "{row}");
            assert_balanced(&status);
        });
    }
}

#[test]
fn paths_follow_the_variable_that_they_come_from() {
    let (base, own) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    for (variable, path, expect) in [
        (base, "", "/v1/traces"),
        (base, "/", "/v1/traces"),
        (base, "/otlp", "/otlp/v1/traces"),
        (base, "/otlp/?key=1", "/otlp/v1/traces?key=1"),
        (own, "", "/v1/traces"),
        (own, "/", "/v1/traces"),
        (own, "/otlp", "/otlp"),
        (own, "/otlp/?key=1", "/otlp/?key=1"),
    ] {
        run(async {
            let receiver = Receiver::start().await;
            let endpoint = format!("http://127.0.0.1:{}{path}", receiver.port);
            let telemetry = telemetry(&[(variable, &endpoint)]);
            root(&telemetry, "a").end();
            let batches = receiver.wait_for_batches(1).await;
            assert_eq!(batches[0].path, expect, "{variable}={endpoint}");
        });
    }
}

#[test]
fn rpc_without_a_scheme_of_the_web_is_grpc() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("rpc://127.0.0.1:{}", receiver.port)),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ]);
        root(&telemetry, "a").end();
        let batches = receiver.wait_for_batches(1).await;
        assert_eq!(batches[0].path, GRPC);
    });
}

#[test]
fn a_full_batch_leaves_at_once() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "3"),
        ]);
        for name in ["a", "b", "c", "d"] {
            root(&telemetry, name).end();
        }
        let batches = receiver.wait_for_batches(1).await;
        assert_eq!(batches[0].spans().len(), 3);
        assert_eq!(exporter(&telemetry).queued, 1);
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        assert_eq!(receiver.names(), ["a", "b", "c", "d"]);
    });
}

#[test]
fn a_span_ends_when_its_last_clone_is_dropped() {
    run(async {
        let receiver = Receiver::start().await;
        let endpoint = format!("http://127.0.0.1:{}", receiver.port);
        let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        let span = root(&telemetry, "dropped");
        let clone = span.clone();
        drop(span);
        root(&telemetry, "ended").end();
        receiver.wait_for_batches(1).await;
        assert_eq!(receiver.names(), ["ended"]);
        drop(clone);
        eventually(|| receiver.names().len() == 2, || format!("{:?}", receiver.names())).await;
        assert_eq!(receiver.names(), ["ended", "dropped"]);
    });
}

#[test]
fn the_console_gets_spans_beside_the_receiver() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_TRACES_EXPORTER", "otlp,console"),
        ]);
        root(&telemetry, "both").end();
        let report = telemetry.shutdown(Duration::from_secs(4)).await;
        let exported: Vec<_> =
            report.signals.iter().map(|flush| (flush.target.as_str(), flush.exported)).collect();
        let target = format!("http://127.0.0.1:{}/v1/traces", receiver.port);
        assert_eq!(exported, [(target.as_str(), 1), ("stdout", 1)]);
    });
}
