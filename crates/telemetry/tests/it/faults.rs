//! Whatever a receiver does, each signal's account is exact, one line says so, and the end comes in time.

use std::time::{Duration, Instant};

use mcp_gateway_telemetry::status::{DropReason, FailureReason};
use mcp_gateway_telemetry::{SHUTDOWN_DEADLINE, Signal};
use tokio::net::TcpListener;

use crate::support::certificates::{Authority, acceptor};
use crate::support::receiver::{Answer, Receiver};
use crate::support::send::{SIGNALS, Sender, exporter_variable};
use crate::support::{Refusing, TempDir, assert_balanced, log, run, try_telemetry};

/// Makes a sender for every signal.
fn sender(endpoint: &str, protocol: &str, more: &[(&str, &str)]) -> Sender {
    let names = SIGNALS.map(exporter_variable);
    let mut all: Vec<_> = names.iter().map(|name| (name.as_str(), "otlp")).collect();
    all.push(("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint));
    all.push(("OTEL_EXPORTER_OTLP_PROTOCOL", protocol));
    all.extend(more);
    Sender::new(&all)
}

/// Makes a sender for one signal.
fn sender_of(signal: Signal, endpoint: &str, protocol: &str, more: &[(&str, &str)]) -> Sender {
    let name = exporter_variable(signal);
    let mut all = vec![
        (name.as_str(), "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
    ];
    all.extend(more);
    Sender::new(&all)
}

/// What becomes of the only batch of each signal.
async fn check(sender: &Sender, signal: Signal, expect: Result<(), FailureReason>, case: &str) {
    for _ in 0..5 {
        sender.make(signal, "made");
    }
    sender.finish().await;
    let account = sender.account(signal);
    assert_balanced(&account);
    assert!(account.created > 0, "{case}: {account:#?}");
    let ends = (account.exported, account.failed.clone(), account.dropped_total());
    let expect = match expect {
        Ok(()) => (account.created, vec![], 0),
        Err(reason) => (0, vec![(reason, account.created)], 0),
    };
    assert_eq!(ends, expect, "{case}: {account:#?}");
    assert_eq!(account.last_error.is_some(), account.exported == 0, "{case}: {account:#?}");
    assert_eq!(account.last_success.is_some(), account.exported > 0, "{case}: {account:#?}");
}

#[test]
fn answers_are_counted_alike_for_every_signal() {
    let busy = Answer::Http(503, None);
    let wait = |seconds: &str| Answer::Http(429, Some(seconds.to_owned()));
    let status = Err(FailureReason::HttpStatus);
    for (protocol, answers, expect) in [
        ("http/protobuf", vec![], Ok(())),
        ("http/json", vec![busy.clone(), busy], Ok(())),
        ("http/protobuf", vec![wait("0"), wait("0"), wait("0")], Ok(())),
        ("http/protobuf", vec![wait("0"); 100], status),
        ("http/json", vec![wait("3600")], status),
        ("http/protobuf", vec![Answer::Http(404, None)], status),
        ("http/json", vec![Answer::Html], Err(FailureReason::InvalidAnswer)),
        ("http/protobuf", vec![Answer::Endless], Err(FailureReason::InvalidAnswer)),
        ("http/protobuf", vec![Answer::Refuse(1_000_000)], Err(FailureReason::Rejected)),
        ("grpc", vec![Answer::Refuse(1_000_000)], Err(FailureReason::Rejected)),
        ("grpc", vec![Answer::Grpc(tonic::Code::Unavailable)], Ok(())),
        ("grpc", vec![Answer::Grpc(tonic::Code::Unauthenticated)], Err(FailureReason::GrpcStatus)),
    ] {
        for signal in SIGNALS {
            run(async {
                let case = format!("{signal} {protocol} {answers:?}");
                let receiver = Receiver::answering(&answers).await;
                let endpoint = format!("http://127.0.0.1:{}", receiver.port);
                let sender = sender_of(signal, &endpoint, protocol, &[]);
                check(&sender, signal, expect, &case).await;
                assert_eq!(sender.account(signal).exported, receiver.taken(signal), "{case}");
                assert!(receiver.batches().len() <= 6, "{case}: {}", receiver.batches().len());
            });
        }
    }
}

#[test]
fn certificates_that_prove_nothing_are_counted_alike_for_every_signal() {
    let (authority, stranger, dir) = (Authority::new(), Authority::new(), TempDir::new());
    let ca = dir.write("ca.pem", &authority.certificate());
    for certificate in [
        authority.certify("elsewhere.example"),
        authority.certify_expired("localhost"),
        stranger.certify("localhost"),
    ] {
        for (signal, protocol) in SIGNALS.into_iter().zip(["http/protobuf", "grpc", "http/json"]) {
            run(async {
                let receiver = Receiver::with(Some(acceptor(&certificate, None)), &[]).await;
                let endpoint = format!("https://localhost:{}", receiver.port);
                let trust = [("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str())];
                let sender = sender_of(signal, &endpoint, protocol, &trust);
                check(&sender, signal, Err(FailureReason::Tls), &format!("{signal}")).await;
                assert_eq!(receiver.batches().len(), 0);
            });
        }
    }
}

#[test]
fn files_that_cannot_be_read_stop_the_start_for_every_signal() {
    for signal in SIGNALS {
        let variable = format!("OTEL_EXPORTER_OTLP_{}_CERTIFICATE", signal.variable());
        let problems = try_telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:4318"),
            (&variable, "/nonexistent/ca.pem"),
        ]);
        let problems = problems.err().unwrap_or_default();
        let named: Vec<&str> = problems.iter().map(|problem| problem.variable.as_str()).collect();
        assert_eq!(named, [variable.as_str()], "{problems:?}");
    }
}

/// Many threads, small queues, and a receiver with moods: nothing is counted twice or not at all.
#[test]
fn accounts_are_exact_under_load() {
    for (protocol, moods) in [
        (
            "http/protobuf",
            vec![Answer::Take, Answer::Http(503, None), Answer::Refuse(2), Answer::Http(400, None)],
        ),
        ("grpc", vec![Answer::Take, Answer::Grpc(tonic::Code::Unavailable), Answer::Refuse(3)]),
    ] {
        let answers: Vec<Answer> = moods.into_iter().cycle().take(400).collect();
        run(async {
            let receiver = Receiver::answering(&answers).await;
            let endpoint = format!("http://127.0.0.1:{}", receiver.port);
            let sender = sender(
                &endpoint,
                protocol,
                &[
                    ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
                    ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
                    ("OTEL_BSP_SCHEDULE_DELAY", "1"),
                    ("OTEL_BLRP_MAX_QUEUE_SIZE", "64"),
                    ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "16"),
                    ("OTEL_BLRP_SCHEDULE_DELAY", "1"),
                    ("OTEL_METRIC_EXPORT_INTERVAL", "5"),
                ],
            );
            let sender = std::sync::Arc::new(sender);
            let mut work = tokio::task::JoinSet::new();
            for _ in 0..4 {
                let sender = std::sync::Arc::clone(&sender);
                work.spawn(async move {
                    for _ in 0..500 {
                        for signal in SIGNALS {
                            sender.make(signal, "made");
                        }
                        tokio::task::yield_now().await;
                    }
                });
            }
            work.join_all().await;
            let report = sender.finish().await;
            assert!(SIGNALS.into_iter().any(|signal| receiver.taken(signal) > 0));
            for signal in SIGNALS {
                let account = sender.account(signal);
                assert_balanced(&account);
                assert_eq!((account.queued, account.in_flight), (0, 0), "{report:?}");
                if signal != Signal::Metrics {
                    assert_eq!(account.created, 2000, "{account:#?}");
                }
                assert_eq!(account.exported, receiver.taken(signal), "{protocol}: {account:#?}");
            }
        });
    }
}

#[test]
fn all_signals_end_together_within_one_deadline_and_say_what_was_lost() {
    log::start();
    for protocol in ["http/protobuf", "grpc"] {
        run(async {
            let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = format!("http://{}", silent.local_addr().unwrap());
            let sender = sender(&endpoint, protocol, &[("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "4")]);
            for signal in SIGNALS {
                (0..10).for_each(|_| sender.make(signal, "made"));
            }
            let deadline = Duration::from_millis(1500);
            let start = Instant::now();
            let report = sender.telemetry.shutdown(deadline).await;
            assert!(start.elapsed() < 2 * deadline, "one after the other: {:?}", start.elapsed());
            report.log();
            let lost: Vec<_> =
                report.signals.iter().map(|flush| (flush.items, flush.lost)).collect();
            let metrics = sender.account(Signal::Metrics).created;
            assert_eq!(
                lost,
                [("traces", 10), ("logs", 10), ("audit events", 0), ("metrics", metrics)],
                "{report:?}"
            );
            let logs = sender.account(Signal::Logs);
            assert_eq!(logs.failed, [(FailureReason::Shutdown, 4)], "{logs:#?}");
            assert_eq!(logs.dropped, [(DropReason::AlreadyShutdown, 6)], "{logs:#?}");
            for signal in SIGNALS {
                assert_balanced(&sender.account(signal));
            }
            for (items, lost) in [("traces", 10), ("logs", 10), ("metrics", metrics)] {
                let said = format!("The last {items} did not all reach {endpoint}");
                let counted = format!("0 sent, {lost} lost");
                assert_eq!(log::lines(&["\"WARN\"", &said, &counted]).len(), 1, "{items}");
            }
        });
    }
}

#[test]
fn each_signal_says_once_that_it_fails() {
    log::start();
    run(async {
        let nobody = Refusing::new();
        let endpoint = format!("http://127.0.0.1:{}", nobody.port);
        let sender = sender(
            &endpoint,
            "http/protobuf",
            &[
                ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
                ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "1"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "10"),
            ],
        );
        for signal in SIGNALS {
            (0..10).for_each(|_| sender.make(signal, "made"));
        }
        sender.telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        for signal in SIGNALS {
            let said = format!("Export of {signal} to {endpoint}");
            let lines = log::lines(&["\"WARN\"", &said, "they are lost until it works again"]);
            assert_eq!(lines.len(), 1, "{signal}: {lines:#?}");
        }
        // What exporters say would be a reason to export, were it exported.
        assert_eq!(sender.account(Signal::Logs).created, 10);
    });
}
