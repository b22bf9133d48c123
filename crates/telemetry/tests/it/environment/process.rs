//! What is said about the process, which context passes through it, what it samples, and what it says itself.

use http::HeaderMap;
use mcp_gateway_telemetry::log::{Filter, Format, Records, subscriber};
use mcp_gateway_telemetry::{RemoteContext, SHUTDOWN_DEADLINE, SpanKind, Telemetry};
use tracing::dispatcher::{Dispatch, with_default};

use super::{SIGNALS, batches, emit, send, telemetry};
use crate::support::log::Stdout;
use crate::support::receiver::Receiver;
use crate::support::{root, run};

#[test]
fn every_signal_says_what_the_process_is() {
    for (variable, value, key, expect) in [
        ("OTEL_SERVICE_NAME", "edge", "service.name", "edge"),
        ("OTEL_SERVICE_VERSION", "7", "service.version", "7"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b", "team", "a b"),
    ] {
        run(async {
            let receiver = Receiver::start().await;
            send(&receiver, &[(variable, value)]).await;
            for signal in SIGNALS {
                let found = batches(&receiver, signal).first().and_then(|b| b.resource(key));
                assert_eq!(found.as_deref(), Some(expect), "{variable} in {signal}");
            }
        });
    }
}

#[test]
fn what_is_disabled_is_not_sent() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = send(&receiver, &[("OTEL_SDK_DISABLED", "true")]).await;
        assert!(!telemetry.tracer().is_on() && telemetry.status().exporters().is_empty());
        assert_eq!(receiver.batches().len(), 0);
    });
}

#[test]
fn a_signal_without_exporter_is_not_sent() {
    for signal in SIGNALS {
        run(async {
            let receiver = Receiver::start().await;
            let variable = format!("OTEL_{}_EXPORTER", signal.variable());
            send(&receiver, &[(&variable, "none")]).await;
            for other in SIGNALS {
                assert_eq!(receiver.items(other) > 0, other != signal, "{variable}: {other}");
            }
        });
    }
}

#[test]
fn the_sampler_keeps_its_part_of_all_traces() {
    let kept = |variables: &[(&str, &str)]| {
        run(async {
            let receiver = Receiver::start().await;
            let endpoint = format!("http://localhost:{}", receiver.port);
            let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
            all.extend(variables);
            let telemetry = telemetry(&all);
            emit(&telemetry, 40);
            telemetry.shutdown(SHUTDOWN_DEADLINE).await;
            receiver.names().len()
        })
    };
    let (sampler, part) = ("OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG");
    assert_eq!(kept(&[]), 40);
    assert_eq!(kept(&[(sampler, "always_off")]), 0);
    assert_eq!(kept(&[(sampler, "traceidratio")]), 40);
    assert_eq!(kept(&[(sampler, "traceidratio"), (part, "0")]), 0);
    // Forty of forty, or none, at one in two: less than once in 10^11 runs.
    let half = kept(&[(sampler, "parentbased_traceidratio"), (part, "0.5")]);
    assert!((1..40).contains(&half), "{half}");
}

/// What a request with a trace context gets, and what a server gets.
fn passed(telemetry: &Telemetry) -> (bool, bool) {
    // What one part of the gateway tells another is nobody's choice.
    assert!(root(telemetry, "a").internal_headers().is_some());
    let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut headers = HeaderMap::new();
    let parent = format!("00-{trace_id}-00f067aa0ba902b7-01");
    headers.insert("traceparent", parent.parse().unwrap());
    let parent = telemetry.tracer().extract(&headers);
    let span = telemetry.tracer().start("a", SpanKind::Server, &parent, |_| {});
    (span.trace_id().as_deref() == Some(trace_id), span.headers().is_some())
}

#[test]
fn only_chosen_context_is_read_and_written() {
    run(async {
        for (value, expect) in [
            ("", (true, true)),
            ("tracecontext", (true, true)),
            ("baggage", (false, false)),
            ("none", (false, false)),
        ] {
            let telemetry =
                telemetry(&[("OTEL_TRACES_EXPORTER", "console"), ("OTEL_PROPAGATORS", value)]);
            assert!(telemetry.tracer().is_on());
            assert_eq!(passed(&telemetry), expect, "{value}");
        }
    });
}

#[test]
fn the_vocabulary_reaches_those_who_write_names() {
    run(async {
        for (value, legacy) in [("", true), ("http", false), ("http/dup", true)] {
            let variables =
                [("OTEL_TRACES_EXPORTER", "console"), ("OTEL_SEMCONV_STABILITY_OPT_IN", value)];
            let telemetry = telemetry(&variables);
            assert_eq!(telemetry.tracer().vocabulary().http_legacy, legacy, "{value}");
        }
    });
}

#[test]
fn the_log_level_is_about_the_lines_of_telemetry_alone() {
    for (value, own, others) in
        [("", "INFO", "INFO"), ("debug", "DEBUG", "INFO"), ("error", "ERROR", "INFO")]
    {
        let telemetry = telemetry(&[("OTEL_LOG_LEVEL", value)]);
        let filter: Filter = "info".parse().unwrap();
        let (stdout, filter) = (Stdout::default(), filter.with_telemetry(telemetry.log_level()));
        let writer = stdout.clone();
        let (subscriber, _) =
            subscriber(Format::Json, filter, move || writer.clone(), Records::off());
        with_default(&Dispatch::new(subscriber), || {
            tracing::error!(target: "mcp_gateway_telemetry::export", "own");
            tracing::info!(target: "mcp_gateway_telemetry::export", "own");
            tracing::debug!(target: "mcp_gateway_telemetry::export", "own");
            tracing::error!(target: "mcp_gateway_dataplane", "others");
            tracing::info!(target: "mcp_gateway_dataplane", "others");
            tracing::debug!(target: "mcp_gateway_dataplane", "others");
        });
        let least = |message: &str| {
            let lines = stdout.lines();
            let last = lines.iter().rfind(|line| line["message"] == message);
            last.map(|line| line["level"].as_str().unwrap().to_owned())
        };
        assert_eq!(least("own").as_deref(), Some(own), "{value}");
        assert_eq!(least("others").as_deref(), Some(others), "{value}");
    }
}

#[test]
fn spans_of_callers_that_are_not_sampled_follow_the_sampler() {
    run(async {
        let parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let caller = RemoteContext::extract(Some(parent.as_slice()), None);
        for (value, recorded) in [("", false), ("always_on", true)] {
            let variables = [("OTEL_TRACES_EXPORTER", "console"), ("OTEL_TRACES_SAMPLER", value)];
            let telemetry = telemetry(&variables);
            let span = telemetry.tracer().start("a", SpanKind::Server, &caller, |_| {});
            assert_eq!(span.is_recording(), recorded, "{value}");
            assert!(root(&telemetry, "b").is_recording(), "{value}");
        }
    });
}
