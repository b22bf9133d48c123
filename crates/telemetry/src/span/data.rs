//! What a span consists of, from its start until an exporter has written it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::SpanKind;
use opentelemetry::{SpanId, TraceId};

use crate::attributes::Attributes;

/// One span as data.
#[derive(Clone, Debug)]
pub(crate) struct SpanData {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    /// Zero for a root.
    pub(crate) parent_span_id: SpanId,
    pub(crate) parent_is_remote: bool,
    /// The `tracestate` of the trace.
    pub(crate) state: Option<Arc<str>>,
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: SpanKind,
    pub(crate) start_unix_nano: u64,
    /// Zero until the span ends.
    pub(crate) end_unix_nano: u64,
    pub(crate) attributes: Attributes,
    pub(crate) links: Vec<Link>,
    /// Links that were left out because there were too many.
    pub(crate) links_dropped: u32,
    pub(crate) status: SpanStatus,
}

/// Another span that belongs to the same story.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) sampled: bool,
    /// The other span is in another process.
    pub(crate) is_remote: bool,
    pub(crate) state: Option<Arc<str>>,
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

/// A moment as nanoseconds since 1970.
pub(crate) fn unix_nano(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The moment of so many nanoseconds since 1970.
pub(crate) fn system_time(unix_nano: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nano)
}
