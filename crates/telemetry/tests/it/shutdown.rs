//! The last spans are sent, within a deadline, whatever waits for it and whatever the receiver does.

use std::future::Future;
use std::time::{Duration, Instant};

use mcp_gateway_telemetry::{FlushReport, Telemetry};
use tokio::net::TcpListener;
use tokio::runtime::Builder;

use crate::support::receiver::Receiver;
use crate::support::{Refusing, assert_balanced, exporter, root, run, telemetry};

const DEADLINE: Duration = Duration::from_millis(800);
/// What a busy machine may add.
const GRACE: Duration = Duration::from_millis(1200);

/// Runs a future the way an application with this runtime would.
type Application = fn(std::pin::Pin<Box<dyn Future<Output = FlushReport> + Send>>) -> FlushReport;

const APPLICATIONS: [(&str, Application); 3] = [
    ("current thread, without timers", |work| {
        Builder::new_current_thread().build().unwrap().block_on(work)
    }),
    ("one worker, on the worker", |work| {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async { tokio::spawn(work).await.unwrap() })
    }),
    ("two workers", |work| {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(work)
    }),
];

fn application(at: usize) -> (&'static str, Application) {
    APPLICATIONS[at]
}

/// Makes ten spans and stops, as one application; says how long that took.
fn stop(
    endpoint: &str,
    protocol: &str,
    application: Application,
) -> (FlushReport, Duration, Telemetry) {
    let telemetry = telemetry(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
    ]);
    for _ in 0..10 {
        root(&telemetry, "last").end();
    }
    let shared = std::sync::Arc::new(telemetry);
    let work = std::sync::Arc::clone(&shared);
    let start = Instant::now();
    let report = application(Box::pin(async move { work.shutdown(DEADLINE).await }));
    let elapsed = start.elapsed();
    let telemetry = std::sync::Arc::into_inner(shared).expect("the work is over");
    (report, elapsed, telemetry)
}

#[test]
fn everything_is_sent_from_any_runtime() {
    for protocol in ["http/protobuf", "grpc"] {
        for (name, application) in APPLICATIONS {
            // The receiver has threads of its own, as a real one has.
            let threads =
                Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let receiver = threads.block_on(Receiver::start());
            let endpoint = format!("http://127.0.0.1:{}", receiver.port);
            let (report, elapsed, telemetry) = stop(&endpoint, protocol, application);
            assert_eq!(report.lost(), 0, "{protocol}, {name}: {report:?}");
            assert_eq!(receiver.names().len(), 10, "{protocol}, {name}");
            assert!(elapsed < DEADLINE + GRACE, "{protocol}, {name}: {elapsed:?}");
            assert_balanced(&exporter(&telemetry));
        }
    }
}

#[test]
fn nobody_listening_ends_before_the_deadline_and_says_what_was_lost() {
    for protocol in ["http/protobuf", "grpc"] {
        for (name, application) in APPLICATIONS {
            let refusing = Refusing::new();
            let endpoint = format!("http://127.0.0.1:{}", refusing.port);
            let (report, elapsed, telemetry) = stop(&endpoint, protocol, application);
            assert!(elapsed < DEADLINE + GRACE, "{protocol}, {name}: {elapsed:?}");
            assert_eq!(report.lost(), 10, "{protocol}, {name}: {report:?}");
            let error = report.signals[0].error.as_deref().unwrap_or_default();
            assert!(error.contains("cannot connect"), "{protocol}, {name}: {error}");
            let status = exporter(&telemetry);
            assert_balanced(&status);
            assert_eq!((status.queued, status.in_flight), (0, 0), "{protocol}, {name}");
        }
    }
}

#[test]
fn a_receiver_that_never_answers_ends_at_the_deadline() {
    for protocol in ["http/protobuf", "grpc"] {
        for (name, application) in APPLICATIONS {
            let threads =
                Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let silent = threads.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
            let endpoint = format!("http://{}", silent.local_addr().unwrap());
            let (report, elapsed, telemetry) = stop(&endpoint, protocol, application);
            assert!(elapsed < DEADLINE + GRACE, "{protocol}, {name}: {elapsed:?}");
            assert_eq!(report.lost(), 10, "{protocol}, {name}: {report:?}");
            let status = exporter(&telemetry);
            assert_balanced(&status);
            assert_eq!((status.queued, status.in_flight), (0, 0), "{protocol}, {name}");
        }
    }
}

#[test]
fn spans_after_the_end_are_counted_as_dropped() {
    let (_, application) = application(2);
    let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let receiver = threads.block_on(Receiver::start());
    let telemetry = telemetry(&[(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        &*format!("http://127.0.0.1:{}", receiver.port),
    )]);
    let telemetry = std::sync::Arc::new(telemetry);
    let open = root(&telemetry, "open");
    let work = std::sync::Arc::clone(&telemetry);
    application(Box::pin(async move { work.shutdown(DEADLINE).await }));
    open.end();
    root(&telemetry, "late").end();
    let status = exporter(&telemetry);
    assert_balanced(&status);
    assert_eq!((status.created, status.dropped_total()), (2, 2));
    assert_eq!(receiver.names(), [""; 0]);
    let work = std::sync::Arc::clone(&telemetry);
    let again = application(Box::pin(async move { work.shutdown(DEADLINE).await }));
    assert_eq!(again.lost(), 0, "a second shutdown is nothing");
}

#[test]
fn telemetry_can_be_dropped_anywhere() {
    run(async {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", silent.local_addr().unwrap());
        let telemetry = telemetry(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]);
        let span = root(&telemetry, "a");
        let start = Instant::now();
        drop(telemetry);
        span.end();
        assert!(start.elapsed() < GRACE, "{:?}", start.elapsed());
    });
}
