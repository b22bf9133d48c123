//! What the environment says about metrics: whether, where and how often they are pushed.
//!
//! That they can be fetched at `/metrics` is for the configuration file.

use std::time::Duration;

use super::batch::WAIT_MS_MAX;
use super::exporters::Chosen;
use super::otlp::Otlp;
use super::reader::Reader;
pub(crate) use crate::metrics::{ExemplarFilter, Temporality};
use crate::signal::Signal;

/// Time between two exports when the environment says nothing, from the specification.
const INTERVAL: Duration = Duration::from_secs(60);
/// Time for one export when the environment says nothing, from the specification.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the environment says about metrics.
#[derive(Debug)]
pub(crate) struct MetricsExport {
    /// Metrics are pushed to a receiver.
    pub(crate) otlp: Option<Otlp>,
    /// Metrics are written to standard output.
    pub(crate) console: bool,
    /// The time between two exports.
    pub(crate) interval: Duration,
    /// The time for one export, whatever the exporter allows itself.
    pub(crate) timeout: Duration,
    pub(crate) temporality: Temporality,
    /// Which measurements become exemplars, at `/metrics` too.
    pub(crate) exemplars: ExemplarFilter,
}

impl MetricsExport {
    /// Reads everything about metrics.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let chosen = Chosen::read(reader, Signal::Metrics);
        for variable in ["OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT"] {
            if reader.text(variable).is_some() {
                let message = "has no effect: metrics are served at /metrics on the admin listener \
                               (adminListen, --admin-listen)";
                reader.info(variable, message.to_owned());
            }
        }
        let otlp = if chosen.otlp { Otlp::read(reader, Signal::Metrics) } else { None };
        aggregation(reader);
        Self {
            otlp,
            console: chosen.console,
            interval: wait(reader, "OTEL_METRIC_EXPORT_INTERVAL", "interval", INTERVAL),
            timeout: wait(reader, "OTEL_METRIC_EXPORT_TIMEOUT", "export_timeout", TIMEOUT),
            temporality: reader.word(
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
                "metrics.temporality",
                ("cumulative", Temporality::Cumulative),
                &[("delta", Temporality::Delta), ("lowmemory", Temporality::LowMemory)],
            ),
            exemplars: reader.word(
                "OTEL_METRICS_EXEMPLAR_FILTER",
                "metrics.exemplar_filter",
                ("trace_based", ExemplarFilter::TraceBased),
                &[
                    ("always_on", ExemplarFilter::AlwaysOn),
                    ("always_off", ExemplarFilter::AlwaysOff),
                ],
            ),
        }
    }
}

fn wait(reader: &mut Reader<'_>, variable: &str, what: &str, default: Duration) -> Duration {
    let found = reader.millis(variable, WAIT_MS_MAX);
    let wait = found.unwrap_or(default);
    reader.note(&format!("metrics.{what}"), format!("{wait:?}"), found.map(|_| variable));
    wait
}

/// Reads the preferred form of histograms, of which there is one.
fn aggregation(reader: &mut Reader<'_>) {
    let variable = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION";
    let only = "explicit_bucket_histogram";
    if let Some(word) = reader.text(variable)
        && !word.eq_ignore_ascii_case(only)
    {
        reader.warn(variable, format!("`{word}` is not {only}, the only form there is, ignored"));
    }
}
