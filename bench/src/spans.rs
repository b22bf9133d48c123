//! What became of the gateway's spans, as its metrics tell.

use anyhow::Context;

/// Counts of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    /// That the receiver has acknowledged.
    pub(crate) exported: u32,
    /// That were dropped, or sent in vain.
    pub(crate) lost: u32,
    /// That wait, or are on their way.
    pub(crate) under_way: u32,
}

impl Spans {
    /// Reads the text of `/metrics`.
    pub(crate) fn read(metrics: &str) -> anyhow::Result<Self> {
        let mut spans = Self::default();
        for line in metrics.lines().filter(|line| line.starts_with("otel_sdk_")) {
            let (series, value) = line.rsplit_once(' ').context("not a metric")?;
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let went_well = !labels.contains("error_type=");
            let count = match (name, went_well) {
                ("otel_sdk_exporter_span_exported_total", true) => &mut spans.exported,
                (
                    "otel_sdk_exporter_span_exported_total"
                    | "otel_sdk_processor_span_processed_total",
                    false,
                ) => &mut spans.lost,
                ("otel_sdk_exporter_span_inflight" | "otel_sdk_processor_span_queue_size", _) => {
                    &mut spans.under_way
                }
                _ => continue,
            };
            *count += value.parse::<u32>().with_context(|| format!("not a count: {line}"))?;
        }
        Ok(spans)
    }

    /// The part of all spans that was lost.
    pub(crate) fn lost_part(self) -> f64 {
        f64::from(self.lost) / f64::from((self.exported + self.lost).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::Spans;

    #[test]
    fn spans_are_counted_by_what_became_of_them() {
        let metrics = r#"# TYPE otel_sdk_exporter_span_exported counter
otel_sdk_processor_span_processed_total{otel_component_type="x"} 90
otel_sdk_processor_span_processed_total{otel_component_type="x",error_type="queue_full"} 10
otel_sdk_exporter_span_exported_total{otel_component_type="x"} 85
otel_sdk_exporter_span_exported_total{otel_component_type="x",error_type="timeout"} 5
otel_sdk_exporter_span_inflight{otel_component_type="x"} 3
otel_sdk_processor_span_queue_size{otel_component_type="x"} 4
otel_sdk_processor_span_queue_capacity{otel_component_type="x"} 2048
# EOF
"#;
        let spans = Spans::read(metrics).unwrap();
        assert_eq!(spans, Spans { exported: 85, lost: 15, under_way: 7 });
        assert!((spans.lost_part() - 0.15).abs() < 1e-9);
    }
}
