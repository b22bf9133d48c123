//! Log records reach a receiver as they are on standard output, and exporting them never feeds itself.

mod quiet;

use std::time::{SystemTime, UNIX_EPOCH};

use mcp_gateway_telemetry::log::{AUDIT_TARGET, FIELD_BYTES_MAX, MESSAGE_BYTES_MAX};
use mcp_gateway_telemetry::status::{DropReason, ExporterStatus};
use mcp_gateway_telemetry::{RemoteContext, SHUTDOWN_DEADLINE, Signal, Span, SpanKind, Telemetry};
use opentelemetry::{SpanId, TraceId};
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use serde_json::Value;
use tracing::dispatcher::with_default;

use crate::support::log::Stdout;
use crate::support::receiver::{Receiver, attribute};
use crate::support::{run, telemetry};

fn body(record: &LogRecord) -> String {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// Every log record that came, with the name of its scope.
fn records(receiver: &Receiver) -> Vec<(String, LogRecord)> {
    let batches = receiver.batches();
    let logs = batches.iter().flat_map(|batch| batch.request.logs());
    logs.map(|(scope, record)| (scope.to_owned(), record.clone())).collect()
}

/// The account of log records, or of audit events.
fn account(telemetry: &Telemetry, items: &str) -> ExporterStatus {
    let mut all = telemetry.status().exporters().into_iter();
    all.find(|status| status.items == items).unwrap_or_else(|| panic!("{items}"))
}

/// Telemetry whose log records go to `receiver`.
fn logging_to(receiver: &Receiver, protocol: &str, more: &[(&str, &str)]) -> Telemetry {
    let endpoint = format!("http://127.0.0.1:{}", receiver.port);
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_LOGS_EXPORTER", "otlp"),
    ];
    all.extend(more);
    telemetry(&all)
}

fn nanos() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_nanos()).unwrap()
}

#[test]
fn records_say_what_lines_say() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        run(async {
            let receiver = Receiver::start().await;
            let telemetry = logging_to(&receiver, protocol, &[("OTEL_RESOURCE_ATTRIBUTES", "a=b")]);
            let stdout = Stdout::default();
            let (dispatch, _) = stdout.logging("info", &telemetry);
            let span =
                telemetry.tracer().start("a", SpanKind::Server, &RemoteContext::none(), |_| {});
            let before = nanos();
            with_default(&dispatch, || {
                span.in_scope(|| {
                    tracing::warn!(
                        target: "mcp_gateway_test",
                        {
                            server = "demo/weather", count = 2, huge = u64::MAX, ratio = 0.5,
                            up = false, debug = ?Some(1), error.type = "timeout"
                        },
                        "Server {} is slow.", "demo"
                    );
                });
                tracing::info!(target: "mcp_gateway_dataplane::broker", "No trace.");
                tracing::error!(name: "mcp_gateway.test.named", target: "mcp_gateway_test", "Named.");
                tracing::debug!(target: "mcp_gateway_test", "Not at this level.");
            });
            let after = nanos();
            let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
            assert_eq!(report.lost(), 0, "{protocol}: {report:?}");

            let records = records(&receiver);
            let names: Vec<_> =
                records.iter().map(|(scope, r)| (scope.as_str(), body(r))).collect();
            assert_eq!(
                names,
                [
                    ("mcp_gateway_test", "Server demo is slow.".to_owned()),
                    ("mcp_gateway_test", "Named.".to_owned()),
                    ("mcp_gateway_dataplane::broker", "No trace.".to_owned())
                ],
                "{protocol}"
            );
            check_whole(&records[0].1, &span, before..=after);
            let (event, plain) = (&records[1].1, &records[2].1);
            assert_eq!(
                (event.event_name.as_str(), event.severity_number),
                ("mcp_gateway.test.named", 17)
            );
            assert_eq!((plain.event_name.as_str(), plain.severity_number), ("", 9));
            assert_eq!((plain.trace_id.len(), plain.span_id.len(), plain.flags), (0, 0, 0));
            let batches = receiver.batches();
            let batch = batches.iter().find(|batch| !batch.request.logs().is_empty()).unwrap();
            assert_eq!(batch.resource("service.name").as_deref(), Some("mcp-gateway"));
            assert_eq!(batch.resource("a").as_deref(), Some("b"));
            assert_eq!(stdout.lines().len(), records.len(), "{protocol}");
        });
    }
}

