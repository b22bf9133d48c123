//! The variables of OTLP: each for all signals, and each for one signal against all others.

use std::time::Duration;

use mcp_gateway_telemetry::Signal;
use mcp_gateway_telemetry::status::FailureReason;

use super::{SIGNALS, account, batches, emit, of_all, of_signal, send, telemetry};
use crate::support::certificates::{Authority, acceptor};
use crate::support::receiver::{Answer, Batch, Receiver};
use crate::support::{TempDir, eventually, run};

#[test]
fn each_signal_goes_to_its_own_endpoint_or_to_the_one_for_all() {
    for signal in SIGNALS {
        run(async {
            let (all, own) = (Receiver::start().await, Receiver::start().await);
            let endpoint = format!("http://localhost:{}", own.port);
            send(&all, &[(&of_signal(signal, "ENDPOINT"), &endpoint)]).await;
            for other in SIGNALS {
                let came = [&all, &own].map(|receiver| receiver.items(other) > 0);
                assert_eq!(came, [other != signal, other == signal], "{other}, not {signal}");
            }
        });
    }
}

/// Sets a variable for all signals to `one`, then for each signal alone to `two`; `seen` says what a receiver saw of it.
fn check(
    what: &str,
    (one, two): (&str, &str),
    (first, second): (&str, &str),
    seen: fn(&Batch) -> String,
) {
    let found = |receiver: &Receiver, signal: Signal| {
        let batches = batches(receiver, signal);
        assert_eq!(batches.len(), 1, "{what} of {signal}: {batches:?}");
        seen(&batches[0])
    };
    for signal in SIGNALS {
        run(async {
            let receiver = Receiver::start().await;
            let (base, own) = (of_all(what), of_signal(signal, what));
            send(&receiver, &[(&base, one), (&own, two)]).await;
            for other in SIGNALS {
                let expect = if other == signal { second } else { first };
                assert_eq!(found(&receiver, other), expect, "{own}={two} {base}={one}: {other}");
            }
        });
    }
}

fn header(batch: &Batch, name: &str) -> String {
    batch.header(name).unwrap_or_default().to_owned()
}

#[test]
fn each_signal_has_its_own_protocol_or_the_one_for_all() {
    let seen = |batch: &Batch| header(batch, "content-type");
    let (protobuf, json) = ("application/x-protobuf", "application/json");
    check("PROTOCOL", ("http/protobuf", "http/json"), (protobuf, json), seen);
    check("PROTOCOL", ("grpc", "http/protobuf"), ("application/grpc", protobuf), seen);
}

#[test]
fn each_signal_has_its_own_headers_or_those_for_all() {
    let seen = |batch: &Batch| header(batch, "x-key");
    check("HEADERS", ("x-key=for%20all", "x-key=own"), ("for all", "own"), seen);
}

#[test]
fn each_signal_is_compressed_as_its_own_variable_says_or_the_one_for_all() {
    let seen = |batch: &Batch| header(batch, "content-encoding");
    check("COMPRESSION", ("none", "gzip"), ("", "gzip"), seen);
    check("COMPRESSION", ("gzip", "none"), ("gzip", ""), seen);
}

/// Sends to a receiver that never answers, until the signal has failed; says why, and how the others are doing.
async fn until_failed(signal: Signal, variables: &[(&str, &str)]) -> [bool; SIGNALS.len()] {
    let receiver = Receiver::answering(&[const { Answer::Nothing }; 8]).await;
    let endpoint = format!("http://localhost:{}", receiver.port);
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "10"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "10"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "600000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "600000"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "600000"),
    ];
    all.extend(variables);
    let telemetry = telemetry(&all);
    emit(&telemetry, 1);
    let failed = || account(&telemetry, signal).failed_total() > 0;
    eventually(failed, || format!("{signal}: {:#?}", telemetry.status())).await;
    let status = account(&telemetry, signal);
    assert_eq!(status.failed.first().map(|(reason, _)| *reason), Some(FailureReason::Timeout));
    // The error says which of the times was over.
    let error = status.last_error.unwrap_or_default();
    assert!(error.contains("50ms"), "{error}");
    let failures = SIGNALS.map(|other| account(&telemetry, other).failed_total() > 0);
    telemetry.shutdown(Duration::ZERO).await;
    failures
}

