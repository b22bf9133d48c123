//! Telemetry about telemetry: the accounts of the exporters as metrics, under the names of the OpenTelemetry SDK.
//!
//! A series without `error_type` (an empty label) is what went well, as the conventions want it.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::name::metric as name;
use crate::signal::Signal;
use crate::status::{ExporterStatus, Status};

/// Reads one number of an account.
type Reading = fn(&ExporterStatus) -> u64;

/// Reads the accounts when metrics are scraped.
#[derive(Debug)]
pub(super) struct SelfReport(Status);

impl SelfReport {
    pub(super) fn new(status: Status) -> Self {
        Self(status)
    }
}

impl Collector for SelfReport {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Traces that were not recorded because the caller said sampled=0";
        let counter = MetricType::Counter;
        let metric = encoder.encode_descriptor(name::NOT_SAMPLED_BY_PARENT, help, None, counter)?;
        ConstCounter::new(self.0.not_sampled_by_parent()).encode(metric)?;

        // The names below are those for spans.
        let mut exporters = self.0.exporters();
        exporters.retain(|exporter| exporter.signal == Signal::Traces);
        if exporters.is_empty() {
            return Ok(());
        }
        let help = "Spans that left the queue for the exporter, and with error_type those that were dropped";
        let mut metric = encoder.encode_descriptor(name::OTEL_PROCESSED, help, None, counter)?;
        for exporter in &exporters {
            let lost = exporter.dropped.iter().map(|(reason, count)| (reason.as_str(), *count));
            let sent = exporter.exported + exporter.failed_total() + exporter.in_flight;
            outcomes(&mut metric, exporter, sent, lost)?;
        }
        let help =
            "Spans that the receiver acknowledged, and with error_type those that it did not";
        let mut metric = encoder.encode_descriptor(name::OTEL_EXPORTED, help, None, counter)?;
        for exporter in &exporters {
            let lost = exporter.failed.iter().map(|(reason, count)| (reason.as_str(), *count));
            outcomes(&mut metric, exporter, exporter.exported, lost)?;
        }
        let gauges: [(&str, &str, Reading); 3] = [
            (name::OTEL_INFLIGHT, "Spans on their way to the receiver", |status| status.in_flight),
            (name::OTEL_QUEUE_SIZE, "Spans that wait for the exporter", |status| status.queued),
            (name::OTEL_QUEUE_CAPACITY, "The most spans that may wait", |status| {
                status.queue_capacity
            }),
        ];
        for (name, help, value) in gauges {
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for exporter in &exporters {
                let labels = [("otel_component_type", exporter.component)];
                let gauge = ConstGauge::new(i64::try_from(value(exporter)).unwrap_or(i64::MAX));
                gauge.encode(metric.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn outcomes(
    metric: &mut MetricEncoder<'_>,
    exporter: &ExporterStatus,
    well: u64,
    lost: impl Iterator<Item = (&'static str, u64)>,
) -> fmt::Result {
    for (error_type, count) in std::iter::once(("", well)).chain(lost) {
        let labels = [("otel_component_type", exporter.component), ("error_type", error_type)];
        ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
    }
    Ok(())
}
