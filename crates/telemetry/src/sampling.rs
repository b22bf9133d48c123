//! Which traces are recorded: what the environment and the configuration file say, applied to one trace.
//!
//! Nothing here keeps spans; [`crate::trace`] does, for as long as a decision is open.
//!
//! - [`SamplingPolicy`]: what the configuration file says. It may change while the gateway runs.
//! - [`Sampling`]: the rules applied.
//! - [`bucket`]: how many sampled callers are believed.
//! - [`count`]: how many traces were decided how.

mod bucket;
mod count;
mod policy;

use std::sync::Arc;

use arc_swap::ArcSwap;
use opentelemetry::TraceId;

use self::bucket::Bucket;
pub use self::count::SamplingStatus;
pub(crate) use self::count::{Counts, Outcome};
pub use self::policy::{Facts, SamplingPolicy, SamplingRule};
use crate::clock::Clock;
use crate::remote::{RemoteContext, Word};
use crate::settings::{Root, Sampler};
use crate::tracer::random_trace_id;

/// Most traces a second that are kept though they were not sampled: failures of a bad hour must not become as much
/// telemetry as if everything were sampled. Further ones are dropped and counted.
pub(crate) const KEPT_PER_SECOND_MAX: u32 = 100;

/// What happens with the spans of one trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Decision {
    /// Not known yet: what ends is held back.
    Open,
    /// Held back until the trace ends here, then kept when it failed or took long.
    Tail,
    /// Recorded.
    Record,
    /// Not recorded.
    Drop,
}

/// What a trace's start says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) decision: Decision,
    pub(crate) caller: Caller,
}

/// What the caller of a trace wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// It said nothing that counts here.
    Silent,
    /// It records its part.
    Sampled,
    /// It does not record its part.
    NotSampled,
    /// It is this gateway, and records its part.
    Decided,
    /// It asked for a trace, and may.
    Forces,
}

/// Decides about traces.
#[derive(Debug)]
pub(crate) struct Sampling {
    sampler: Sampler,
    policy: ArcSwap<SamplingPolicy>,
    bucket: Bucket,
    kept: Bucket,
    clock: Clock,
    pub(crate) counts: Counts,
}

impl Sampling {
    pub(crate) fn new(sampler: Sampler, clock: Clock) -> Self {
        Self {
            sampler,
            policy: ArcSwap::from_pointee(SamplingPolicy::default()),
            bucket: Bucket::default(),
            kept: Bucket::default(),
            clock,
            counts: Counts::default(),
        }
    }

    /// Replaces what the configuration file says; traces that have begun keep what was decided about them.
    pub(crate) fn set_policy(&self, policy: SamplingPolicy) {
        self.policy.store(Arc::new(policy));
    }

    /// What the configuration file says now.
    pub(crate) fn policy(&self) -> Arc<SamplingPolicy> {
        self.policy.load_full()
    }

    /// Decides about a trace that begins here, as far as its start allows.
    pub(crate) fn at_start(&self, parent: &RemoteContext, trace_id: TraceId) -> Head {
        let policy = self.policy.load();
        let caller = self.caller(parent);
        let decision = match caller {
            Caller::Forces | Caller::Decided => Decision::Record,
            Caller::NotSampled
                if !(policy.keep_unsampled_errors
                    && policy.keeps_some()
                    && parent.word() == Word::Caller) =>
            {
                Decision::Drop
            }
            Caller::Sampled if policy.caller_sampled_per_second_max == u32::MAX => Decision::Record,
            Caller::Sampled | Caller::Silent | Caller::NotSampled if policy.rules.is_empty() => {
                self.own(&policy, caller, trace_id, &Facts::default())
            }
            Caller::Sampled | Caller::Silent | Caller::NotSampled => Decision::Open,
        };
        Head { decision, caller }
    }

    /// Decides about a trace whose message is known, or that cannot wait for it any longer.
    pub(crate) fn on_message(
        &self,
        caller: Caller,
        trace_id: TraceId,
        facts: &Facts<'_>,
    ) -> Decision {
        self.own(&self.policy.load(), caller, trace_id, facts)
    }

    fn caller(&self, parent: &RemoteContext) -> Caller {
        match (parent.word(), parent.is_valid()) {
            (Word::Forced, _) => Caller::Forces,
            (Word::Caller | Word::Decided, false) => Caller::Silent,
            (Word::Caller, true) if !self.sampler.parent_based => Caller::Silent,
            (Word::Caller | Word::Decided, true) if !parent.is_sampled() => Caller::NotSampled,
            (Word::Decided, true) => Caller::Decided,
            (Word::Caller, true) => Caller::Sampled,
        }
    }

    /// Says whether one more trace may be kept that was not sampled.
    pub(crate) fn may_keep(&self) -> bool {
        self.kept.take(KEPT_PER_SECOND_MAX, self.clock.now())
    }

    /// The gateway's own decision; never open.
    ///
    /// An id that a caller chose decides only where the sampler goes by ids alone (`traceidratio`), for then every service
    /// on the way shall come to the same answer. Where the caller's flag counts, lots are drawn here: whoever forges
    /// flags forges ids that are in every part as well.
    fn own(
        &self,
        policy: &SamplingPolicy,
        caller: Caller,
        trace_id: TraceId,
        facts: &Facts<'_>,
    ) -> Decision {
        let (ratio, may_keep) = match (policy.rule(facts), self.sampler.root) {
            (Some(rule), _) => (rule.ratio, true),
            (None, Root::On) => (1.0, true),
            // Whoever switches sampling off does not want the spans of failures either.
            (None, Root::Off) => (0.0, false),
            (None, Root::Ratio(ratio)) => (ratio, true),
        };
        let (draws, may_keep) = match caller {
            Caller::NotSampled => (None, may_keep && policy.keep_unsampled_errors),
            Caller::Sampled => (Some(random_trace_id()), may_keep),
            Caller::Silent | Caller::Decided | Caller::Forces => (Some(trace_id), may_keep),
        };
        if draws.is_some_and(|id| in_ratio(id, ratio)) {
            return Decision::Record;
        }
        if caller == Caller::Sampled {
            if self.bucket.take(policy.caller_sampled_per_second_max, self.clock.now()) {
                return Decision::Record;
            }
            self.counts.count(Outcome::CallerOverRate);
        }
        if may_keep && policy.keeps_some() { Decision::Tail } else { Decision::Drop }
    }
}

/// Whether a trace is in so large a part of all traces. A trace that is in a part is in every larger one, in every process.
///
/// Source: the `TraceIdRatioBased` sampler as the SDKs of Go and Rust have it: the last 63 bits of the id against the ratio.
fn in_ratio(trace_id: TraceId, ratio: f64) -> bool {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "the ratio is from 0 to 1, and a float is as exact as the ratio itself"
    )]
    let bound = (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
    let [_, _, _, _, _, _, _, _, low @ ..] = trace_id.to_bytes();
    (u64::from_be_bytes(low) >> 1) < bound
}

#[cfg(test)]
mod tests;
