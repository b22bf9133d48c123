//! The account of one exporter: what became of every item that was handed to it.
//!
//! At any moment `created = exported + failed + dropped + queued + in flight`; after a shutdown the last two are zero. The numbers are
//! read by `/metrics`, by `/status` and by the report of the shutdown, so that a loss is never silent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::cause::FailureCause;
use crate::signal::Signal;

/// Why an item never reached the exporter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The queue was at its bound.
    QueueFull,
    /// The item came after the shutdown had begun, or was still queued at its deadline.
    AlreadyShutdown,
    /// A trace had more spans than are held back until it is decided whether it is recorded.
    TraceFull,
}

impl DropReason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 3] = [Self::QueueFull, Self::AlreadyShutdown, Self::TraceFull];

    /// The value of `error.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::AlreadyShutdown => "already_shutdown",
            Self::TraceFull => "trace_full",
        }
    }
}

/// Why a batch was not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// The name of the receiver's host has no address.
    NameResolution,
    /// No connection, or it broke.
    Connection,
    /// The TLS handshake failed.
    Tls,
    /// No answer within the time-out, retries included.
    Timeout,
    /// The receiver answered with an HTTP status that is not a success.
    HttpStatus,
    /// The receiver answered with a gRPC status that is not a success.
    GrpcStatus,
    /// The receiver took the batch but refused these items.
    Rejected,
    /// What answered is not an OTLP receiver.
    InvalidAnswer,
    /// The batch is larger than a receiver has to take.
    TooLarge,
    /// The gateway stopped before the receiver answered.
    Shutdown,
    /// Standard output could not be written.
    Output,
    /// The exporter itself failed by a panic, which is a mistake of the gateway.
    Panic,
}

impl FailureReason {
    /// Every reason, in the order of the counters.
    pub const ALL: [Self; 12] = [
        Self::NameResolution,
        Self::Connection,
        Self::Tls,
        Self::Timeout,
        Self::HttpStatus,
        Self::GrpcStatus,
        Self::Rejected,
        Self::InvalidAnswer,
        Self::TooLarge,
        Self::Shutdown,
        Self::Output,
        Self::Panic,
    ];

    /// The value of `error.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NameResolution => "name_resolution",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::HttpStatus => "http_status",
            Self::GrpcStatus => "grpc_status",
            Self::Rejected => "rejected",
            Self::InvalidAnswer => "invalid_answer",
            Self::TooLarge => "too_large",
            Self::Shutdown => "shutdown",
            Self::Output => "output",
            Self::Panic => "panic",
        }
    }
}

/// Which exporter an account belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    pub(crate) signal: Signal,
    /// What is exported, in log lines: `traces`, `audit events`.
    pub(crate) items: &'static str,
    /// `otel.component.type`: `otlp_http_span_exporter`.
    pub(crate) component: &'static str,
    /// `otel.component.name`: `otlp_http_span_exporter/0`.
    pub(crate) name: String,
    /// Where it sends to, without anything secret.
    pub(crate) target: String,
    /// The bound of the queue; 0 when nothing waits.
    pub(crate) capacity: usize,
}

/// The counters of one exporter.
#[derive(Debug)]
pub(crate) struct Health {
    pub(crate) identity: Identity,
    created: AtomicU64,
    exported: AtomicU64,
    in_flight: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    failed: [AtomicU64; FailureReason::ALL.len()],
    last: Mutex<Last>,
}

/// The least time between two log lines that say the same about one exporter. A receiver that takes one batch and refuses the
/// next would otherwise cause a line with each.
const LINE_INTERVAL_MIN: Duration = Duration::from_secs(60);

/// How the last exports ended.
#[derive(Clone, Debug, Default)]
struct Last {
    success: Option<SystemTime>,
    error: Option<(String, FailureCause)>,
    /// Whether the last log line said that exports fail.
    said_failing: bool,
    /// When a line last said that they fail, and when that they work again.
    lines: [Option<Instant>; 2],
}

/// What became of the items of one exporter, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExporterStatus {
    /// The signal.
    pub signal: Signal,
    /// What is exported, in words: `traces`, `logs`, `audit events`, `metrics`.
    pub items: &'static str,
    /// `otel.component.type` of the exporter: `otlp_http_span_exporter`.
    pub component: &'static str,
    /// `otel.component.name` of the exporter, which no other has: `otlp_http_log_exporter/audit`.
    pub name: String,
    /// Where it sends to: a URL without anything secret, or `stdout`.
    pub target: String,
    /// Items that were handed over.
    pub created: u64,
    /// Items that the receiver acknowledged.
    pub exported: u64,
    /// Items that were sent, or could not be, and were not acknowledged, by reason.
    pub failed: Vec<(FailureReason, u64)>,
    /// Items that were never sent, by reason.
    pub dropped: Vec<(DropReason, u64)>,
    /// Items on their way.
    pub in_flight: u64,
    /// Items that wait.
    pub queued: u64,
    /// The most items that may wait.
    pub queue_capacity: u64,
    /// When a receiver last acknowledged something.
    pub last_success: Option<SystemTime>,
    /// Why the last export failed; absent when it succeeded.
    pub last_error: Option<String>,
    /// Where the last export died; absent when it succeeded.
    pub last_cause: Option<FailureCause>,
}

impl ExporterStatus {
    /// Items that were sent, or could not be, and were not acknowledged.
    pub fn failed_total(&self) -> u64 {
        self.failed.iter().map(|(_, count)| count).sum()
    }

    /// Items that were never sent.
    pub fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }
}

