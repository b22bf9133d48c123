//! The way of telemetry, whole and broken.

use super::receiver::{Authority, REFUSED_ONE, answering, silent};
use super::{died, doctor, said, works};
use crate::support::otlp::OtlpReceiver;
use crate::support::port::closed;
use crate::support::program::Finished;
use crate::support::scratch::Scratch;

/// The endpoint of all signals.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// What `doctor` sends.
const SIGNALS: [&str; 3] = ["traces", "logs", "metrics"];
/// A time-out that a test can wait for.
const SOON: (&str, &str) = ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500");

#[tokio::test]
async fn test_items_reach_a_real_receiver_over_http_and_grpc() {
    let receiver = OtlpReceiver::start().await;
    for endpoint in [format!("http://{}", receiver.http()), format!("rpc://{}", receiver.grpc())] {
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ];
        let report = doctor(&environment, None).await;
        works(&report, "traces", &["The test span was taken.", "Its trace id is "]);
        works(&report, "logs", &["The test log record was taken."]);
        works(&report, "metrics", &["The test metrics were taken."]);
        assert_eq!(report.code, Some(0), "{report:?}");
        let text = said(&report, "traces").text;
        let (_, id) = text.split_once("Its trace id is ").unwrap();
        let trace_id = id.get(..32).unwrap();
        let spans = receiver.trace(trace_id, &["mcp-gateway.doctor"]).await;
        assert_eq!(spans.len(), 1, "{spans:?}");
    }
}

#[tokio::test]
async fn signal_that_nobody_asked_for_is_off_and_no_failure() {
    let report = doctor(&[], None).await;
    assert_eq!(report.code, Some(0), "{report:?}");
    for signal in SIGNALS {
        let said = said(&report, signal);
        assert!(said.head.ends_with(" off"), "{report:?}");
        let variable = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.to_uppercase());
        assert!(said.text.contains(&format!("neither {variable} nor")), "{report:?}");
    }

    let report = doctor(&[("OTEL_SDK_DISABLED", "true")], None).await;
    assert!(said(&report, "traces").text.contains("OTEL_SDK_DISABLED is true"), "{report:?}");
    let none = SIGNALS.map(|signal| format!("OTEL_{}_EXPORTER", signal.to_uppercase()));
    let mut environment: Vec<_> = none.iter().map(|variable| (&**variable, "none")).collect();
    environment.push((ENDPOINT, "http://127.0.0.1:1"));
    let report = doctor(&environment, None).await;
    assert_eq!(report.code, Some(0), "{report:?}");
    for (signal, variable) in SIGNALS.iter().zip(&none) {
        let text = said(&report, signal).text;
        assert!(text.contains(&format!("{variable} is none")), "{report:?}");
    }
}

#[tokio::test]
async fn signal_that_is_asked_for_without_an_endpoint_died_at_the_settings() {
    let report = doctor(&[("OTEL_TRACES_EXPORTER", "otlp")], None).await;
    died(&report, "traces", "settings", &["OTEL_TRACES_EXPORTER asks for OTLP"]);
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let report = doctor(&[(traces, "ftp://collector")], None).await;
    died(&report, traces, "settings", &["would not start"]);
}

#[tokio::test]
async fn sampler_that_drops_everything_is_told() {
    let receiver = OtlpReceiver::start().await;
    let endpoint = format!("http://{}", receiver.http());
    for (sampler, argument, words) in [
        ("always_off", "", "Not sampled: OTEL_TRACES_SAMPLER=always_off drops every trace"),
        ("parentbased_traceidratio", "0", "drops every trace, but for callers that say sampled=1"),
        ("traceidratio", "0.25", "keeps 25 % of all traces"),
    ] {
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_TRACES_SAMPLER", sampler),
            ("OTEL_TRACES_SAMPLER_ARG", argument),
        ];
        let report = doctor(&environment, None).await;
        works(&report, "traces", &[words]);
    }
}

#[tokio::test]
async fn nobody_listening_died_at_connect() {
    let endpoint = format!("http://{}", closed());
    let report = doctor(&[(ENDPOINT, &endpoint), SOON], None).await;
    all_died(&report, "connect", &["nobody listens", ENDPOINT]);
}

#[tokio::test]
async fn name_without_an_address_died_at_name_resolution() {
    let report = doctor(&[(ENDPOINT, "http://collector.invalid:4318"), SOON], None).await;
    all_died(&report, "name resolution", &["no address", "collector.invalid"]);
}

