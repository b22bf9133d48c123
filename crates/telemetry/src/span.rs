//! The handle of one span, which is free when telemetry is off.
//!
//! A [`Span`] is either nothing, and then every method is one branch, or a shared record that is handed over when it
//! ends. Parents are explicit: a child is made from its parent's handle, never from a thread's state. Only log lines
//! read the current span, which [`Span::instrument`] and [`Span::in_scope`] set.

mod current;
pub(crate) mod data;

use std::borrow::Cow;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::SpanKind;
use opentelemetry::{SpanId, TraceFlags, TraceId};

pub use self::current::current;
use self::current::{Instrumented, in_scope};
use self::data::{Link, SpanData, SpanStatus};
use crate::attributes::{Attributes, VALUE_BYTES_MAX, truncate};
use crate::metrics::Exemplar;
use crate::name::attribute;
use crate::remote::RemoteContext;
use crate::sampling::Facts;
use crate::shared::Shared;
use crate::trace::Trace;
use crate::tracer::{Active, random_span_id};

/// One span. Clones are the same span; it ends with [`Span::end`] or with the last clone.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Shared<Inner>>);

/// What the clones of a span share.
#[derive(Debug)]
struct Inner {
    trace: Arc<Trace>,
    span_id: SpanId,
    /// The first span of its trace in this process.
    is_root: bool,
    /// Whether there was a record at the start, so that asking costs no lock.
    has_record: bool,
    /// The record, until the span ends; absent from the start when the trace is not recorded.
    record: Mutex<Option<Box<SpanData>>>,
}

/// What a span begins under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parent {
    /// Nothing: it is the first of its trace.
    None,
    /// A span of another process: it is the first here.
    Remote(SpanId),
    /// A span of this process.
    Local(SpanId),
}

/// What a request to another process carries, so that its spans become children of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceHeaders {
    /// `00-<trace id>-<span id>-<flags>`.
    pub traceparent: String,
    /// The list of the caller, never empty.
    pub tracestate: Option<String>,
}

