//! What is tried again, what is final, and how both are counted.

use std::time::{Duration, Instant};

use mcp_gateway_telemetry::SHUTDOWN_DEADLINE;
use mcp_gateway_telemetry::status::FailureReason;

use crate::support::receiver::{Answer, Receiver};
use crate::support::{assert_balanced, eventually, exporter, root, run, telemetry};

/// What one span becomes when the receiver answers so.
struct Expect {
    requests: usize,
    exported: u64,
    failed: Vec<(FailureReason, u64)>,
    error: Option<&'static str>,
}

fn delivered(requests: usize) -> Expect {
    Expect { requests, exported: 1, failed: vec![], error: None }
}

fn lost(requests: usize, reason: FailureReason, error: &'static str) -> Expect {
    Expect { requests, exported: 0, failed: vec![(reason, 1)], error: Some(error) }
}

fn check(protocol: &str, answers: &[Answer], expect: &Expect) {
    run(async {
        let receiver = Receiver::answering(answers).await;
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ]);
        root(&telemetry, "a").end();
        let settled = || {
            let status = exporter(&telemetry);
            status.exported + status.failed_total() == 1
        };
        eventually(settled, || format!("{protocol} {answers:?}: {:#?}", exporter(&telemetry)))
            .await;
        let status = exporter(&telemetry);
        assert_eq!(receiver.batches().len(), expect.requests, "{protocol} {answers:?}");
        assert_eq!(status.exported, expect.exported, "{protocol} {answers:?}: {status:#?}");
        assert_eq!(status.failed, expect.failed, "{protocol} {answers:?}");
        let error = status.last_error.as_deref();
        match (error, expect.error) {
            (None, None) => {}
            (Some(error), Some(part)) => assert!(error.contains(part), "{error}"),
            other => panic!("{protocol} {answers:?}: {other:?}"),
        }
        assert_balanced(&status);
    });
}

#[test]
fn transient_answers_over_http_are_tried_again() {
    for status in [429, 502, 503, 504] {
        check("http/protobuf", &[Answer::Http(status, None)], &delivered(2));
    }
    let busy = Answer::Http(503, None);
    check("http/json", &[busy.clone(), busy], &delivered(3));
}

#[test]
fn final_answers_over_http_are_not() {
    for status in [301, 400, 401, 403, 404, 413, 500] {
        let lost = lost(1, FailureReason::HttpStatus, "HTTP status");
        check("http/protobuf", &[Answer::Http(status, None)], &lost);
    }
    check("http/protobuf", &[Answer::Html], &lost(1, FailureReason::InvalidAnswer, "text/html"));
    let endless = lost(1, FailureReason::InvalidAnswer, "larger than");
    check("http/protobuf", &[Answer::Endless], &endless);
}

#[test]
fn only_what_a_receiver_of_otlp_would_answer_is_a_success() {
    for (content_type, body) in [
        (None, ""),
        (Some("text/plain; charset=utf-8"), ""),
        (Some("application/json; charset=utf-8"), "{}"),
        (Some("Application/JSON"), "{\"ok\":true}"),
        (Some("application/x-protobuf"), ""),
        (Some("application/protobuf"), "\n\0"),
    ] {
        check("http/protobuf", &[Answer::Other(content_type, body)], &delivered(1));
    }
    for content_type in ["Text/HTML", "application/xhtml+xml", "text/plain", "image/png", ";"] {
        let answer = Answer::Other(Some(content_type), "<p>Please log in.");
        check("http/protobuf", &[answer], &lost(1, FailureReason::InvalidAnswer, content_type));
    }
    let unnamed = Answer::Other(None, "<p>Please log in.");
    check("http/json", &[unnamed], &lost(1, FailureReason::InvalidAnswer, "not an OTLP receiver"));
}

#[test]
fn a_receiver_that_wants_more_time_than_there_is_gets_no_second_request() {
    let wait = Answer::Http(429, Some("3600".to_owned()));
    check("http/protobuf", &[wait], &lost(1, FailureReason::HttpStatus, "429"));
}