#[tokio::test]
async fn certificate_that_proves_nothing_died_at_tls() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = Scratch::new("doctor-ca");
    let ca = folder.write("ca.pem", &authority.certificate()).display().to_string();
    for (port, words) in [
        (authority.serve("elsewhere.example", false).await, "for another host"),
        (authority.serve("localhost", true).await, "has expired"),
        (stranger.serve("localhost", false).await, "OTEL_EXPORTER_OTLP_CERTIFICATE"),
    ] {
        for scheme in ["https", "rpc"] {
            let endpoint = format!("{scheme}://localhost:{port}");
            let trust = ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str());
            let report = doctor(&[(ENDPOINT, &endpoint), trust, SOON], None).await;
            all_died(&report, "TLS", &[words]);
        }
    }
}

#[tokio::test]
async fn plain_text_port_that_is_spoken_to_with_tls_died_at_tls() {
    let receiver = OtlpReceiver::start().await;
    let grpc = format!("https://{}", receiver.grpc());
    let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let report = doctor(&[(ENDPOINT, &grpc), protocol, SOON], None).await;
    all_died(&report, "TLS", &["does not speak TLS"]);
    let http = format!("https://{}", receiver.http());
    let report = doctor(&[(ENDPOINT, &http), SOON], None).await;
    all_died(&report, "TLS", &["does not speak TLS"]);
}

#[tokio::test]
async fn answer_that_is_no_success_is_told_by_what_it_means() {
    for (status, step, words) in [
        (404, "HTTP", ["The path is wrong", ENDPOINT]),
        (401, "HTTP", ["wants other credentials", "OTEL_EXPORTER_OTLP_HEADERS"]),
        (403, "HTTP", ["wants other credentials", "OTEL_EXPORTER_OTLP_HEADERS"]),
        (400, "HTTP", ["does not take the request", "log of the receiver"]),
        (302, "HTTP", ["redirects", ENDPOINT]),
        (500, "HTTP", ["went wrong there", "log of the receiver"]),
    ] {
        let receiver = answering(status, "text/plain", b"no").await;
        let endpoint = format!("http://{}", receiver.address());
        let report = doctor(&[(ENDPOINT, &endpoint), SOON], None).await;
        all_died(&report, step, &words);
    }
}

#[tokio::test]
async fn page_for_people_is_no_receiver() {
    let receiver = answering(200, "text/html; charset=utf-8", b"<html>Sign in</html>").await;
    let endpoint = format!("http://{}", receiver.address());
    let report = doctor(&[(ENDPOINT, &endpoint), SOON], None).await;
    all_died(&report, "answer", &["not an OTLP receiver"]);
}

#[tokio::test]
async fn partial_success_is_a_failure_with_the_word_of_the_receiver() {
    let receiver = answering(200, "application/x-protobuf", REFUSED_ONE).await;
    let endpoint = format!("http://{}", receiver.address());
    let report = doctor(&[(ENDPOINT, &endpoint), SOON], None).await;
    all_died(&report, "partial success", &["too old"]);
}

#[tokio::test]
async fn receiver_that_never_answers_is_given_up() {
    let endpoint = format!("http://{}", silent().await);
    let report = doctor(&[(ENDPOINT, &endpoint), SOON], None).await;
    all_died(&report, "answer", &["no answer in time", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
}

#[tokio::test]
async fn wrong_protocol_for_the_port_is_suspected() {
    let receiver = OtlpReceiver::start().await;
    let http_to_grpc = format!("http://{}", receiver.grpc());
    let report = doctor(&[(ENDPOINT, &http_to_grpc), SOON], None).await;
    all_died(&report, "exchange", &["another protocol", "rpc://"]);
}

#[tokio::test]
async fn headers_with_credentials_are_never_shown() {
    let receiver = answering(401, "text/plain", b"no").await;
    let endpoint = format!("http://{}/?token=in-the-query", receiver.address());
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20in-a-header");
    let report = doctor(&[(ENDPOINT, &endpoint), headers, SOON], None).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    for secret in ["in-the-query", "in-a-header"] {
        assert!(!format!("{report:?}").contains(secret), "{report:?}");
    }
}

#[tokio::test]
async fn signals_are_judged_apart() {
    let receiver = OtlpReceiver::start().await;
    let (whole, down) = (format!("http://{}", receiver.http()), format!("http://{}", closed()));
    let logs = ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", down.as_str());
    let report = doctor(&[(ENDPOINT, &whole), logs, SOON], None).await;
    works(&report, "traces", &[]);
    died(&report, "logs", "connect", &["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"]);
    works(&report, "metrics", &[]);
    assert!(report.stdout.ends_with("1 thing does not work.\n"), "{report:?}");
}

/// Asserts that every signal died at `step`, for a reason with these words.
fn all_died(report: &Finished, step: &str, words: &[&str]) {
    for signal in SIGNALS {
        died(report, signal, step, words);
    }
}
