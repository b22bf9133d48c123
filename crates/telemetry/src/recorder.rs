//! Keeps finished spans in memory, for the demo and for tests; works beside any exporter.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};
use tokio::sync::watch;

use crate::export::span::keep_last;

/// A finished span as plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedSpan {
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: SpanKind,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The parent's id; absent for a root.
    pub parent_span_id: Option<String>,
    /// The parent is in another process.
    pub parent_is_remote: bool,
    /// The attributes; of several with one name the last.
    pub attributes: Vec<(String, Value)>,
    /// The status.
    pub status: SpanStatus,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// Trace id and span id of linked spans.
    pub links: Vec<(String, String)>,
    /// What the process says about itself.
    pub resource: Vec<(String, Value)>,
}

/// The status of a finished span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpanStatus {
    /// Nobody said.
    Unset,
    /// It went well.
    Ok,
    /// It failed, with a description.
    Error(String),
}

impl FinishedSpan {
    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The time from start to end.
    pub fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

/// Keeps the last finished spans; clones see the same ones.
///
/// Give a clone to [`crate::Telemetry::from_env`] as a processor and keep the other.
#[derive(Clone, Debug)]
pub struct SpanRecorder {
    shared: Arc<Shared>,
    resource: Arc<[(String, Value)]>,
}

#[derive(Debug)]
struct Shared {
    capacity: usize,
    spans: Mutex<VecDeque<FinishedSpan>>,
    finished: watch::Sender<u64>,
}

impl SpanRecorder {
    /// Makes a recorder of at most `capacity` spans; the oldest makes room for the newest.
    pub fn new(capacity: usize) -> Self {
        let (finished, _) = watch::channel(0);
        let shared = Shared { capacity: capacity.max(1), spans: Mutex::default(), finished };
        Self { shared: Arc::new(shared), resource: Arc::new([]) }
    }

    /// The spans that are kept, in the order in which they ended.
    pub fn finished(&self) -> Vec<FinishedSpan> {
        self.lock().iter().cloned().collect()
    }

    /// The spans of one trace, in the order in which they ended.
    pub fn trace(&self, trace_id: &str) -> Vec<FinishedSpan> {
        self.lock().iter().filter(|span| span.trace_id == trace_id).cloned().collect()
    }

    /// Forgets every span.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Tells about every span that ends: the value is how many there were so far.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.finished.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<FinishedSpan>> {
        self.shared.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SpanProcessor for SpanRecorder {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        let span = finished(span, &self.resource);
        let mut spans = self.lock();
        while spans.len() >= self.shared.capacity {
            spans.pop_front();
        }
        spans.push_back(span);
        drop(spans);
        self.shared.finished.send_modify(|count| *count += 1);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let attributes = resource.iter().map(|(key, value)| (key.to_string(), value.clone()));
        self.resource = attributes.collect();
    }
}

fn finished(mut span: SpanData, resource: &[(String, Value)]) -> FinishedSpan {
    keep_last(&mut span.attributes);
    let parent = span.parent_span_id;
    let no_parent = opentelemetry::trace::SpanId::INVALID;
    FinishedSpan {
        name: span.name.into_owned(),
        kind: span.span_kind,
        trace_id: span.span_context.trace_id().to_string(),
        span_id: span.span_context.span_id().to_string(),
        parent_span_id: (parent != no_parent).then(|| parent.to_string()),
        parent_is_remote: span.parent_span_is_remote,
        attributes: span.attributes.into_iter().map(pair).collect(),
        status: match span.status {
            Status::Unset => SpanStatus::Unset,
            Status::Ok => SpanStatus::Ok,
            Status::Error { description } => SpanStatus::Error(description.into_owned()),
        },
        start: span.start_time,
        end: span.end_time,
        links: span
            .links
            .iter()
            .map(|link| &link.span_context)
            .map(|context| (context.trace_id().to_string(), context.span_id().to_string()))
            .collect(),
        resource: resource.to_vec(),
    }
}

fn pair(attribute: KeyValue) -> (String, Value) {
    (attribute.key.to_string(), attribute.value)
}
