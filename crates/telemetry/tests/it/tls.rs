//! TLS: who is believed, who is not, and what `INSECURE` means, row by row.

use mcp_gateway_telemetry::SHUTDOWN_DEADLINE;
use mcp_gateway_telemetry::status::{FailureCause, FailureReason, TlsCause};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::support::certificates::{Authority, acceptor};
use crate::support::receiver::{Batch, Receiver};
use crate::support::{TempDir, exporter, log, root, run, telemetry, try_telemetry};

/// How a receiver is reached, and over what.
const WAYS: [(&str, &str); 4] =
    [("https", ""), ("https", "http/json"), ("https", "grpc"), ("rpc", "")];

/// Why nothing came: the reason, what the log says, and where it died.
type Refusal = (FailureReason, String, Option<FailureCause>);

/// Sends one span with these variables; says what came, or why it did not.
async fn send(
    receiver: &Receiver,
    (scheme, protocol): (&str, &str),
    variables: &[(&str, &str)],
) -> Result<Batch, Refusal> {
    let endpoint = format!("{scheme}://localhost:{}", receiver.port);
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
    ];
    all.extend(variables);
    let telemetry = telemetry(&all);
    root(&telemetry, "a").end();
    telemetry.shutdown(SHUTDOWN_DEADLINE).await;
    let status = exporter(&telemetry);
    match status.failed.first() {
        None => Ok(receiver.wait_for_batches(1).await.remove(0)),
        Some((reason, _)) => {
            Err((*reason, status.last_error.unwrap_or_default(), status.last_cause))
        }
    }
}

#[test]
fn a_receiver_is_verified_by_the_certificate_file() {
    let authority = Authority::new();
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", &authority.certificate());
    let tls = acceptor(&authority.certify("localhost"), None);
    for way in WAYS {
        for variable in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE"]
        {
            run(async {
                let receiver = Receiver::with(Some(tls.clone()), &[]).await;
                let batch = send(&receiver, way, &[(variable, &ca)]).await.expect("it arrives");
                assert!(batch.is_tls && !batch.knows_client, "{way:?}");
            });
        }
    }
}

#[test]
fn a_receiver_that_cannot_prove_who_it_is_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", &authority.certificate());
    for (certificate, expect) in [
        (stranger.certify("localhost"), ("UnknownIssuer", TlsCause::UnknownIssuer)),
        (authority.certify("elsewhere.example"), ("not valid for", TlsCause::WrongName)),
        (authority.certify_expired("localhost"), ("expired", TlsCause::Expired)),
    ] {
        let (expect, died_of) = expect;
        for way in WAYS {
            run(async {
                let receiver = Receiver::with(Some(acceptor(&certificate, None)), &[]).await;
                let variables = [("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str())];
                let sent = send(&receiver, way, &variables).await;
                let (reason, error, cause) = sent.expect_err(expect);
                assert_eq!(reason, FailureReason::Tls, "{way:?}: {error}");
                assert_eq!(cause, Some(FailureCause::Tls(died_of)), "{way:?}: {error}");
                assert!(error.contains(expect), "{way:?}: {error}");
                assert_eq!(receiver.batches().len(), 0);
            });
        }
    }
}

#[test]
fn without_a_certificate_file_the_system_decides() {
    let authority = Authority::new();
    for way in WAYS {
        run(async {
            let tls = acceptor(&authority.certify("localhost"), None);
            let receiver = Receiver::with(Some(tls), &[]).await;
            let sent = send(&receiver, way, &[]).await;
            let (reason, error, _) = sent.expect_err("an unknown issuer");
            assert_eq!(reason, FailureReason::Tls, "{way:?}: {error}");
        });
    }
}

#[test]
fn insecure_believes_anybody_but_stays_encrypted() {
    let stranger = Authority::new();
    for certificate in [
        stranger.certify("localhost"),
        stranger.certify("elsewhere.example"),
        stranger.certify_expired("localhost"),
    ] {
        for way in WAYS {
            run(async {
                let receiver = Receiver::with(Some(acceptor(&certificate, None)), &[]).await;
                let insecure = [("OTEL_EXPORTER_OTLP_INSECURE", "true")];
                let batch = send(&receiver, way, &insecure).await.expect("it arrives");
                assert!(batch.is_tls, "{way:?}");
            });
        }
    }
}

#[test]
fn the_gateway_proves_who_it_is() {
    let authority = Authority::new();
    let dir = TempDir::new();
    let ca = dir.write("ca.pem", &authority.certificate());
    let client = authority.certify("gateway");
    let (certificate, key) =
        (dir.write("client.pem", &client.certificate), dir.write("client.key", &client.key));
    let tls = acceptor(&authority.certify("localhost"), Some(&authority));
    let own = [
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", certificate.as_str()),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", key.as_str()),
    ];
    for way in WAYS {
        for trust in [
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str()),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ] {
            run(async {
                let receiver = Receiver::with(Some(tls.clone()), &[]).await;
                let variables: Vec<_> = own.iter().copied().chain([trust]).collect();
                let batch = send(&receiver, way, &variables).await.expect("it arrives");
                assert!(batch.is_tls && batch.knows_client, "{way:?} {trust:?}");
            });
        }
        run(async {
            let receiver = Receiver::with(Some(tls.clone()), &[]).await;
            let trust = [("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str())];
            let sent = send(&receiver, way, &trust).await;
            let (_, error, cause) = sent.expect_err("without a certificate it is turned away");
            // HTTP/2 may write into the closed connection before it reads why it was closed.
            let wanted = FailureCause::Tls(TlsCause::ClientCertificateWanted);
            let is_told = cause == Some(wanted) || cause == Some(FailureCause::Broken);
            assert!(is_told, "{way:?}: {cause:?}: {error}");
        });
    }
}

#[test]
fn rpc_with_insecure_falls_back_to_plain_text_once() {
    log::start();
    run(async {
        let receiver = Receiver::start().await;
        let insecure = [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &*format!("rpc://localhost:{}", receiver.port)),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ];
        let telemetry = telemetry(&insecure);
        for count in 1..=3 {
            root(&telemetry, "a").end();
            receiver.wait_for_batches(count).await;
        }
        assert!(receiver.batches().iter().all(|batch| !batch.is_tls));
        let place = format!("localhost:{}", receiver.port);
        let warnings = log::lines(&["\"WARN\"", &place, "does not speak TLS"]);
        assert_eq!(warnings.len(), 1, "{warnings:#?}");
    });
}

