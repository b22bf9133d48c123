//! Keeps finished spans in memory, for the demo and for tests; works beside any exporter.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::SpanKind;
use opentelemetry::{SpanId, Value};
use tokio::sync::watch;

use crate::span::data::{SpanData, SpanStatus, system_time};

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
    /// The attributes.
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

impl FinishedSpan {
    /// Writes a span as plain data.
    pub(crate) fn new(span: &SpanData, resource: &[(String, Value)]) -> Self {
        let (attributes, _) = span.attributes.as_list();
        let attributes =
            attributes.iter().map(|it| (it.key.as_str().to_owned(), it.value.clone())).collect();
        let parent = span.parent_span_id;
        let links =
            span.links.iter().map(|link| (link.trace_id.to_string(), link.span_id.to_string()));
        Self {
            name: span.name.to_string(),
            kind: span.kind.clone(),
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_span_id: (parent != SpanId::INVALID).then(|| parent.to_string()),
            parent_is_remote: span.parent_is_remote,
            attributes,
            status: span.status.clone(),
            start: system_time(span.start_unix_nano),
            end: system_time(span.end_unix_nano),
            links: links.collect(),
            resource: resource.to_vec(),
        }
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The time from start to end.
    pub fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

/// Gets every recorded span when it has ended, besides the exporters.
pub trait SpanSink: Debug + Send + Sync {
    /// Takes a span. Runs where the span ends, so it must not wait.
    fn finished(&self, span: FinishedSpan);
}

/// Keeps the last finished spans; clones see the same ones.
///
/// Give a clone to [`crate::Telemetry::from_env`] and keep the other.
#[derive(Clone, Debug)]
pub struct SpanRecorder {
    shared: Arc<Shared>,
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
        Self { shared: Arc::new(shared) }
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

impl SpanSink for SpanRecorder {
    fn finished(&self, span: FinishedSpan) {
        let mut spans = self.lock();
        while spans.len() >= self.shared.capacity {
            spans.pop_front();
        }
        spans.push_back(span);
        drop(spans);
        self.shared.finished.send_modify(|count| *count += 1);
    }
}
