//! What each variable of the environment changes, seen from outside: at receivers, in headers, in log lines.
//!
//! `docs/reference/environment.md` names these tests. Each fails when its variable is ignored.

mod batches;
mod limits;
mod metrics;
mod otlp;
mod process;

use mcp_gateway_telemetry::status::ExporterStatus;
use mcp_gateway_telemetry::{Metrics, SHUTDOWN_DEADLINE, Signal, Telemetry};
use tracing::dispatcher::with_default;

use crate::support::log::Stdout;
use crate::support::receiver::{Batch, Receiver};
use crate::support::{root, try_telemetry};

const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

/// Telemetry with exactly these variables.
fn telemetry(variables: &[(&str, &str)]) -> Telemetry {
    let (telemetry, _) = try_telemetry(variables).unwrap_or_else(|problems| panic!("{problems:?}"));
    telemetry
}

/// Makes `count` spans and log records, and lets metrics be read.
fn emit(telemetry: &Telemetry, count: usize) {
    telemetry.start_metrics(&Metrics::new(telemetry.status()));
    let (dispatch, _) = Stdout::default().logging("info", telemetry);
    for _ in 0..count {
        root(telemetry, "a").end();
        with_default(&dispatch, || tracing::info!(target: "mcp_gateway_test", "Said."));
    }
}

/// Sends something of every signal; the way is http unless the variables say otherwise.
async fn send(receiver: &Receiver, variables: &[(&str, &str)]) -> Telemetry {
    let endpoint = format!("http://localhost:{}", receiver.port);
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    all.extend(variables);
    let telemetry = telemetry(&all);
    emit(&telemetry, 1);
    telemetry.shutdown(SHUTDOWN_DEADLINE).await;
    telemetry
}

/// What came of one signal.
fn batches(receiver: &Receiver, signal: Signal) -> Vec<Batch> {
    let mut batches = receiver.batches();
    batches.retain(|batch| batch.request.signal() == signal);
    batches
}

/// How the export of one signal is doing; audit events have an account of their own.
fn account(telemetry: &Telemetry, signal: Signal) -> ExporterStatus {
    let mut all = telemetry.status().exporters().into_iter();
    all.find(|status| status.signal == signal && status.items != "audit events")
        .unwrap_or_else(|| panic!("{signal}"))
}

/// `TIMEOUT` of one signal: `OTEL_EXPORTER_OTLP_LOGS_TIMEOUT`.
fn of_signal(signal: Signal, what: &str) -> String {
    format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.variable())
}

/// `TIMEOUT` of all signals: `OTEL_EXPORTER_OTLP_TIMEOUT`.
fn of_all(what: &str) -> String {
    format!("OTEL_EXPORTER_OTLP_{what}")
}