#[test]
fn a_receiver_that_hung_up_once_gets_tls_with_the_next_connection() {
    let tls = acceptor(&Authority::new().certify("localhost"), None);
    run(async {
        let receiver = Receiver::with(Some(tls), &[]).await;
        // In front of it, something that hangs up on the first connection, as a receiver does that restarts.
        let door = TcpListener::bind("localhost:0").await.unwrap();
        let endpoint = format!("rpc://localhost:{}", door.local_addr().unwrap().port());
        let port = receiver.port;
        tokio::spawn(async move {
            drop(door.accept().await);
            while let Ok((mut outside, _)) = door.accept().await {
                tokio::spawn(async move {
                    let mut inside = TcpStream::connect(("127.0.0.1", port)).await?;
                    copy_bidirectional(&mut outside, &mut inside).await
                });
            }
        });
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ]);
        assert_eq!(exporter(&telemetry).target, endpoint, "it may be TLS or plain text");
        root(&telemetry, "a").end();
        let batches = receiver.wait_for_batches(1).await;
        assert!(batches.iter().all(|batch| batch.is_tls));
    });
}

#[test]
fn nothing_else_falls_back_to_plain_text() {
    for (way, insecure) in [
        (("rpc", ""), "false"),
        (("https", ""), "true"),
        (("https", ""), "false"),
        (("https", "grpc"), "true"),
    ] {
        run(async {
            let receiver = Receiver::start().await;
            let variables = [("OTEL_EXPORTER_OTLP_INSECURE", insecure)];
            let sent = send(&receiver, way, &variables).await;
            let (reason, error, cause) = sent.expect_err("plain text");
            assert_eq!(reason, FailureReason::Tls, "{way:?} {insecure}: {error}");
            let not_tls = Some(FailureCause::Tls(TlsCause::NotTls));
            assert_eq!(cause, not_tls, "{way:?} {insecure}: {error}");
            assert_eq!(receiver.batches().len(), 0, "{way:?} {insecure}");
        });
    }
}

#[test]
fn a_receiver_that_wants_a_certificate_is_never_taken_for_plain_text() {
    let authority = Authority::new();
    let tls = acceptor(&authority.certify("localhost"), Some(&authority));
    run(async {
        let receiver = Receiver::with(Some(tls), &[]).await;
        let place = format!("localhost:{}", receiver.port);
        let insecure = [("OTEL_EXPORTER_OTLP_INSECURE", "true")];
        send(&receiver, ("rpc", ""), &insecure).await.expect_err("no certificate of its own");
        assert_eq!(log::lines(&[&place, "does not speak TLS"]).len(), 0);
    });
}

#[test]
fn a_name_without_an_address_says_so() {
    run(async {
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.invalid:4318"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2000"),
        ]);
        root(&telemetry, "a").end();
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let status = exporter(&telemetry);
        assert_eq!(status.failed, [(FailureReason::NameResolution, 1)], "{status:#?}");
        assert!(status.last_error.is_some_and(|error| error.contains("collector.invalid")));
    });
}

#[test]
fn files_that_cannot_be_used_stop_the_start() {
    let authority = Authority::new();
    let dir = TempDir::new();
    let (one, two) = (authority.certify("one"), authority.certify("two"));
    let certificate = dir.write("one.pem", &one.certificate);
    let (key, other_key) = (dir.write("one.key", &one.key), dir.write("two.key", &two.key));
    let garbage = dir.write("garbage.pem", "not PEM");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let broken = dir.write("broken.pem", broken);
    let missing = dir.0.join("missing.pem").display().to_string();
    let (ca, cert, client_key) = (
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    );
    let endpoint = "https://localhost:4318".to_owned();
    for (variables, expect) in [
        (vec![(ca, &missing)], vec![(ca, "cannot be read")]),
        (vec![(ca, &garbage)], vec![(ca, "no certificate in PEM form")]),
        (vec![(ca, &broken)], vec![(ca, "not valid")]),
        (vec![(cert, &certificate)], vec![(cert, "needs OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY")]),
        (vec![(client_key, &key)], vec![(client_key, "CLIENT_CERTIFICATE beside it")]),
        (vec![(cert, &certificate), (client_key, &other_key)], vec![(client_key, "does not fit")]),
        (vec![(cert, &certificate), (client_key, &garbage)], vec![(client_key, "no private key")]),
        (
            vec![(ca, &missing), (cert, &garbage), (client_key, &missing)],
            vec![(ca, "cannot be read"), (cert, "no certificate"), (client_key, "cannot be read")],
        ),
    ] {
        let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        all.extend(variables.iter().map(|(variable, path)| (*variable, path.as_str())));
        let problems = try_telemetry(&all).err().unwrap_or_default();
        assert_eq!(problems.len(), expect.len(), "{variables:?}: {problems:?}");
        for (problem, (variable, part)) in problems.iter().zip(&expect) {
            assert_eq!(problem.variable, *variable, "{problems:?}");
            assert!(problem.message.contains(part), "{problems:?}");
        }
    }
}