fn check_whole(record: &LogRecord, span: &Span, time: std::ops::RangeInclusive<u64>) {
    for (key, expect) in [
        ("server", "demo/weather"),
        ("count", "int 2"),
        ("huge", "18446744073709551615"),
        ("ratio", "double 0.5"),
        ("up", "bool false"),
        ("debug", "Some(1)"),
        ("error.type", "timeout"),
    ] {
        assert_eq!(attribute(&record.attributes, key).as_deref(), Some(expect), "{key}");
    }
    assert_eq!(record.attributes.len(), 7, "{record:#?}");
    assert_eq!((record.severity_number, record.severity_text.as_str()), (13, "WARN"));
    assert!(time.contains(&record.time_unix_nano), "{time:?} {record:?}");
    assert_eq!(record.observed_time_unix_nano, record.time_unix_nano);
    let trace_id = TraceId::from_bytes(record.trace_id.as_slice().try_into().unwrap());
    let span_id = SpanId::from_bytes(record.span_id.as_slice().try_into().unwrap());
    assert_eq!(Some(trace_id.to_string()), span.trace_id());
    assert_eq!(Some(span_id.to_string()), span.span_id());
    assert_eq!((record.flags, record.event_name.as_str()), (1, ""));
    assert_eq!(format!("{record:?}").find("logs.rs"), None, "no file names");
}

#[test]
fn what_is_on_standard_output_is_exported_at_every_level_also_when_it_changes() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = logging_to(&receiver, "http/protobuf", &[]);
        let stdout = Stdout::default();
        let (dispatch, handle) =
            stdout.logging("info,mcp_gateway_dataplane::broker=trace", &telemetry);
        with_default(&dispatch, || {
            for filter in ["warn", "debug", "off", "trace", "error,mcp_gateway_core=debug"] {
                for target in
                    ["mcp_gateway", "mcp_gateway_core", "mcp_gateway_dataplane", "hyper", "h2"]
                {
                    log_at_every_level(target);
                }
                assert!(handle.set(filter.parse().unwrap()));
                tracing::error!(target: "mcp_gateway", "Changed to {filter}.");
            }
            log_at_every_level("mcp_gateway_core");
        });
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let mut lines: Vec<_> = stdout.lines().iter().map(said).collect();
        let mut exported: Vec<_> = records(&receiver)
            .iter()
            .map(|(scope, record)| format!("{} {scope} {}", record.severity_text, body(record)))
            .collect();
        assert!(lines.len() > 20, "{lines:#?}");
        lines.sort();
        exported.sort();
        assert_eq!(lines, exported);
    });
}

fn said(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap().to_owned();
    format!("{} {} {}", text("level"), text("target"), text("message"))
}

/// Callsites have constant targets; this one chooses among them.
fn log_at_every_level(target: &str) {
    macro_rules! lines {
        ($($target:literal)*) => {
            match target {
                $($target => {
                    tracing::error!(target: $target, "error");
                    tracing::warn!(target: $target, "warn");
                    tracing::info!(target: $target, "info");
                    tracing::debug!(target: $target, "debug");
                    tracing::trace!(target: $target, "trace");
                })*
                other => panic!("{other}"),
            }
        };
    }
    lines!("mcp_gateway" "mcp_gateway_core" "mcp_gateway_dataplane" "hyper" "h2");
}

#[test]
fn a_megabyte_of_message_is_cut_at_a_bound() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = logging_to(&receiver, "grpc", &[]);
        let (dispatch, _) = Stdout::default().logging("info", &telemetry);
        let long = "é".repeat(1024 * 1024);
        with_default(
            &dispatch,
            || tracing::info!(target: "mcp_gateway_test", { value = long.as_str() }, "{long}"),
        );
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let records = records(&receiver);
        let body = body(&records[0].1);
        assert!(
            body.len() <= MESSAGE_BYTES_MAX + 64 && body.ends_with("bytes more)"),
            "{}",
            body.len()
        );
        let value = attribute(&records[0].1.attributes, "value").unwrap();
        assert_eq!(value.len(), FIELD_BYTES_MAX);
    });
}

