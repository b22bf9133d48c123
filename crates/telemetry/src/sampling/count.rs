//! How many traces were decided how. Every trace that begins here is counted once as recorded or as not recorded.

use std::sync::atomic::{AtomicU64, Ordering};

/// How it ended with one trace, or why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Recorded from the start, or as soon as its message was known.
    Sampled,
    /// Recorded because a caller asked for it who may.
    Forced,
    /// Not sampled, and recorded because a span of it failed.
    KeptError,
    /// Not sampled, and recorded because it took long.
    KeptSlow,
    /// Not recorded though it failed or took long: too many were kept in the same second.
    KeptOverRate,
    /// Not recorded by the gateway's own decision.
    NotSampled,
    /// Not recorded because the caller said `sampled=0`.
    NotSampledByParent,
    /// Not recorded because too many spans waited for a decision. It had not been sampled, or could not be any more.
    HeldFull,
    /// A caller said `sampled=1` more often than it is believed; what then became of the trace is counted apart.
    CallerOverRate,
}

/// The counters.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; 9]);

/// How many traces that began here were decided how.
///
/// The fields but the last add up to the traces that are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SamplingStatus {
    /// Recorded: sampled by the gateway or by the caller.
    pub sampled: u64,
    /// Recorded: asked for by a caller who may.
    pub forced: u64,
    /// Not sampled, but recorded because a span failed.
    pub kept_error: u64,
    /// Not sampled, but recorded because it took long.
    pub kept_slow: u64,
    /// Not recorded though it failed or took long: too many were kept in the same second.
    pub kept_over_rate: u64,
    /// Not recorded by the gateway's own decision.
    pub not_sampled: u64,
    /// Not recorded because the caller said `sampled=0`.
    pub not_sampled_by_parent: u64,
    /// Not recorded because too many spans waited for a decision.
    pub held_full: u64,
    /// Callers' `sampled=1` beyond the rate at which it is believed.
    pub caller_over_rate: u64,
}

impl Counts {
    pub(crate) fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.0.get(outcome as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn status(&self) -> SamplingStatus {
        let read = |outcome: Outcome| {
            self.0.get(outcome as usize).map_or(0, |count| count.load(Ordering::Relaxed))
        };
        SamplingStatus {
            sampled: read(Outcome::Sampled),
            forced: read(Outcome::Forced),
            kept_error: read(Outcome::KeptError),
            kept_slow: read(Outcome::KeptSlow),
            kept_over_rate: read(Outcome::KeptOverRate),
            not_sampled: read(Outcome::NotSampled),
            not_sampled_by_parent: read(Outcome::NotSampledByParent),
            held_full: read(Outcome::HeldFull),
            caller_over_rate: read(Outcome::CallerOverRate),
        }
    }
}