#[test]
fn each_signal_has_its_own_time_or_the_one_for_all() {
    for signal in SIGNALS {
        run(async {
            let (base, own) = (of_all("TIMEOUT"), of_signal(signal, "TIMEOUT"));
            let failures = until_failed(signal, &[(&base, "600000"), (&own, "50")]).await;
            assert_eq!(failures, only(signal), "only {signal} has so little time");
            until_failed(signal, &[(&base, "50")]).await;
        });
    }
}

/// Says of which signals something came.
fn arrived(receiver: &Receiver) -> [bool; SIGNALS.len()] {
    SIGNALS.map(|signal| receiver.items(signal) > 0)
}

const ALL: [bool; SIGNALS.len()] = [true; SIGNALS.len()];

fn only(signal: Signal) -> [bool; SIGNALS.len()] {
    SIGNALS.map(|other| other == signal)
}

/// A variable for all signals makes all arrive; one for a signal makes that signal arrive.
fn check_tls(what: &str, value: &str, tls: &tokio_rustls::TlsAcceptor, more: &[(&str, &str)]) {
    let mut cases = vec![(of_all(what), ALL)];
    cases.extend(SIGNALS.map(|signal| (of_signal(signal, what), only(signal))));
    for (variable, expect) in cases {
        run(async {
            let receiver = Receiver::with(Some(tls.clone()), &[]).await;
            let endpoint = format!("https://localhost:{}", receiver.port);
            let mut all = vec![
                ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                (variable.as_str(), value),
            ];
            all.extend(more);
            send(&receiver, &all).await;
            assert_eq!(arrived(&receiver), expect, "{variable}");
            assert!(receiver.batches().iter().all(|batch| batch.is_tls), "{variable}");
        });
    }
}

#[test]
fn each_signal_believes_anybody_or_all_do() {
    let tls = acceptor(&Authority::new().certify("localhost"), None);
    check_tls("INSECURE", "true", &tls, &[]);
}

#[test]
fn each_signal_has_its_own_authorities_or_those_for_all() {
    let authority = Authority::new();
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", &authority.certificate());
    check_tls("CERTIFICATE", &ca, &acceptor(&authority.certify("localhost"), None), &[]);
}

#[test]
fn each_signal_proves_itself_by_its_own_certificate_or_by_the_one_for_all() {
    let authority = Authority::new();
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", &authority.certificate());
    let client = authority.certify("gateway");
    let (certificate, key) =
        (dir.write("client.pem", &client.certificate), dir.write("client.key", &client.key));
    let tls = acceptor(&authority.certify("localhost"), Some(&authority));
    for signal in SIGNALS {
        for (certificate_variable, key_variable, expect) in [
            (of_all("CLIENT_CERTIFICATE"), of_all("CLIENT_KEY"), ALL),
            (
                of_signal(signal, "CLIENT_CERTIFICATE"),
                of_signal(signal, "CLIENT_KEY"),
                only(signal),
            ),
        ] {
            run(async {
                let receiver = Receiver::with(Some(tls.clone()), &[]).await;
                let endpoint = format!("https://localhost:{}", receiver.port);
                let variables = [
                    ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
                    ("OTEL_EXPORTER_OTLP_CERTIFICATE", &ca),
                    (&certificate_variable, &certificate),
                    (&key_variable, &key),
                ];
                send(&receiver, &variables).await;
                assert_eq!(arrived(&receiver), expect, "{certificate_variable}");
                assert!(receiver.batches().iter().all(|batch| batch.knows_client));
            });
        }
    }
}