impl Span {
    /// A span that does nothing.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Starts the first span of a trace in this process, now or when it has `begun`.
    pub(crate) fn root(
        tracer: &Shared<Active>,
        (name, kind): (&'static str, SpanKind),
        parent: &RemoteContext,
        begun: Option<SystemTime>,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Self {
        let trace = Trace::begin(tracer, parent, begun);
        let parent = if parent.is_valid() { Parent::Remote(parent.ids().1) } else { Parent::None };
        let is_forced = trace.is_forced();
        Self::start(
            trace,
            parent,
            || Cow::Borrowed(name),
            kind,
            |a| {
                attributes(a);
                if is_forced {
                    a.put(attribute::SAMPLING_REASON, attribute::SAMPLING_REASON_FORCED);
                }
            },
        )
    }

    fn start(
        trace: Arc<Trace>,
        parent: Parent,
        name: impl FnOnce() -> Cow<'static, str>,
        kind: SpanKind,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Self {
        let span_id = random_span_id();
        let is_root = !matches!(parent, Parent::Local(_));
        let record = trace.may_be_recorded().then(|| {
            let start_unix_nano =
                if is_root { trace.root_unix_nano() } else { trace.now_unix_nano() };
            let (parent_span_id, parent_is_remote) = match parent {
                Parent::None => (SpanId::INVALID, false),
                Parent::Remote(id) => (id, true),
                Parent::Local(id) => (id, false),
            };
            let mut collected = Attributes::with_room(trace.tracer.bounds);
            attributes(&mut collected);
            Box::new(SpanData {
                trace_id: trace.id,
                span_id,
                parent_span_id,
                parent_is_remote,
                state: trace.state.clone(),
                name: name(),
                kind,
                start_unix_nano,
                end_unix_nano: 0,
                attributes: collected,
                links: Vec::new(),
                links_dropped: 0,
                status: SpanStatus::Unset,
            })
        });
        let has_record = record.is_some();
        let record = Mutex::new(record);
        Self(Shared::new(Inner { trace, span_id, is_root, has_record, record }))
    }

    /// Says whether attributes of this span are of use: it is recorded, or may still be.
    pub fn is_recording(&self) -> bool {
        self.recording().is_some()
    }

    /// Starts a child. `attributes` runs only when the child may be recorded.
    #[must_use]
    pub fn child(
        &self,
        name: &'static str,
        kind: SpanKind,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Self {
        let Some(inner) = &self.0 else {
            return Self::off();
        };
        let (trace, parent) = (Arc::clone(&inner.trace), Parent::Local(inner.span_id));
        Self::start(trace, parent, || Cow::Borrowed(name), kind, attributes)
    }

    /// Starts a child with a computed name. `name` and `attributes` run only when the child may be recorded.
    #[must_use]
    pub fn child_named(
        &self,
        name: impl FnOnce() -> String,
        kind: SpanKind,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Self {
        let Some(inner) = &self.0 else {
            return Self::off();
        };
        let (trace, parent) = (Arc::clone(&inner.trace), Parent::Local(inner.span_id));
        Self::start(trace, parent, || Cow::Owned(bounded(name())), kind, attributes)
    }

    /// Decides whether the trace is recorded, once its message is known; later and at other spans this does nothing.
    ///
    /// Before, everything is held back. A trace whose message never becomes known is decided without it.
    pub fn decide(&self, facts: &Facts<'_>) {
        if let Some(inner) = &self.0 {
            inner.trace.decide(facts);
        }
    }

    /// Sets attributes. `attributes` runs only when the span may be recorded; a name that is set again gets the new value.
    pub fn set(&self, attributes: impl FnOnce(&mut Attributes)) {
        if let Some(inner) = self.recording() {
            let mut collected = Attributes::new(inner.trace.tracer.bounds);
            attributes(&mut collected);
            if let Some(record) = inner.lock().as_mut() {
                record.attributes.merge(collected);
            }
        }
    }

    /// Links another span to this one, for stories that several traces share.
    pub fn link(&self, other: &Self) {
        if let (Some(inner), Some(other)) = (self.recording(), &other.0) {
            inner.link(Link {
                trace_id: other.trace.id,
                span_id: other.span_id,
                sampled: other.trace.is_sampled(),
                is_remote: false,
                state: other.trace.state.clone(),
            });
        }
    }

    /// Links a span of another process to this one.
    pub fn link_remote(&self, other: &RemoteContext) {
        if let Some(inner) = self.recording()
            && other.is_valid()
        {
            let (trace_id, span_id) = other.ids();
            inner.link(Link {
                trace_id,
                span_id,
                sampled: other.is_sampled(),
                is_remote: true,
                state: other.state().cloned(),
            });
        }
    }

    /// Marks the span as failed, and its trace as one to keep. `description` runs only when the span may be recorded, and
    /// is cut to [`VALUE_BYTES_MAX`].
    pub fn fail(&self, description: impl FnOnce() -> String) {
        if self.has_failed(description)
            && let Some(inner) = &self.0
        {
            inner.trace.failed();
        }
    }

    /// Marks the span alone as failed: what it stands for is done once more, and its trace is not kept for it.
    pub fn fail_before_retry(&self, description: impl FnOnce() -> String) {
        self.has_failed(description);
    }

    /// Says that the response goes on as a stream of unknown length: whether the trace is recorded is decided now.
    ///
    /// A stream that is open for long is not slow, and its spans are not held until it ends.
    pub fn streams(&self) {
        if let Some(inner) = self.recording() {
            inner.trace.streams();
        }
    }

    /// Ends the span; what is set afterwards is lost.
    pub fn end(&self) {
        if let Some(inner) = &self.0 {
            inner.end();
        }
    }

    /// The headers by which another process continues this trace, sampled or not; none when `OTEL_PROPAGATORS` says so.
    ///
    /// Decides when it is still open whether the trace is recorded.
    pub fn headers(&self) -> Option<TraceHeaders> {
        if self.0.as_ref()?.trace.tracer.injects() { self.internal_headers() } else { None }
    }

    /// The same for another part of this gateway, whatever `OTEL_PROPAGATORS` says.
    pub fn internal_headers(&self) -> Option<TraceHeaders> {
        let inner = self.0.as_ref()?;
        let trace = &inner.trace;
        let flags = u8::from(trace.is_sampled_for_others());
        let traceparent = format!("00-{}-{}-{flags:02x}", trace.id, inner.span_id);
        let tracestate = trace.state.as_deref().map(str::to_owned);
        Some(TraceHeaders { traceparent, tracestate })
    }

    /// The trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<String> {
        self.0.as_ref().map(|inner| inner.trace.id.to_string())
    }

    /// The span: 16 hexadecimal digits.
    pub fn span_id(&self) -> Option<String> {
        self.0.as_ref().map(|inner| inner.span_id.to_string())
    }

    /// The context as another process would extract it from [`Span::headers`].
    pub fn remote(&self) -> RemoteContext {
        self.0.as_ref().map_or_else(RemoteContext::none, |inner| {
            let trace = &inner.trace;
            let sampled = trace.is_sampled_for_others();
            RemoteContext::of(trace.id, inner.span_id, sampled, trace.state.clone())
        })
    }

    /// The ids by which a metric points to this span, and whether it is sampled; nothing when telemetry is off.
    pub fn exemplar(&self) -> Option<Exemplar> {
        let inner = self.0.as_ref()?;
        Some(Exemplar {
            trace_id: inner.trace.id.to_bytes(),
            span_id: inner.span_id.to_bytes(),
            is_sampled: inner.has_record && inner.trace.is_sampled(),
        })
    }

    /// Runs `future` with this span as the current one, so that its log lines carry `trace_id` and `span_id`.
    pub fn instrument<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        Instrumented::new(future, self.0.clone())
    }

    /// Runs `work` with this span as the current one.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.0 {
            Some(inner) => in_scope(inner, work),
            None => work(),
        }
    }

    /// Writes the failure; false when nobody reads it.
    fn has_failed(&self, description: impl FnOnce() -> String) -> bool {
        let Some(inner) = self.recording() else { return false };
        let description = bounded(description());
        let mut record = inner.lock();
        let Some(record) = record.as_mut() else { return false };
        record.status = SpanStatus::Error(description);
        true
    }

    fn recording(&self) -> Option<&Inner> {
        let inner = self.0.as_ref()?;
        (inner.has_record && inner.trace.may_be_recorded()).then_some(inner)
    }
}

impl Inner {
    /// The ids, and whether the span is sampled.
    fn ids(&self) -> (TraceId, SpanId, TraceFlags) {
        let flags = TraceFlags::NOT_SAMPLED.with_sampled(self.trace.is_sampled());
        (self.trace.id, self.span_id, flags)
    }

    fn link(&self, link: Link) {
        let links_max = self.trace.tracer.links_max;
        if let Some(record) = self.lock().as_mut() {
            if record.links.len() < links_max {
                record.links.push(link);
            } else {
                record.links_dropped += 1;
            }
        }
    }

    /// Hands the record over; once.
    fn end(&self) {
        if !self.has_record {
            return;
        }
        let Some(mut record) = self.lock().take() else { return };
        record.end_unix_nano = self.trace.now_unix_nano();
        if self.is_root {
            self.trace.root_ended(record);
        } else {
            self.trace.ended(record);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Box<SpanData>>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

/// Cuts text to the bound of values.
fn bounded(text: String) -> String {
    if text.len() <= VALUE_BYTES_MAX {
        return text;
    }
    truncate(&text, VALUE_BYTES_MAX).to_owned()
}
