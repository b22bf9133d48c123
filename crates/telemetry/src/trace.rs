//! What the spans of one trace share that begin and end in this process: the decision whether they are recorded, and
//! those that wait for it.
//!
//! A trace begins here with its first span, the local root. While the decision is open, spans that end are held back. It
//! is taken when the message is known ([`Trace::decide`]), when another process must be told of it, or at the end of the
//! local root; whatever ends later follows it.
//!
//! A trace that is not sampled may still be kept, as soon as a span of it has failed or it has taken too long, so that
//! what is told of it from then on (exemplars, headers, log lines) says that it is recorded. One whose response has become
//! a stream waits no longer ([`Trace::streams`]): how long a stream is open says nothing, and what it holds would be held
//! for hours.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::TraceId;

use crate::name::attribute;
use crate::remote::RemoteContext;
use crate::sampling::{Caller, Decision, Facts, Outcome};
use crate::shared::Shared;
use crate::span::data::{SpanData, unix_nano};
use crate::tracer::{Active, random_trace_id};

/// Most spans of one trace that are held back; further ones are lost, and counted when the trace is kept.
pub(crate) const SPANS_PER_TRACE_MAX: usize = 256;

/// Most spans of all traces that are held back, about a kilobyte each; a trace that needs more room is not recorded.
pub(crate) const SPANS_HELD_MAX: usize = 16_384;

/// One trace in this process.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) tracer: Shared<Active>,
    pub(crate) id: TraceId,
    /// The `tracestate` that came with it and goes on with it.
    pub(crate) state: Option<Arc<str>>,
    caller: Caller,
    /// Absent when nothing is recorded.
    start: Option<Start>,
    decision: AtomicU8,
    has_error: AtomicBool,
    /// Why it is recorded though it was not sampled.
    kept: OnceLock<&'static str>,
    held: Mutex<Held>,
}

/// When the trace began here.
#[derive(Clone, Copy, Debug)]
struct Start {
    at: Instant,
    /// The time of day at that instant.
    unix_nano: u64,
    /// When the local root began, which may be earlier.
    root_unix_nano: u64,
}

/// What waits for the decision.
#[derive(Debug, Default)]
struct Held {
    #[allow(clippy::vec_box, reason = "they leave in these boxes")]
    spans: Vec<Box<SpanData>>,
    /// Spans that were too many.
    lost: u64,
}

impl Trace {
    /// Begins a trace under `parent`, now or when it has `begun`.
    pub(crate) fn begin(
        tracer: &Shared<Active>,
        parent: &RemoteContext,
        begun: Option<SystemTime>,
    ) -> Arc<Self> {
        let id = if parent.is_valid() { parent.ids().0 } else { random_trace_id() };
        let head = tracer.sampling.at_start(parent, id);
        let start = (head.decision != Decision::Drop).then(|| {
            let now = unix_nano(SystemTime::now());
            let root_unix_nano = begun.map_or(now, unix_nano);
            Start { at: tracer.clock.now(), unix_nano: now, root_unix_nano }
        });
        let trace = Self {
            tracer: tracer.clone(),
            id,
            state: parent.state().cloned(),
            caller: head.caller,
            start,
            decision: AtomicU8::new(head.decision as u8),
            has_error: AtomicBool::new(false),
            kept: OnceLock::new(),
            held: Mutex::default(),
        };
        trace.count(head.decision);
        Arc::new(trace)
    }

    /// What was decided.
    pub(crate) fn decision(&self) -> Decision {
        let decision = self.decision.load(Ordering::Acquire);
        let all = [Decision::Open, Decision::Tail, Decision::Record];
        all.into_iter().find(|known| *known as u8 == decision).unwrap_or(Decision::Drop)
    }

    /// Says whether spans of this trace are recorded for certain, so that others may point to them.
    pub(crate) fn is_sampled(&self) -> bool {
        self.decision() == Decision::Record
    }

    /// Says whether what spans are told may be of use.
    pub(crate) fn may_be_recorded(&self) -> bool {
        self.decision() != Decision::Drop
    }

    /// What other processes are told: whether spans of this trace are recorded. Decides when that is still open.
    pub(crate) fn is_sampled_for_others(&self) -> bool {
        if self.decision() == Decision::Open {
            self.decide(&Facts::default());
        }
        self.is_sampled()
    }

