//! Metrics as lines, in the JSON of OTLP: `OTEL_METRICS_EXPORTER=console`.

use opentelemetry_proto::tonic::metrics::v1::Metric;
use serde_json::{Value, json};

use super::{ConsoleSink, print};
use crate::export::error::ExportError;
use crate::export::worker::{Accepted, Closing, Sink};

impl Sink<Metric> for ConsoleSink {
    async fn export(&self, batch: Vec<Metric>, _: &Closing) -> Result<Accepted, ExportError> {
        print(batch, line).await
    }
}

fn line(metric: &Metric) -> Value {
    let mut line = json!({ "metric": metric.name });
    // Serialising this generated type cannot fail: it has no maps and no foreign types.
    if let (Some(line), Ok(Value::Object(rest))) =
        (line.as_object_mut(), serde_json::to_value(metric))
    {
        line.extend(rest.into_iter().filter(|(key, _)| key != "name"));
    }
    line
}
