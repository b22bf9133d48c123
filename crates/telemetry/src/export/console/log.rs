//! Log records as lines: `OTEL_LOGS_EXPORTER=console`.

use serde_json::{Map, Value, json};

use super::{ConsoleSink, print, value};
use crate::export::error::ExportError;
use crate::export::log::severity;
use crate::export::worker::{Accepted, Closing, Sink};
use crate::log::LogRecord;

impl Sink<LogRecord> for ConsoleSink {
    async fn export(&self, batch: Vec<LogRecord>, _: &Closing) -> Result<Accepted, ExportError> {
        print(batch, line).await
    }
}

fn line(record: &LogRecord) -> Value {
    let attributes: Map<String, Value> = record
        .attributes
        .iter()
        .map(|attribute| (attribute.key.to_string(), value(&attribute.value)))
        .collect();
    json!({
        "log": record.body,
        "severity": record.level.as_str(),
        "severity_number": i32::from(severity(record.level)),
        "time_unix_nano": record.time_unix_nano.to_string(),
        "scope": record.target,
        "event_name": record.event_name,
        "trace_id": record.trace.map(|trace| trace.trace_id.to_string()),
        "span_id": record.trace.map(|trace| trace.span_id.to_string()),
        "attributes": attributes,
    })
}
