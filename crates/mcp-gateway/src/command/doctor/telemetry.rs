//! Does telemetry reach its receivers: one item of each signal through the exporters that `serve` would have.
//!
//! The sampler is the only thing that is not as in `serve`: a test span that is not sampled proves nothing, so it is
//! always recorded here, and a remark says what the real sampler would do.

use std::io;
use std::time::Duration;

use mcp_gateway_telemetry::log::{Filter, Format, subscriber};
use mcp_gateway_telemetry::name::span;
use mcp_gateway_telemetry::status::{ExporterStatus, Status};
use mcp_gateway_telemetry::{Metrics, Notice, RemoteContext, Signal, SpanKind, Telemetry};

use super::receiver;
use super::report::{Death, Finding, Verdict};
use crate::observability;

/// The time that all receivers together get to take the test items.
const DEADLINE: Duration = Duration::from_secs(15);

/// What [`ExporterStatus::items`] says of the exporter of audit events.
const AUDIT: &str = "audit events";

/// What was found out about telemetry.
pub(super) struct Checked {
    /// One for each exporter, one for each signal without any; or one for each variable that cannot be used.
    pub(super) findings: Vec<Finding>,
    /// What `serve` would say about variables when it starts.
    pub(super) notices: Vec<Notice>,
}

/// Sends one item of each signal and says what became of it.
pub(super) async fn check() -> Checked {
    // Once as `serve` reads it, for what it says about the environment.
    let (asked, notices) = match observability::telemetry(None) {
        Ok((telemetry, notices)) => (telemetry.status(), notices),
        Err(problems) => {
            let refused = problems.into_iter().map(|problem| Finding {
                subject: problem.path,
                target: String::new(),
                verdict: Verdict::Failed(Death::new(
                    "settings",
                    "The variable cannot be used, and the gateway would not start.",
                    "Correct it as the error says.",
                    &problem.message,
                )),
                remarks: Vec::new(),
            });
            return Checked { findings: refused.collect(), notices: Vec::new() };
        }
    };
    let findings = match observability::telemetry_from(&always_sampled, None) {
        Ok((telemetry, _)) => send(&telemetry, &asked).await,
        Err(_) => Vec::new(), // the same variables were fine a moment ago
    };
    Checked { findings, notices }
}

fn always_sampled(name: &str) -> Option<String> {
    match name {
        "OTEL_TRACES_SAMPLER" => Some("always_on".to_owned()),
        _ => std::env::var(name).ok(),
    }
}

async fn send(telemetry: &Telemetry, asked: &Status) -> Vec<Finding> {
    let span =
        telemetry.tracer().start(span::DOCTOR, SpanKind::Internal, &RemoteContext::none(), |_| {});
    let trace_id = span.trace_id();
    span.in_scope(|| leave_record(telemetry));
    span.end();
    // A flush reads all figures once: those of the process are always there.
    telemetry.start_metrics(&Metrics::new(telemetry.status()));
    telemetry.shutdown(DEADLINE).await;
    let exporters = telemetry.status().exporters();
    let mut findings = Vec::new();
    for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
        let is_own = |exporter: &&ExporterStatus| exporter.signal == signal;
        if !exporters.iter().any(|exporter| is_own(&exporter)) {
            findings.push(without_exporter(signal));
        }
        // Audit events have an exporter of their own, the same way: a test must not look like one of them.
        for exporter in exporters.iter().filter(is_own).filter(|it| it.items != AUDIT) {
            let mut finding = judge(exporter, asked);
            if signal == Signal::Traces {
                let found = trace_id.iter().filter(|_| finding.is_good());
                let remarks: Vec<_> = found.map(|id| format!("Its trace id is {id}.")).collect();
                finding.remarks.extend(remarks.into_iter().chain(sampling(asked)));
            }
            findings.push(finding);
        }
    }
    findings
}

