//! All three signals of a whole gateway at a receiver that is not ours, over HTTP and over gRPC, at each front end.

use serde_json::json;

use crate::support::edge::{Edge, Setup, at_each_front};
use crate::support::otlp::{LogRecord, OtlpReceiver, Point};
use crate::support::raw_server::RawServer;
use crate::support::wait::{PATIENCE, until};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
/// The trace of a call that goes well.
const GOOD: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// The trace in which the session is opened.
const OPENED: &str = "4bf92f3577b34da6a3ce929d0e0e4735";
/// The trace of a call that fails.
const BAD: &str = "4bf92f3577b34da6a3ce929d0e0e4737";
const CALLER: &str = "00f067aa0ba902b7";
/// The name of audit events.
const AUDIT: &str = "mcp.audit";

/// Opens a session, makes two calls and looks for them in everything that the receiver got. `endpoint` says where it is.
async fn check(endpoint: impl Fn(&OtlpReceiver) -> String) {
    at_each_front(async |front| {
        let receiver = OtlpReceiver::writing_all().await;
        let endpoint = endpoint(&receiver);
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
            ("OTEL_SERVICE_NAME", "all-signals"),
        ];
        let server = RawServer::start(&[TOOL]).await;
        let setup = Setup {
            // The opening of a session is logged.
            config: "log: {level: debug}",
            environment: &environment,
            ..Setup::default()
        };
        let edge = Edge::launch_with(front, &[("raw", server.url())], setup).await;
        edge.until_up(1).await;
        let mut client = edge.client();
        client.set_header("traceparent", Some(&format!("00-{OPENED}-{CALLER}-01")));
        client.initialize("2025-11-25").await;
        for (trace, tool) in [(GOOD, "raw_echo"), (BAD, "nobodys_tool")] {
            client.set_header("traceparent", Some(&format!("00-{trace}-{CALLER}-01")));
            client.call(tool, json!({})).await;
        }
        // What is left is sent at the end.
        let stopped = edge.stop(PATIENCE).await;
        assert_eq!(stopped.code, Some(0), "{stopped:?}");
        let what = format!("{front:?}, {endpoint}");
        spans_arrived(&what, &receiver).await;
        log_records_arrived(&what, &receiver).await;
        points_arrived(&what, &receiver).await;
    })
    .await;
}

async fn spans_arrived(what: &str, receiver: &OtlpReceiver) {
    for (trace, last) in [(GOOD, "tools/call echo"), (BAD, "mcp-router.route-decision")] {
        let spans = receiver.trace(trace, &["mcp-router.process", last]).await;
        let root = spans.iter().find(|span| span.name == "mcp-router.process").unwrap();
        assert_eq!(root.service(), "all-signals", "{what}");
        // Behind Envoy the span of Envoy is between them.
        let parents = spans.iter().filter(|span| span.parent_span_id.as_deref() == Some(CALLER));
        assert_eq!(parents.count(), 1, "{what}: one span is the caller's child");
    }
}

async fn log_records_arrived(what: &str, receiver: &OtlpReceiver) {
    let of_both = async || {
        let records = receiver.log_records();
        let of = |trace: &str, is_audit: bool| -> Vec<LogRecord> {
            let of_trace = records.iter().filter(|record| record.trace_id == trace);
            of_trace.filter(|it| (it.event_name == AUDIT) == is_audit).cloned().collect()
        };
        let (events, lines) = ([of(GOOD, true), of(BAD, true)].concat(), of(OPENED, false));
        (events.len() == 2 && !lines.is_empty()).then_some((events, lines))
    };
    let waiting = format!("{what}: an audit event of each call, a log line of the opening");
    let (events, lines) = until(&waiting, PATIENCE, of_both).await;
    for record in events.iter().chain(&lines) {
        assert_eq!(record.service, "all-signals", "{what}: {record:?}");
        assert_eq!(record.span_id.len(), 16, "{what}: {record:?}");
        assert!(!record.body.is_empty(), "{what}: {record:?}");
    }
}

async fn points_arrived(what: &str, receiver: &OtlpReceiver) {
    let of_call = async || {
        receiver.points().into_iter().find(|point: &Point| {
            let has = |key: &str, value: &str| {
                point.attributes.get(key).is_some_and(|it| *it == format!("Str({value})"))
            };
            point.metric == "mcp.server.operation.duration"
                && has("mcp.method.name", "tools/call")
                && has("gen_ai.tool.name", "raw_echo")
        })
    };
    let point = until(&format!("{what}: the duration of the call"), PATIENCE, of_call).await;
    assert_eq!(point.service, "all-signals", "{what}: {point:?}");
}

#[tokio::test]
async fn a_real_receiver_takes_all_signals_over_http() {
    check(|receiver| format!("http://{}", receiver.http())).await;
}

#[tokio::test]
async fn a_real_receiver_takes_all_signals_over_grpc() {
    check(|receiver| format!("rpc://{}", receiver.grpc())).await;
}
