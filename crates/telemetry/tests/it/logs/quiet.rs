//! What must not be exported: what exporters say themselves, and secrets.

use std::process::Command;

use mcp_gateway_telemetry::{Notice, RemoteContext, SHUTDOWN_DEADLINE, Signal, SpanKind};
use serde_json::Value;
use tracing::dispatcher::with_default;

use super::{account, records};
use crate::support::log::Stdout;
use crate::support::receiver::{Answer, Receiver};
use crate::support::{assert_balanced, run, telemetry, try_telemetry};

/// The exporters' own lines, which stay on standard output.
const EXPORTERS: &str = "mcp_gateway_telemetry::export";

/// Lines of all threads at the lowest level, while requests make spans and lines and gRPC carries all of it.
///
/// Started by the test below in a process of its own: there every thread, those of the exporter and of the receiver included,
/// logs to one place.
#[test]
fn child_process_logs_at_the_lowest_level() {
    if std::env::var("LOG_EVERYTHING").is_err() {
        return;
    }
    run(async {
        let receiver = Receiver::start().await;
        let endpoint = format!("http://127.0.0.1:{}", receiver.port);
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "8"),
            ("OTEL_BLRP_MAX_QUEUE_SIZE", "100000"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "1"),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
        ]);
        let stdout = Stdout::default();
        let (dispatch, _) = stdout.logging("trace", &telemetry);
        tracing::dispatcher::set_global_default(dispatch).expect("no other subscriber");
        let mut work = tokio::task::JoinSet::new();
        for worker in 0..4 {
            let tracer = telemetry.tracer();
            work.spawn(async move {
                for number in 0..200 {
                    let parent = RemoteContext::none();
                    let span = tracer.start("request", SpanKind::Server, &parent, |_| {});
                    span.in_scope(|| {
                        tracing::info!(target: "mcp_gateway_traffic", { worker, number }, "A request.");
                    });
                    span.end();
                    tokio::task::yield_now().await;
                }
            });
        }
        work.join_all().await;
        let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        assert_eq!(report.lost(), 0, "{report:?}");
        let exported = records(&receiver);
        let traffic = exported.iter().filter(|(scope, _)| scope == "mcp_gateway_traffic").count();
        assert_eq!(traffic, 800);
        let is_exported = |line: &&Value| !line["target"].as_str().unwrap().starts_with(EXPORTERS);
        let lines = stdout.lines();
        assert_eq!(exported.len(), lines.iter().filter(is_exported).count(), "{exported:#?}");
        assert_eq!(receiver.items(Signal::Logs), account(&telemetry, "logs").exported);
        telemetry.status().exporters().iter().for_each(assert_balanced);
        println!("{traffic} lines of traffic");
    });
}

#[test]
fn exporting_at_the_lowest_level_does_not_feed_itself() {
    let output = Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", "logs::quiet::child_process_logs_at_the_lowest_level", "--nocapture"])
        .env("LOG_EVERYTHING", "1")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("800 lines of traffic"), "{text}\n{errors}");
}

#[test]
fn nothing_secret_is_logged_at_any_level() {
    for (protocol, scheme) in [("http/protobuf", "http"), ("grpc", "http"), ("", "rpc")] {
        run(async {
            // Refused once, so that what happens then is logged too.
            let answer = if protocol == "http/protobuf" {
                Answer::Http(503, None)
            } else {
                Answer::Grpc(tonic::Code::Unavailable)
            };
            let receiver = Receiver::answering(&[answer]).await;
            let endpoint = format!("{scheme}://127.0.0.1:{}/?key=hidden-in-query", receiver.port);
            let stdout = Stdout::default();
            let (notices, telemetry) = {
                let (telemetry, notices) = try_telemetry(&[
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
                    ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                    ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
                    ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hidden-in-header"),
                    ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-key=hidden-in-own-header"),
                ])
                .unwrap_or_else(|problems| panic!("{problems:?}"));
                (notices, telemetry)
            };
            let (dispatch, _) = stdout.logging("trace", &telemetry);
            with_default(&dispatch, || notices.iter().for_each(Notice::log));
            let shutdown = telemetry.shutdown(SHUTDOWN_DEADLINE);
            let report =
                tracing::instrument::WithSubscriber::with_subscriber(shutdown, dispatch.clone());
            with_default(&dispatch, || tracing::info!(target: "mcp_gateway_test", "A line."));
            let report = report.await;
            with_default(&dispatch, || report.log());
            let sent = receiver.batches();
            assert_eq!(sent.len(), 2, "one more try");
            assert_eq!(sent[0].header("x-key"), Some("hidden-in-own-header"));
            let shown =
                format!("{:?} {:?} {telemetry:?} {report:?}", stdout.lines(), telemetry.status());
            assert!(!shown.contains("hidden-in"), "{shown}");
            for batch in sent {
                assert!(!format!("{:?}", batch.request).contains("hidden-in"));
            }
        });
    }
}