#[test]
fn attributes_have_the_limits_of_the_environment() {
    for (variables, expect) in [
        (&[][..], (3, 0, 9)),
        (&[("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1")][..], (1, 2, 9)),
        (&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")], (2, 1, 9)),
        (&[("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4")], (3, 0, 4)),
        (
            &[
                ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4"),
                ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6"),
            ],
            (3, 0, 6),
        ),
    ] {
        run(async {
            let receiver = Receiver::start().await;
            let telemetry = logging_to(&receiver, "http/protobuf", variables);
            let (dispatch, _) = Stdout::default().logging("info", &telemetry);
            with_default(&dispatch, || {
                tracing::info!(target: "mcp_gateway_test", { first = "éééééé789", second = 2, third = 3 }, "Limited.");
            });
            telemetry.shutdown(SHUTDOWN_DEADLINE).await;
            let record = &records(&receiver)[0].1;
            let first = attribute(&record.attributes, "first").unwrap();
            let seen =
                (record.attributes.len(), record.dropped_attributes_count, first.chars().count());
            assert_eq!(seen, expect, "{variables:?}");
            assert_eq!(body(record), "Limited.", "limits are about attributes");
        });
    }
}

#[test]
fn audit_events_are_exported_whatever_the_level_and_however_full_the_queue() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = logging_to(
            &receiver,
            "grpc",
            &[("OTEL_BLRP_MAX_QUEUE_SIZE", "10"), ("OTEL_BLRP_SCHEDULE_DELAY", "600000")],
        );
        let stdout = Stdout::default();
        let (dispatch, handle) = stdout.logging("trace", &telemetry);
        with_default(&dispatch, || {
            for _ in 0..100 {
                tracing::info!(target: "mcp_gateway_test", "Ordinary.");
            }
            handle.set("off".parse().unwrap());
            for sequence in 0..10 {
                tracing::info!(target: AUDIT_TARGET, { event.name = "mcp.audit", sequence }, "Call.");
            }
        });
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let records = records(&receiver);
        let audit: Vec<_> = records.iter().filter(|(scope, _)| scope == AUDIT_TARGET).collect();
        let sequence: Vec<_> =
            audit.iter().map(|(_, r)| attribute(&r.attributes, "sequence").unwrap()).collect();
        assert_eq!(sequence, (0..10).map(|n| format!("int {n}")).collect::<Vec<_>>());
        assert!(audit.iter().all(|(_, record)| record.event_name == "mcp.audit"));
        assert!(audit.iter().all(|(_, r)| attribute(&r.attributes, "event.name").is_none()));
        let (logs, events) = (account(&telemetry, "logs"), account(&telemetry, "audit events"));
        assert_eq!((events.created, events.exported), (10, 10), "{events:#?}");
        assert_eq!(events.name, "otlp_grpc_log_exporter/audit");
        assert_eq!(logs.created, 100, "{logs:#?}");
        assert!(logs.dropped_total() > 0, "{logs:#?}");
        assert_eq!(logs.exported + logs.dropped_total(), 100, "{logs:#?}");
        assert_eq!(receiver.items(Signal::Logs), logs.exported + events.exported);
        assert_eq!(stdout.lines().len(), 110);
    });
}

#[test]
fn lines_after_the_end_are_counted_as_dropped() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = logging_to(&receiver, "grpc", &[]);
        let stdout = Stdout::default();
        let (dispatch, _) = stdout.logging("info", &telemetry);
        with_default(&dispatch, || tracing::info!(target: "mcp_gateway_test", "In time."));
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        with_default(&dispatch, || tracing::info!(target: "mcp_gateway_test", "Late."));
        let status = account(&telemetry, "logs");
        assert_eq!((status.created, status.exported), (2, 1), "{status:#?}");
        assert_eq!(status.dropped, [(DropReason::AlreadyShutdown, 1)]);
        assert_eq!((records(&receiver).len(), stdout.lines().len()), (1, 2));
    });
}

#[test]
fn long_records_leave_in_requests_that_any_receiver_takes() {
    /// What a gRPC receiver takes when nobody says otherwise.
    const RECEIVER_BYTES_MAX: usize = 4 * 1024 * 1024;
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = logging_to(&receiver, "grpc", &[("OTEL_BLRP_SCHEDULE_DELAY", "60000")]);
        let (dispatch, _) = Stdout::default().logging("info", &telemetry);
        let long = "x".repeat(MESSAGE_BYTES_MAX);
        let value = long.as_str();
        with_default(&dispatch, || {
            for _ in 0..511 {
                tracing::info!(target: "mcp_gateway_test", { a = value, b = value, c = value }, "{long}");
            }
        });
        let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        assert_eq!((report.lost(), records(&receiver).len()), (0, 511), "{report:?}");
        let batches = receiver.batches();
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.request.encoded_len()).collect();
        assert!(sizes.len() > 1 && sizes.iter().all(|len| *len < RECEIVER_BYTES_MAX), "{sizes:?}");
    });
}
