//! Items on standard output, one JSON object per line: `OTEL_TRACES_EXPORTER=console`, and so for logs and metrics.

mod log;
mod metric;

use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Map, Value, json};

use super::error::ExportError;
use super::span::keep_last;
use super::worker::{Accepted, Closing, Sink};

/// Writes batches to standard output.
#[derive(Debug)]
pub(crate) struct ConsoleSink;

impl Sink<SpanData> for ConsoleSink {
    async fn export(&self, batch: Vec<SpanData>, _: &Closing) -> Result<Accepted, ExportError> {
        print(batch, line).await
    }
}

/// Writes a line for each item.
async fn print<T: Send + 'static>(
    batch: Vec<T>,
    line: fn(T) -> Value,
) -> Result<Accepted, ExportError> {
    // Standard output may be a pipe that nobody reads; the export thread must not wait for it.
    let written = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        for item in batch {
            text.push_str(&line(item).to_string());
            text.push('\n');
        }
        io::stdout().lock().write_all(text.as_bytes())
    });
    let written = written.await.unwrap_or_else(|error| Err(io::Error::other(error)));
    written.map(|()| Accepted::default()).map_err(ExportError::Output)
}

fn line(mut span: SpanData) -> Value {
    keep_last(&mut span.attributes);
    let attributes: Map<String, Value> = span
        .attributes
        .iter()
        .map(|attribute| (attribute.key.to_string(), value(&attribute.value)))
        .collect();
    let (status, description) = match &span.status {
        Status::Unset => ("unset", None),
        Status::Ok => ("ok", None),
        Status::Error { description } => ("error", Some(description.as_ref())),
    };
    let links: Vec<Value> = span
        .links
        .iter()
        .map(|link| {
            let context = &link.span_context;
            json!({ "trace_id": context.trace_id().to_string(), "span_id": context.span_id().to_string() })
        })
        .collect();
    json!({
        "span": span.name,
        "kind": format!("{:?}", span.span_kind).to_ascii_lowercase(),
        "trace_id": span.span_context.trace_id().to_string(),
        "span_id": span.span_context.span_id().to_string(),
        "parent_span_id": span.parent_span_id.to_string(),
        "start_unix_nano": nanos(span.start_time),
        "end_unix_nano": nanos(span.end_time),
        "status": status,
        "status_description": description,
        "attributes": attributes,
        "links": links,
    })
}

fn value(value: &opentelemetry::Value) -> Value {
    match value {
        opentelemetry::Value::Bool(value) => json!(value),
        opentelemetry::Value::I64(value) => json!(value),
        opentelemetry::Value::F64(value) => json!(value),
        opentelemetry::Value::String(value) => json!(value.as_str()),
        opentelemetry::Value::Array(_) | _ => json!(value.to_string()),
    }
}

/// Nanoseconds since 1970, as text: JSON numbers lose the last digits.
fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}
