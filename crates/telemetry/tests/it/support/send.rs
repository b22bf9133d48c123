//! One item of any signal, on its way like in the gateway.

use mcp_gateway_telemetry::status::ExporterStatus;
use mcp_gateway_telemetry::{FlushReport, Metrics, SHUTDOWN_DEADLINE, Signal, Telemetry};
use tracing::Dispatch;
use tracing::dispatcher::with_default;

use super::log::Stdout;
use super::{root, telemetry};

/// Every signal.
pub(crate) const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

/// A gateway that has only telemetry.
pub(crate) struct Sender {
    pub(crate) telemetry: Telemetry,
    pub(crate) dispatch: Dispatch,
    pub(crate) metrics: Metrics,
}

impl Sender {
    /// Makes one that exports what the table asks for; nothing leaves before the end unless a batch is full.
    pub(crate) fn new(variables: &[(&str, &str)]) -> Self {
        let late = [
            ("OTEL_TRACES_EXPORTER", "none"),
            ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "60000"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "60000"),
        ];
        let all: Vec<_> = late.iter().chain(variables).copied().collect();
        let telemetry = telemetry(&all);
        let (dispatch, _) = Stdout::default().logging("trace", &telemetry);
        let metrics = Metrics::new(telemetry.status());
        telemetry.start_metrics(&metrics);
        Self { telemetry, dispatch, metrics }
    }

    /// Makes one item; metrics are there all the time.
    pub(crate) fn make(&self, signal: Signal, marker: &'static str) {
        match signal {
            Signal::Traces => root(&self.telemetry, marker).end(),
            Signal::Logs => with_default(&self.dispatch, || {
                tracing::info!(target: "mcp_gateway_test", { marker }, "{marker}");
            }),
            Signal::Metrics => self.metrics.limit_reached(marker),
        }
    }

    /// Sends everything; says what came of it.
    pub(crate) async fn finish(&self) -> FlushReport {
        self.telemetry.shutdown(SHUTDOWN_DEADLINE).await
    }

    /// The account of the exporter of one signal; not the one of audit events.
    pub(crate) fn account(&self, signal: Signal) -> ExporterStatus {
        let mut all = self.telemetry.status().exporters().into_iter();
        all.find(|status| status.items == signal.as_str()).unwrap_or_else(|| panic!("{signal}"))
    }
}

/// The variable that chooses the exporters of a signal: `OTEL_LOGS_EXPORTER`.
pub(crate) fn exporter_variable(signal: Signal) -> String {
    format!("OTEL_{}_EXPORTER", signal.variable())
}
