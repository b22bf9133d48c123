//! Nothing is lost silently, and losing never costs a request.

use std::time::{Duration, Instant};

use mcp_gateway_telemetry::{Metrics, SHUTDOWN_DEADLINE};
use tokio::net::TcpListener;

use crate::support::receiver::{Answer, Receiver};
use crate::support::{Refusing, assert_balanced, eventually, exporter, log, root, run, telemetry};

/// More than any queue of these tests takes.
const SPANS: u64 = 20_000;
/// What so many spans may take in a slow build on a busy machine; waiting for a receiver once would take longer.
const SPANS_TIME_MAX: Duration = Duration::from_secs(8);

fn make_spans(telemetry: &mcp_gateway_telemetry::Telemetry) {
    let start = Instant::now();
    for _ in 0..SPANS {
        root(telemetry, "a").end();
    }
    assert!(start.elapsed() < SPANS_TIME_MAX, "{:?} for {SPANS} spans", start.elapsed());
}

#[test]
fn invariant_6_a_receiver_that_never_answers_costs_no_request() {
    for protocol in ["http/protobuf", "grpc"] {
        run(async {
            let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = silent.local_addr().unwrap().port();
            let telemetry = telemetry(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{port}")),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_BSP_MAX_QUEUE_SIZE", "100"),
            ]);
            make_spans(&telemetry);
            let status = exporter(&telemetry);
            assert_eq!((status.created, status.exported), (SPANS, 0), "{protocol}");
            assert!(status.queued <= 100 && status.in_flight <= 100, "{protocol}: {status:#?}");
            assert!(status.dropped_total() >= SPANS - 200, "{protocol}: {status:#?}");
            assert_balanced(&status);
        });
    }
}

#[test]
fn invariant_6_a_receiver_that_refuses_connections_costs_no_request() {
    log::start();
    run(async {
        let refusing = Refusing::new();
        let endpoint = format!("http://127.0.0.1:{}", refusing.port);
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
        ]);
        make_spans(&telemetry);
        let failed = || exporter(&telemetry).failed_total() > 0;
        eventually(failed, || format!("{:#?}", exporter(&telemetry))).await;
        let status = exporter(&telemetry);
        let reasons: Vec<&str> = status.failed.iter().map(|(reason, _)| reason.as_str()).collect();
        assert_eq!(reasons, ["connection"]);
        let error = status.last_error.expect("an error");
        assert!(
            error.contains("cannot connect to 127.0.0.1") && error.contains("refused"),
            "{error}"
        );
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let status = exporter(&telemetry);
        assert_balanced(&status);
        assert_eq!((status.queued, status.in_flight), (0, 0));
        let warnings = log::lines(&["\"WARN\"", &endpoint, "fails; they are lost"]);
        assert_eq!(warnings.len(), 1, "one line per change of state: {warnings:#?}");
    });
}

#[test]
fn working_again_is_one_line() {
    log::start();
    run(async {
        let receiver =
            Receiver::answering(&[Answer::Http(400, None), Answer::Http(400, None)]).await;
        let endpoint = format!("http://127.0.0.1:{}", receiver.port);
        let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        for count in 1..=4 {
            root(&telemetry, "a").end();
            receiver.wait_for_batches(count).await;
        }
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let status = exporter(&telemetry);
        assert_eq!((status.exported, status.failed_total()), (2, 2));
        assert_eq!(status.last_error, None);
        assert!(status.last_success.is_some());
        assert_eq!(log::lines(&[&endpoint, "fails; they are lost"]).len(), 1);
        assert_eq!(log::lines(&["\"INFO\"", &endpoint, "works again"]).len(), 1);
    });
}

#[test]
fn losses_are_metrics() {
    run(async {
        let receiver = Receiver::answering(&[Answer::Http(400, None)]).await;
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "2"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2"),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ]);
        // A worker that is quicker than three spans would make room for the third.
        let spans: Vec<_> = (0..3).map(|_| root(&telemetry, "a")).collect();
        drop(spans);
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let status = exporter(&telemetry);
        assert_balanced(&status);
        let text = Metrics::new(telemetry.status()).encode();
        let component = "otel_component_name=\"otlp_http_span_exporter/0\",\
                         otel_component_type=\"otlp_http_span_exporter\"";
        let dropped = status.dropped_total();
        for line in [
            format!(
                "otel_sdk_exporter_span_exported_total{{{component},error_type=\"http_status\"}} 2"
            ),
            // What did not happen is there, too, so that its first time is seen.
            format!("otel_sdk_exporter_span_exported_total{{{component},error_type=\"tls\"}} 0"),
            format!(
                "otel_sdk_processor_span_processed_total{{{component},error_type=\"trace_full\"}} 0"
            ),
            format!("otel_sdk_exporter_span_exported_total{{{component}}} {}", 1 - dropped),
            format!("otel_sdk_processor_span_processed_total{{{component}}} {}", 3 - dropped),
            format!("otel_sdk_processor_span_queue_size{{{component}}} 0"),
            format!("otel_sdk_processor_span_queue_capacity{{{component}}} 2"),
            format!("otel_sdk_exporter_span_inflight{{{component}}} 0"),
        ] {
            assert!(text.lines().any(|known| known == line), "no line `{line}` in\n{text}");
        }
    });
}
