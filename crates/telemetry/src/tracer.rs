//! Starts spans, or does nothing at all.
//!
//! Switched off, [`Tracer`] holds nothing: starting a span is one branch, without a clock read and without an allocation.
//! Switched on, it holds what all spans share: sampling, bounds, and where finished spans go.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use http::HeaderMap;
use opentelemetry::trace::SpanKind;
use opentelemetry::{SpanId, TraceId, Value};

use crate::attributes::{Attributes, Bounds};
use crate::clock::Clock;
use crate::export::exporters::Queues;
use crate::export::health::DropReason;
use crate::recorder::{FinishedSpan, SpanSink};
use crate::remote::RemoteContext;
use crate::sampling::{Sampling, SamplingPolicy, SamplingStatus};
use crate::settings::limits::SpanLimits;
use crate::settings::{Propagators, Sampler, Vocabulary};
use crate::shared::Shared;
use crate::span::Span;
use crate::span::data::SpanData;
use crate::trace::SPANS_HELD_MAX;

/// Starts spans; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tracer(Option<Shared<Active>>, Withholds);

/// Whether baggage ends here although there are no spans: `OTEL_PROPAGATORS` counts with them and without.
#[derive(Clone, Copy, Debug, Default)]
struct Withholds(bool);

/// What all spans share.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) sampling: Sampling,
    pub(crate) bounds: Bounds,
    /// Most links of one span.
    pub(crate) links_max: usize,
    pub(crate) clock: Clock,
    pub(crate) held: Room,
    propagators: Propagators,
    vocabulary: Vocabulary,
    sinks: Sinks,
}

/// What the environment says about spans.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanSettings {
    pub(crate) sampler: Sampler,
    pub(crate) limits: SpanLimits,
    pub(crate) propagators: Propagators,
    pub(crate) vocabulary: Vocabulary,
}

/// Where finished spans go.
#[derive(Debug, Default)]
pub(crate) struct Sinks {
    /// One per exporter.
    pub(crate) queues: Queues<Box<SpanData>>,
    /// What gets plain data besides.
    pub(crate) extra: Vec<Box<dyn SpanSink>>,
    /// What the process says about itself, for the latter.
    pub(crate) resource: Vec<(String, Value)>,
}

/// Room for the spans that wait for a decision.
#[derive(Debug, Default)]
pub(crate) struct Room(AtomicUsize);

impl Tracer {
    /// A tracer that does nothing.
    pub const fn off() -> Self {
        Self(None, Withholds(false))
    }

    /// A tracer that does nothing, where the environment names these propagators.
    pub(crate) const fn off_with(propagators: Propagators) -> Self {
        Self(None, Withholds(!propagators.baggage))
    }

    /// A tracer whose spans go to `sinks`.
    pub(crate) fn new(settings: SpanSettings, sinks: Sinks, clock: Clock) -> Self {
        let SpanSettings { sampler, limits, propagators, vocabulary } = settings;
        let count = |limit| usize::try_from(limit).unwrap_or(usize::MAX);
        let active = Shared::new(Active {
            sampling: Sampling::new(sampler, clock.clone()),
            bounds: Bounds {
                count_max: count(limits.attributes.count),
                value_chars_max: limits.attributes.value_chars_max,
            },
            links_max: count(limits.links),
            clock,
            held: Room::default(),
            propagators,
            vocabulary,
            sinks,
        });
        Self(active, Withholds::default())
    }

    /// A tracer of a test, parent-based, with the limits of the specification.
    #[cfg(test)]
    pub(crate) fn of_test(root: crate::settings::Root, sinks: Sinks, clock: Clock) -> Self {
        let settings = SpanSettings {
            sampler: Sampler { parent_based: true, root },
            limits: SpanLimits::default(),
            propagators: Propagators::default(),
            vocabulary: Vocabulary::default(),
        };
        Self::new(settings, sinks, clock)
    }

    /// Says whether spans are made at all.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Replaces what the configuration file says about sampling, for traces that begin from now on.
    pub fn set_sampling(&self, policy: SamplingPolicy) {
        if let Some(active) = &self.0 {
            active.sampling.set_policy(policy);
        }
    }

    /// How many traces were decided how.
    pub fn sampling_status(&self) -> SamplingStatus {
        self.0.as_ref().map_or_else(SamplingStatus::default, |it| it.sampling.counts.status())
    }

    /// Which names of the semantic conventions spans have, as the environment says.
    pub fn vocabulary(&self) -> Vocabulary {
        self.0.as_ref().map(|active| active.vocabulary).unwrap_or_default()
    }

    /// Which forms of context are read and written; none when off.
    pub fn propagators(&self) -> Propagators {
        self.0.as_ref().map_or(Propagators::NONE, |active| active.propagators)
    }

    /// Says whether baggage goes on to other processes, with spans or without.
    pub fn passes_baggage(&self) -> bool {
        self.0.as_ref().map_or(!self.1.0, |active| active.propagators.baggage)
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
    /// `attributes` runs only when the span may be recorded. The span ends with [`Span::end`] or when its last clone is dropped.
    pub fn start(
        &self,
        name: &'static str,
        kind: SpanKind,
        parent: &RemoteContext,
        attributes: impl FnOnce(&mut Attributes),
    ) -> Span {
        match &self.0 {
            Some(active) => Span::root(active, (name, kind), parent, None, attributes),
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
            Some(active) => Span::root(active, span, parent, Some(begun), attributes),
            None => Span::off(),
        }
    }

    /// How many spans were started under a parent that said `sampled=0`, and were therefore not recorded.
    pub fn not_sampled_by_parent(&self) -> u64 {
        self.sampling_status().not_sampled_by_parent
    }
}

impl Active {
    /// Says whether other processes are told about the trace.
    pub(crate) const fn injects(&self) -> bool {
        self.propagators.trace_context
    }

    /// Hands a finished span to everyone who gets them.
    pub(crate) fn emit(&self, span: Box<SpanData>) {
        for sink in &self.sinks.extra {
            sink.finished(FinishedSpan::new(&span, &self.sinks.resource));
        }
        let Some((last, others)) = self.sinks.queues.split_last() else { return };
        for queue in others {
            queue.push(span.clone());
        }
        last.push(span);
    }

    /// Counts finished spans that there was no room for.
    pub(crate) fn lose(&self, spans: u64) {
        if spans > 0 {
            for queue in &self.sinks.queues {
                queue.health().lose(DropReason::TraceFull, spans);
            }
        }
    }
}

/// An id for a trace that begins here; never zero.
pub(crate) fn random_trace_id() -> TraceId {
    TraceId::from(rand::random::<u128>().max(1))
}

/// An id for a span; never zero.
pub(crate) fn random_span_id() -> SpanId {
    SpanId::from(rand::random::<u64>().max(1))
}

impl Room {
    /// Takes room for one span when there is some.
    pub(crate) fn reserve(&self) -> bool {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        if before >= SPANS_HELD_MAX {
            self.release(1);
            return false;
        }
        true
    }

    /// Gives room back.
    pub(crate) fn release(&self, spans: usize) {
        self.0.fetch_sub(spans, Ordering::Relaxed);
    }
}
