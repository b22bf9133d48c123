//! Starts spans, or does nothing at all.
//!
//! [`Tracer`] is the only door to the SDK for the rest of the gateway. Switched off it holds nothing: starting a span
//! is one branch, without a clock read and without an allocation.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use crate::attributes::Attributes;
use crate::remote::RemoteContext;
use crate::settings::{Propagators, Vocabulary};
use crate::span::Span;

/// The instrumentation scope of every span.
const SCOPE: &str = "mcp-gateway";

/// Starts spans; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Arc<Active>>);

/// What a tracer that is on needs.
#[derive(Debug)]
pub(crate) struct Active {
    sdk: SdkTracer,
    propagators: Propagators,
    vocabulary: Vocabulary,
    not_sampled_by_parent: AtomicU64,
}

impl Tracer {
    /// A tracer that does nothing.
    pub const fn off() -> Self {
        Self(None)
    }

    /// A tracer of `provider`.
    pub(crate) fn new(
        provider: &SdkTracerProvider,
        propagators: Propagators,
        vocabulary: Vocabulary,
    ) -> Self {
        let scope =
            InstrumentationScope::builder(SCOPE).with_version(env!("CARGO_PKG_VERSION")).build();
        let sdk = provider.tracer_with_scope(scope);
        let not_sampled_by_parent = AtomicU64::new(0);
        Self(Some(Arc::new(Active { sdk, propagators, vocabulary, not_sampled_by_parent })))
    }

    /// Says whether spans are made at all.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Which names of the semantic conventions spans have, as the environment says.
    pub fn vocabulary(&self) -> Vocabulary {
        self.0.as_ref().map(|active| active.vocabulary).unwrap_or_default()
    }

    /// Which forms of context are read and written; none when off.
    pub fn propagators(&self) -> Propagators {
        self.0.as_ref().map_or(Propagators::NONE, |active| active.propagators)
    }

    /// Reads the caller's trace context from the headers of a request; does not look when off, or when `OTEL_PROPAGATORS` says so.
    pub fn extract(&self, headers: &HeaderMap) -> RemoteContext {
        if self.propagators().trace_context {
            RemoteContext::from_headers(headers)
        } else {
            RemoteContext::none()
        }
    }

    /// Starts a span whose parent is in another process, or a root.
    ///
    /// `attributes` runs only when the span is recorded. The span ends with [`Span::end`] or when its last clone is dropped.
    pub fn start(
        &self,
        name: &'static str,
        kind: SpanKind,
        parent: &RemoteContext,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span {
        match &self.0 {
            Some(active) => active.start_remote((name, kind), parent, None, attributes),
            None => Span::off(),
        }
    }

    /// Starts a span as [`Self::start`] does, with a beginning in the past: a parent may be known only after a while.
    pub fn start_at(
        &self,
        begun: SystemTime,
        span: (&'static str, SpanKind),
        parent: &RemoteContext,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span {
        match &self.0 {
            Some(active) => active.start_remote(span, parent, Some(begun), attributes),
            None => Span::off(),
        }
    }

    /// How many spans were started under a parent that said `sampled=0`, and were therefore not recorded.
    pub fn not_sampled_by_parent(&self) -> u64 {
        self.0.as_ref().map_or(0, |active| active.not_sampled_by_parent.load(Ordering::Relaxed))
    }
}

impl Active {
    /// Starts a span under one of another process.
    fn start_remote(
        self: &Arc<Self>,
        (name, kind): (&'static str, SpanKind),
        parent: &RemoteContext,
        begun: Option<SystemTime>,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span {
        let context = if parent.is_valid() {
            Context::new().with_remote_span_context(parent.span_context().clone())
        } else {
            Context::new()
        };
        let mut builder = SpanBuilder::from_name(name).with_kind(kind);
        builder.start_time = begun;
        let span = self.build(builder, &context, attributes);
        if parent.is_valid() && !parent.is_sampled() && !span.is_recording() {
            self.not_sampled_by_parent.fetch_add(1, Ordering::Relaxed);
        }
        span
    }

    /// Says whether other processes are told about the trace.
    pub(crate) const fn injects(&self) -> bool {
        self.propagators.trace_context
    }

    /// Starts a span under the span of `parent`.
    pub(crate) fn start(
        self: &Arc<Self>,
        name: Cow<'static, str>,
        kind: SpanKind,
        parent: &Context,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span {
        self.build(SpanBuilder::from_name(name).with_kind(kind), parent, attributes)
    }

    fn build(
        self: &Arc<Self>,
        builder: SpanBuilder,
        parent: &Context,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span {
        let mut span = self.sdk.build_with_context(builder, parent);
        if !span.is_recording() {
            // Nothing but the ids is needed: they still go into headers and log lines.
            let context = Context::new().with_remote_span_context(span.span_context().clone());
            return Span::new(context, Arc::clone(self), false);
        }
        let mut collected = Attributes::new();
        attributes(&mut collected);
        span.set_attributes(collected.into_vec());
        Span::new(Context::new().with_span(span), Arc::clone(self), true)
    }
}
