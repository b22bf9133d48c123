//! Items on standard output, one JSON object per line: `OTEL_TRACES_EXPORTER=console`, and so for logs and metrics.

mod log;
mod metric;
mod writer;

use std::io;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};

use self::writer::Writer;
use super::error::ExportError;
use super::worker::{Accepted, Closing, Sink};
use crate::span::data::{SpanData, SpanStatus};

/// Writes batches to standard output.
#[derive(Debug)]
pub(crate) struct ConsoleSink;

impl Sink<Box<SpanData>> for ConsoleSink {
    async fn export(
        &self,
        batch: Vec<Box<SpanData>>,
        _: &Closing,
    ) -> Result<Accepted, ExportError> {
        print(batch, |span| line(span)).await
    }
}

/// Writes a line for each item.
async fn print<T: Send + 'static>(
    batch: Vec<T>,
    line: fn(&T) -> Value,
) -> Result<Accepted, ExportError> {
    let mut text = String::new();
    for item in batch {
        text.push_str(&line(&item).to_string());
        text.push('\n');
    }
    let writer = writer().map_err(ExportError::Output)?;
    writer.write(text).await.map_err(ExportError::Output)?;
    Ok(Accepted::default())
}

/// The writer of standard output, which the process has once; started when something is written for the first time.
fn writer() -> io::Result<Writer> {
    static WRITER: Mutex<Option<Writer>> = Mutex::new(None);
    let mut writer = WRITER.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(writer) = &*writer {
        return Ok(writer.clone());
    }
    let started = Writer::start(io::stdout())?;
    *writer = Some(started.clone());
    Ok(started)
}

fn line(span: &SpanData) -> Value {
    let (attributes, _) = span.attributes.as_list();
    let attributes: Map<String, Value> = attributes
        .iter()
        .map(|attribute| (attribute.key.to_string(), value(&attribute.value)))
        .collect();
    let (status, description) = match &span.status {
        SpanStatus::Unset => ("unset", None),
        SpanStatus::Ok => ("ok", None),
        SpanStatus::Error(description) => ("error", Some(description)),
    };
    let links: Vec<Value> = span
        .links
        .iter()
        .map(|link| json!({ "trace_id": link.trace_id.to_string(), "span_id": link.span_id.to_string() }))
        .collect();
    json!({
        "span": span.name,
        "kind": format!("{:?}", span.kind).to_ascii_lowercase(),
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_span_id": span.parent_span_id.to_string(),
        // As text: JSON numbers lose the last digits.
        "start_unix_nano": span.start_unix_nano.to_string(),
        "end_unix_nano": span.end_unix_nano.to_string(),
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