impl Health {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            identity,
            created: AtomicU64::new(0),
            exported: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            dropped: [const { AtomicU64::new(0) }; DropReason::ALL.len()],
            failed: [const { AtomicU64::new(0) }; FailureReason::ALL.len()],
            last: Mutex::default(),
        }
    }

    /// Counts items that were handed over.
    pub(crate) fn create(&self, items: u64) {
        self.created.fetch_add(items, Ordering::Relaxed);
    }

    /// Counts items that were made and lost before they could be handed over.
    pub(crate) fn lose(&self, reason: DropReason, items: u64) {
        self.created.fetch_add(items, Ordering::Relaxed);
        self.drop_items(reason, items);
    }

    /// Counts items that will never be sent.
    pub(crate) fn drop_items(&self, reason: DropReason, items: u64) {
        add(DropReason::ALL.iter().position(|known| *known == reason), &self.dropped, items);
    }

    /// Counts items that are on their way.
    pub(crate) fn send(&self, items: u64) {
        self.in_flight.store(items, Ordering::Relaxed);
    }

    /// Counts how the items on their way ended: so many lost for one reason, the others acknowledged.
    ///
    /// Does nothing when nothing is on its way, so that a worker that was given up cannot count twice.
    pub(crate) fn settle(&self, lost: u64, reason: FailureReason) {
        let items = self.in_flight.swap(0, Ordering::Relaxed);
        let lost = lost.min(items);
        let exported = items - lost;
        self.exported.fetch_add(exported, Ordering::Relaxed);
        add(FailureReason::ALL.iter().position(|known| *known == reason), &self.failed, lost);
        if exported > 0 {
            self.lock().success = Some(SystemTime::now());
        }
    }

    /// Counts the items on their way as lost, because nobody will wait for their answer.
    pub(crate) fn abandon(&self) {
        self.settle(u64::MAX, FailureReason::Shutdown);
    }

    /// Notes how the last export ended, at `now`. Says whether that is worth a log line: it is not what the last line said, and
    /// none like it was written within [`LINE_INTERVAL_MIN`]. A change that lasts longer than that is said with a later export.
    pub(crate) fn note(&self, error: Option<(String, FailureCause)>, now: Instant) -> bool {
        let mut last = self.lock();
        let is_failing = error.is_some();
        last.error = error;
        if last.said_failing == is_failing {
            return false;
        }
        let [failing, working] = &mut last.lines;
        let line = if is_failing { failing } else { working };
        if line.is_some_and(|line| now.duration_since(line) < LINE_INTERVAL_MIN) {
            return false;
        }
        *line = Some(now);
        last.said_failing = is_failing;
        true
    }

    /// What became of the items so far.
    ///
    /// Counters are read one after the other while others count; what is created is read first, so that
    /// what waits is never overstated.
    pub(crate) fn status(&self) -> ExporterStatus {
        let created = self.created.load(Ordering::Relaxed);
        let exported = self.exported.load(Ordering::Relaxed);
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        let failed: Vec<(FailureReason, u64)> = counted(&FailureReason::ALL, &self.failed);
        let dropped: Vec<(DropReason, u64)> = counted(&DropReason::ALL, &self.dropped);
        let settled = exported
            + in_flight
            + failed.iter().map(|(_, count)| count).sum::<u64>()
            + dropped.iter().map(|(_, count)| count).sum::<u64>();
        let Last { success: last_success, error, .. } = self.lock().clone();
        let (last_error, last_cause) = error.unzip();
        let Identity { signal, items, component, name, target, capacity } = self.identity.clone();
        ExporterStatus {
            signal,
            items,
            component,
            name,
            target,
            created,
            exported,
            failed,
            dropped,
            in_flight,
            queued: created.saturating_sub(settled),
            queue_capacity: u64::try_from(capacity).unwrap_or(u64::MAX),
            last_success,
            last_error,
            last_cause,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(at: Option<usize>, counters: &[AtomicU64], items: u64) {
    if let Some(counter) = at.and_then(|at| counters.get(at)) {
        counter.fetch_add(items, Ordering::Relaxed);
    }
}

fn counted<R: Copy>(reasons: &[R], counters: &[AtomicU64]) -> Vec<(R, u64)> {
    let values = counters.iter().map(|counter| counter.load(Ordering::Relaxed));
    reasons.iter().copied().zip(values).filter(|(_, count)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Health, Identity, LINE_INTERVAL_MIN};
    use crate::export::cause::FailureCause;
    use crate::signal::Signal;

    #[test]
    fn a_receiver_that_changes_its_mind_with_each_batch_causes_few_lines() {
        let health = Health::new(Identity {
            signal: Signal::Traces,
            items: "traces",
            component: "test",
            name: "test/0".to_owned(),
            target: "nowhere".to_owned(),
            capacity: 0,
        });
        let start = Instant::now();
        let note = |is_failing: bool, after: Duration| {
            let error = is_failing.then(|| ("no".to_owned(), FailureCause::Rejected));
            let is_line = health.note(error, start + after);
            assert_eq!(health.status().last_error.is_some(), is_failing, "the state is right");
            is_line
        };
        assert!(!note(false, Duration::ZERO), "it always worked");
        let lines = (1..=1000).filter(|at| note(at % 2 == 1, Duration::from_millis(*at))).count();
        assert_eq!(lines, 2, "that it fails, and that it works again");
        assert!(!note(true, Duration::from_secs(30)));
        assert!(note(true, 2 * LINE_INTERVAL_MIN), "a failure that lasts is said");
        assert!(!note(true, 3 * LINE_INTERVAL_MIN));
        assert!(note(false, 3 * LINE_INTERVAL_MIN));
    }
}