    /// Nanoseconds since 1970, measured from the start of the trace, so that children lie within their parents.
    pub(crate) fn now_unix_nano(&self) -> u64 {
        let Some(start) = self.start else { return 0 };
        let since = self.tracer.clock.now().saturating_duration_since(start.at);
        start.unix_nano.saturating_add(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// When the local root began, in nanoseconds since 1970; zero when nothing is recorded.
    pub(crate) fn root_unix_nano(&self) -> u64 {
        self.start.map_or(0, |start| start.root_unix_nano)
    }

    /// Notes that a span failed.
    pub(crate) fn failed(&self) {
        self.has_error.store(true, Ordering::Relaxed);
        if self.decision() == Decision::Tail {
            drop(self.keep(self.lock()));
        }
    }

    /// Notes that the response goes on as a stream: decides by what is known.
    pub(crate) fn streams(&self) {
        self.decide(&Facts::default());
        let held = self.lock();
        if self.decision() == Decision::Tail
            && let Some(held) = self.keep(held)
        {
            self.forgo(held);
        }
    }

    /// Decides with what is known of the message; does nothing when it is decided.
    pub(crate) fn decide(&self, facts: &Facts<'_>) {
        if self.decision() == Decision::Open {
            let held = self.lock();
            self.close(held, facts);
        }
    }

    /// Takes a span that has ended.
    pub(crate) fn ended(&self, span: Box<SpanData>) {
        match self.decision() {
            Decision::Record => self.tracer.emit(span),
            Decision::Drop => {}
            Decision::Open | Decision::Tail => self.hold(span),
        }
    }

    /// Takes the local root, with which the decision falls if it has not before.
    pub(crate) fn root_ended(&self, root: Box<SpanData>) {
        self.decide(&Facts::default());
        let held = self.lock();
        if self.decision() != Decision::Tail {
            drop(held);
            return self.ended(self.explained(root));
        }
        match self.keep(held) {
            Some(held) => self.forgo(held),
            None => self.ended(self.explained(root)),
        }
    }

    /// Writes on the local root why it is recorded, if that needs a reason.
    fn explained(&self, mut root: Box<SpanData>) -> Box<SpanData> {
        if let Some(reason) = self.kept.get() {
            root.attributes.put(attribute::SAMPLING_REASON, *reason);
        }
        root
    }

    /// Keeps a trace that waits for its end, or drops it when too many are kept; gives the lock back when there is no
    /// reason to keep it.
    fn keep<'h>(&self, held: MutexGuard<'h, Held>) -> Option<MutexGuard<'h, Held>> {
        if self.decision() != Decision::Tail {
            return None;
        }
        let Some((outcome, reason)) = self.reason_to_keep() else { return Some(held) };
        let counts = &self.tracer.sampling.counts;
        if self.tracer.sampling.may_keep() {
            counts.count(outcome);
            self.kept.get_or_init(|| reason);
            self.settle(held, Decision::Record);
        } else {
            counts.count(Outcome::KeptOverRate);
            self.settle(held, Decision::Drop);
        }
        None
    }

    /// Drops a trace that waits for its end, since there is nothing to wait for.
    fn forgo(&self, held: MutexGuard<'_, Held>) {
        self.count(Decision::Drop);
        self.settle(held, Decision::Drop);
    }

    /// Takes what is asked for by a caller who may.
    pub(crate) fn is_forced(&self) -> bool {
        self.caller == Caller::Forces
    }

    /// The time counts from the start of the trace here, which for a request is when its message had come whole: how
    /// slowly a client sends is not what the gateway takes.
    fn reason_to_keep(&self) -> Option<(Outcome, &'static str)> {
        let policy = self.tracer.sampling.policy();
        let lasted = self.start.map_or(Duration::ZERO, |start| {
            self.tracer.clock.now().saturating_duration_since(start.at)
        });
        if policy.keep_errors && self.has_error.load(Ordering::Relaxed) {
            Some((Outcome::KeptError, attribute::SAMPLING_REASON_ERROR))
        } else if policy.keep_slower_than.is_some_and(|bound| lasted >= bound) {
            Some((Outcome::KeptSlow, attribute::SAMPLING_REASON_SLOW))
        } else {
            None
        }
    }

    fn hold(&self, span: Box<SpanData>) {
        let held = self.lock();
        let waits = match self.decision() {
            Decision::Open => Some(held),
            Decision::Tail => self.keep(held),
            Decision::Record | Decision::Drop => {
                drop(held);
                None
            }
        };
        let Some(mut held) = waits else { return self.ended(span) };
        if held.spans.len() >= SPANS_PER_TRACE_MAX {
            held.lost += 1;
        } else if self.tracer.held.reserve() {
            held.spans.push(span);
        } else {
            self.give_up(held);
            self.ended(span);
        }
    }

    /// Decides without waiting, because there is no room to wait.
    fn give_up(&self, held: MutexGuard<'_, Held>) {
        if self.decision() == Decision::Open && self.decided(&Facts::default()) == Decision::Record
        {
            self.count(Decision::Record);
            self.settle(held, Decision::Record);
        } else {
            self.tracer.sampling.counts.count(Outcome::HeldFull);
            self.settle(held, Decision::Drop);
        }
    }

    /// Decides while the decision is open.
    fn close(&self, held: MutexGuard<'_, Held>, facts: &Facts<'_>) {
        if self.decision() != Decision::Open {
            return;
        }
        let decision = self.decided(facts);
        self.count(decision);
        self.settle(held, decision);
        if decision == Decision::Tail && self.has_error.load(Ordering::Relaxed) {
            drop(self.keep(self.lock()));
        }
    }

    fn decided(&self, facts: &Facts<'_>) -> Decision {
        self.tracer.sampling.on_message(self.caller, self.id, facts)
    }

    /// Counts a decision that is final.
    fn count(&self, decision: Decision) {
        let outcome = match (decision, self.caller) {
            (Decision::Open | Decision::Tail, _) => return,
            (Decision::Record, Caller::Forces) => Outcome::Forced,
            (
                Decision::Record,
                Caller::Silent | Caller::Sampled | Caller::NotSampled | Caller::Decided,
            ) => Outcome::Sampled,
            (Decision::Drop, Caller::NotSampled) => Outcome::NotSampledByParent,
            (
                Decision::Drop,
                Caller::Silent | Caller::Sampled | Caller::Decided | Caller::Forces,
            ) => Outcome::NotSampled,
        };
        self.tracer.sampling.counts.count(outcome);
    }

    /// Sets the decision, and hands over or drops what waits for it when it is final.
    fn settle(&self, mut held: MutexGuard<'_, Held>, decision: Decision) {
        self.decision.store(decision as u8, Ordering::Release);
        if matches!(decision, Decision::Open | Decision::Tail) {
            return;
        }
        let Held { spans, lost } = std::mem::take(&mut *held);
        drop(held);
        self.tracer.held.release(spans.len());
        if decision == Decision::Record {
            for span in spans {
                self.tracer.emit(span);
            }
            self.tracer.lose(lost);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
