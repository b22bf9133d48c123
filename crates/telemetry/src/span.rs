//! The handle of one span, which is free when telemetry is off.
//!
//! A [`Span`] is either nothing, and then every method is one branch, or an OpenTelemetry context. Parents are explicit:
//! a child is made from its parent's handle, never from a thread's state. Only log lines read the current context, which
//! [`Span::instrument`] and [`Span::in_scope`] set.

use std::borrow::Cow;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::Either;
use opentelemetry::Context;
use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanContext, SpanKind, Status, TraceContextExt as _};

use crate::attributes::{Attributes, VALUE_BYTES_MAX, truncate};
use crate::metrics::Exemplar;
use crate::remote::RemoteContext;
use crate::tracer;

/// One span. Clones are the same span; it ends with [`Span::end`] or with the last clone.
#[derive(Clone, Debug, Default)]
pub struct Span(Option<Active>);

#[derive(Clone, Debug)]
struct Active {
    context: Context,
    tracer: Arc<tracer::Active>,
    /// Whether the span is recorded, so that asking costs no lock.
    recording: bool,
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

    pub(crate) fn new(context: Context, tracer: Arc<tracer::Active>, recording: bool) -> Self {
        Self(Some(Active { context, tracer, recording }))
    }

    /// Says whether attributes of this span are kept.
    pub fn is_recording(&self) -> bool {
        self.0.as_ref().is_some_and(|active| active.recording)
    }

    /// Starts a child. `attributes` runs only when the child is recorded.
    #[must_use]
    pub fn child(
        &self,
        name: &'static str,
        kind: SpanKind,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Self {
        let Some(active) = &self.0 else {
            return Self::off();
        };
        active.tracer.start(Cow::Borrowed(name), kind, &active.context, attributes)
    }

    /// Starts a child with a computed name. `name` runs only when telemetry is on, `attributes` only when the child is recorded.
    #[must_use]
    pub fn child_named(
        &self,
        name: impl FnOnce() -> String,
        kind: SpanKind,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Self {
        let Some(active) = &self.0 else {
            return Self::off();
        };
        let name = name();
        let name = truncate(&name, VALUE_BYTES_MAX).to_owned();
        active.tracer.start(Cow::Owned(name), kind, &active.context, attributes)
    }

    /// Sets attributes. `attributes` runs only when the span is recorded; a name that is set twice keeps both, so callers set each once.
    pub fn set(&self, attributes: impl FnOnce(&mut Attributes)) {
        if let Some(active) = self.recording() {
            let mut collected = Attributes::default();
            attributes(&mut collected);
            active.context.span().set_attributes(collected.into_vec());
        }
    }

    /// Links another span to this one, for stories that several traces share.
    pub fn link(&self, other: &Self) {
        if let (Some(active), Some(other)) = (self.recording(), &other.0) {
            active.context.span().add_link(other.span_context(), Vec::new());
        }
    }

    /// Links a span of another process to this one.
    pub fn link_remote(&self, other: &RemoteContext) {
        if let Some(active) = self.recording()
            && other.is_valid()
        {
            active.context.span().add_link(other.span_context().clone(), Vec::new());
        }
    }

    /// Marks the span as failed. `description` runs only when the span is recorded, and is cut to [`VALUE_BYTES_MAX`].
    pub fn fail(&self, description: impl FnOnce() -> String) {
        if let Some(active) = self.recording() {
            let description = description();
            let description = truncate(&description, VALUE_BYTES_MAX).to_owned();
            active.context.span().set_status(Status::error(description));
        }
    }

    /// Ends the span; what is set afterwards is lost.
    pub fn end(&self) {
        if let Some(active) = self.recording() {
            active.context.span().end();
        }
    }

    /// The headers by which another process continues this trace, sampled or not; none when `OTEL_PROPAGATORS` says so.
    pub fn headers(&self) -> Option<TraceHeaders> {
        if self.0.as_ref()?.tracer.injects() { self.internal_headers() } else { None }
    }

    /// The same for another part of this gateway, whatever `OTEL_PROPAGATORS` says.
    pub fn internal_headers(&self) -> Option<TraceHeaders> {
        let context = self.0.as_ref()?.span_context();
        if !context.is_valid() {
            return None;
        }
        let traceparent = format!(
            "00-{}-{}-{:02x}",
            context.trace_id(),
            context.span_id(),
            u8::from(context.is_sampled())
        );
        let tracestate = Some(context.trace_state().header()).filter(|state| !state.is_empty());
        Some(TraceHeaders { traceparent, tracestate })
    }

    /// The trace: 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<String> {
        let context = self.0.as_ref()?.span_context();
        context.is_valid().then(|| context.trace_id().to_string())
    }

    /// The span: 16 hexadecimal digits.
    pub fn span_id(&self) -> Option<String> {
        let context = self.0.as_ref()?.span_context();
        context.is_valid().then(|| context.span_id().to_string())
    }

    /// The context as another process would extract it from [`Span::headers`].
    pub fn remote(&self) -> RemoteContext {
        self.0
            .as_ref()
            .map_or_else(RemoteContext::none, |active| RemoteContext::of(&active.span_context()))
    }

    /// The ids by which a metric points to this span, and whether it is sampled; nothing when telemetry is off.
    pub fn exemplar(&self) -> Option<Exemplar> {
        let context = self.0.as_ref()?.span_context();
        context.is_valid().then(|| Exemplar {
            trace_id: context.trace_id().to_bytes(),
            span_id: context.span_id().to_bytes(),
            is_sampled: context.is_sampled(),
        })
    }

    /// Runs `future` with this span as the current one, so that its log lines carry `trace_id` and `span_id`.
    pub fn instrument<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        match &self.0 {
            Some(active) => Either::Left(future.with_context(active.context.clone())),
            None => Either::Right(future),
        }
    }

    /// Runs `work` with this span as the current one.
    pub fn in_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        let _guard = self.0.as_ref().map(|active| active.context.clone().attach());
        work()
    }

    fn recording(&self) -> Option<&Active> {
        self.0.as_ref().filter(|active| active.recording)
    }
}

impl Active {
    fn span_context(&self) -> SpanContext {
        self.context.span().span_context().clone()
    }
}