#[test]
fn a_receiver_that_wants_for_ever_loses_that_batch_and_gets_the_next() {
    for seconds in ["18446744073709551615", "99999999999999999999999"] {
        run(async {
            let wait = Answer::Http(503, Some(seconds.to_owned()));
            let receiver = Receiver::answering(&[wait]).await;
            let endpoint = format!("http://127.0.0.1:{}", receiver.port);
            let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
            for (name, settled) in [("a", 1), ("b", 2)] {
                root(&telemetry, name).end();
                let is_settled = || {
                    let status = exporter(&telemetry);
                    status.exported + status.failed_total() == settled
                };
                eventually(is_settled, || format!("{:#?}", exporter(&telemetry))).await;
            }
            let status = exporter(&telemetry);
            assert_eq!(status.failed, [(FailureReason::HttpStatus, 1)], "{seconds}");
            assert_eq!(receiver.names(), ["a", "b"], "{seconds}");
        });
    }
}

#[test]
fn retry_after_is_obeyed() {
    run(async {
        let receiver = Receiver::answering(&[Answer::Http(503, Some("1".to_owned()))]).await;
        let endpoint = format!("http://127.0.0.1:{}", receiver.port);
        let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        root(&telemetry, "a").end();
        receiver.wait_for_batches(1).await;
        let start = Instant::now();
        receiver.wait_for_batches(2).await;
        assert!(start.elapsed() > Duration::from_millis(900), "{:?}", start.elapsed());
    });
}

#[test]
fn a_receiver_that_is_always_busy_is_asked_a_bounded_number_of_times() {
    run(async {
        let receiver = Receiver::answering(&vec![Answer::Http(429, None); 100]).await;
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
        ]);
        root(&telemetry, "a").end();
        let failed = || exporter(&telemetry).failed_total() == 1;
        eventually(failed, || format!("{:#?}", exporter(&telemetry))).await;
        assert!(receiver.batches().len() <= 6, "{}", receiver.batches().len());
    });
}

#[test]
fn grpc_codes_follow_the_table_of_otlp() {
    use tonic::Code::{
        Aborted, Cancelled, DataLoss, DeadlineExceeded, Internal, InvalidArgument, OutOfRange,
        PermissionDenied, ResourceExhausted, Unauthenticated, Unavailable, Unimplemented,
    };
    for code in [Aborted, Cancelled, DataLoss, DeadlineExceeded, OutOfRange, Unavailable] {
        check("grpc", &[Answer::Grpc(code)], &delivered(2));
    }
    let last = [Internal, InvalidArgument, PermissionDenied, ResourceExhausted, Unauthenticated];
    for code in last.into_iter().chain([Unimplemented]) {
        check("grpc", &[Answer::Grpc(code)], &lost(1, FailureReason::GrpcStatus, "gRPC status"));
    }
}

#[test]
fn what_a_receiver_refuses_is_counted_as_lost() {
    for protocol in ["http/protobuf", "http/json", "grpc"] {
        run(async {
            let receiver = Receiver::answering(&[Answer::Refuse(2)]).await;
            let telemetry = telemetry(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
            ]);
            for _ in 0..5 {
                root(&telemetry, "a").end();
            }
            let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
            assert_eq!(report.lost(), 2, "{protocol}");
            let status = exporter(&telemetry);
            assert_eq!(status.exported, 3, "{protocol}");
            assert_eq!(status.failed, [(FailureReason::Rejected, 2)], "{protocol}");
            assert!(status.last_error.is_some_and(|error| error.contains("too old")), "{protocol}");
        });
    }
}

#[test]
fn a_slow_answer_ends_at_the_time_out() {
    for protocol in ["http/protobuf", "grpc"] {
        run(async {
            let receiver = Receiver::answering(&[Answer::Nothing]).await;
            let telemetry = telemetry(&[
                ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"),
            ]);
            root(&telemetry, "a").end();
            let failed = || exporter(&telemetry).failed_total() == 1;
            eventually(failed, || format!("{:#?}", exporter(&telemetry))).await;
            assert_eq!(exporter(&telemetry).failed, [(FailureReason::Timeout, 1)], "{protocol}");
            root(&telemetry, "b").end();
            let works = || exporter(&telemetry).exported == 1;
            eventually(works, || format!("{:#?}", exporter(&telemetry))).await;
        });
    }
}