/// Leaves one log record where the exporters find it; nothing of it is printed.
fn leave_record(telemetry: &Telemetry) {
    let Ok(filter) = "info".parse::<Filter>() else { return };
    let (log, _handle) = subscriber(Format::Text, filter, io::sink, telemetry.log_records());
    tracing::subscriber::with_default(log, || {
        tracing::info!("This is the test log record of mcp-gateway doctor.");
    });
}

fn judge(exporter: &ExporterStatus, asked: &Status) -> Finding {
    let signal = exporter.signal;
    let error = exporter.last_error.as_deref().unwrap_or_default();
    let verdict = match exporter.last_cause {
        None if exporter.exported > 0 => {
            Verdict::Works(format!("The test {} taken.", item(signal)))
        }
        Some(cause) => {
            let variable = source(asked, &format!("{signal}.endpoint"));
            Verdict::Failed(receiver::explain(cause, &variable, error))
        }
        None => Verdict::Failed(Death::new(
            "answer",
            format!(
                "It was not known within {DEADLINE:?} whether the test {} taken.",
                item(signal)
            ),
            "Look at the receiver: it hangs, is overloaded, or is no OTLP receiver.",
            error,
        )),
    };
    Finding {
        subject: signal.as_str().to_owned(),
        target: exporter.target.clone(),
        verdict,
        remarks: Vec::new(),
    }
}

const fn item(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "span was",
        Signal::Logs => "log record was",
        Signal::Metrics => "metrics were",
    }
}

/// The variable that a setting comes from.
fn source(status: &Status, name: &str) -> String {
    let found = status.settings().iter().find(|setting| setting.name == name);
    found.map_or_else(|| "OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), |setting| setting.source.clone())
}

/// Says why a signal is not exported; that is a failure when somebody asked for it.
fn without_exporter(signal: Signal) -> Finding {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable());
    let exporter = format!("OTEL_{}_EXPORTER", signal.variable());
    let is_disabled =
        variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let no_endpoint = format!("neither {own} nor OTEL_EXPORTER_OTLP_ENDPOINT is set");
    let verdict = match variable(&exporter) {
        _ if is_disabled => Verdict::Off("Switched off: OTEL_SDK_DISABLED is true.".to_owned()),
        Some(value) if value.to_ascii_lowercase().contains("otlp") => Verdict::Failed(Death::new(
            "settings",
            format!("{exporter} asks for OTLP, but {no_endpoint}."),
            "Set one of them to the address of the receiver.",
            "",
        )),
        Some(value) => Verdict::Off(format!("Not sent over OTLP: {exporter} is {value}.")),
        None => Verdict::Off(format!("Not configured: {no_endpoint}.")),
    };
    let subject = signal.as_str().to_owned();
    Finding { subject, target: String::new(), verdict, remarks: Vec::new() }
}

/// Says so when the sampler drops everything or much: then missing traces are no fault of the way.
fn sampling(status: &Status) -> Option<String> {
    let value = |name: &str| {
        let found = status.settings().iter().find(|setting| setting.name == name);
        found.map(|setting| setting.value.as_str())
    };
    let sampler = value("traces.sampler")?;
    let (is_parent_based, root) = match sampler.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, sampler),
    };
    let ratio = match root {
        "always_off" => 0.0,
        "traceidratio" => value("traces.sampler_arg").map_or(1.0, |arg| arg.parse().unwrap_or(1.0)),
        _ => 1.0,
    };
    let callers = if is_parent_based { ", but for callers that say sampled=1" } else { "" };
    if ratio <= 0.0 {
        return Some(format!(
            "Not sampled: OTEL_TRACES_SAMPLER={sampler} drops every trace{callers}. \
             The test span was sent all the same."
        ));
    }
    let percent = ratio * 100.0;
    (ratio < 1.0).then(|| {
        format!(
            "OTEL_TRACES_SAMPLER={sampler} keeps {percent} % of all traces{callers}: \
             a single call will often have none."
        )
    })
}
