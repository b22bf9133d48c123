//! Takes batches out of a queue and hands them to a sink, on the export runtime, until the queue closes.
//!
//! A batch leaves when it is full, when the delay is over, or when the queue closes. One batch is on its way at a time. Every
//! batch ends in the account; a change between working and failing is one log line.

use std::future::Future;
use std::time::{Duration, Instant as StdInstant};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::cause::FailureCause;
use super::error::{ExportError, bounded};
use super::health::{FailureReason, Health, Identity};
use super::queue::{Item, Queue};
use crate::log::Chain;
use crate::settings::Batch;

/// Where batches go.
pub(crate) trait Sink<T>: Send + Sync + 'static {
    /// Sends one batch. `closing` says that the gateway stops, so that waiting for a better time is not worth it.
    fn export(
        &self,
        batch: Vec<T>,
        closing: &Closing,
    ) -> impl Future<Output = Result<Accepted, ExportError>> + Send;
}

/// What a receiver said to a batch that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// Items that it refused.
    pub(crate) rejected: u64,
    /// Why; may also be a warning about a batch that it took whole.
    pub(crate) message: String,
}

impl Accepted {
    /// What `partial_success` says, at most [`super::error::REMARK_BYTES_MAX`] of it; a negative count is nonsense and taken as none.
    pub(crate) fn partly(rejected: i64, message: String) -> Self {
        Self { rejected: u64::try_from(rejected).unwrap_or(0), message: bounded(message) }
    }
}

/// Says whether the gateway stops.
#[derive(Clone, Debug)]
pub(crate) struct Closing(watch::Receiver<bool>);

impl Closing {
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Says whether the gateway stops.
    pub(crate) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the gateway stops.
    pub(crate) async fn wait(&self) {
        // An error means that whoever could stop is gone, which is the same.
        drop(self.0.clone().wait_for(|is_set| *is_set).await);
    }
}

/// Works until the queue is closed and empty.
pub(crate) async fn run<T, S>(queue: &Queue<T>, sink: &S, batch: Batch, closing: &Closing)
where
    T: Item,
    S: Sink<T>,
{
    let send = async |items: Vec<T>| {
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        let sending = sink.export(items, closing);
        settle(queue.health(), count, batch.export_timeout, sending).await;
    };
    let mut due = Instant::now() + batch.delay;
    loop {
        let is_due = tokio::select! {
            () = queue.ready() => false,
            () = sleep_until(due) => true,
        };
        let is_closed = queue.is_closed();
        while let Some(items) = if is_closed { queue.take_any() } else { queue.take_full() } {
            send(items).await;
        }
        if is_closed {
            return;
        }
        // One batch that is not full, and no more: what came while it was on its way has a delay of its own.
        if is_due && let Some(items) = queue.take_any() {
            send(items).await;
        }
        due = Instant::now() + batch.delay;
    }
}

/// Waits for the end of one export of `count` items, for at most `deadline`, and enters it into the account.
pub(crate) async fn settle(
    health: &Health,
    count: u64,
    deadline: Duration,
    sending: impl Future<Output = Result<Accepted, ExportError>>,
) {
    health.send(count);
    let result = timeout(deadline, sending).await.unwrap_or(Err(ExportError::Timeout(deadline)));
    match result {
        Ok(accepted) => {
            let rejected = accepted.rejected.min(count);
            if rejected > 0 {
                let message = format!("the receiver refused items: {}", accepted.message);
                failing(health, &message, (FailureReason::Rejected, FailureCause::Rejected));
            } else {
                if !accepted.message.is_empty() {
                    tracing::debug!(message = %accepted.message, "The receiver took a batch with a remark.");
                }
                working(health);
            }
            health.settle(rejected, FailureReason::Rejected);
        }
        Err(error) => {
            let reason = error.reason();
            // The reason before the number: whoever sees that something is lost can also see why.
            failing(health, &Chain(&error).to_string(), (reason, error.cause()));
            health.settle(count, reason);
        }
    }
}

/// Notes a failure; the first of a row is a log line, unless there was one like it a moment ago.
pub(super) fn failing(
    health: &Health,
    error: &str,
    (reason, cause): (FailureReason, FailureCause),
) {
    let Identity { signal, items, target, .. } = &health.identity;
    if health.note(Some((error.to_owned(), cause)), StdInstant::now()) {
        tracing::warn!(
            signal = %signal,
            target = %target,
            "error.type" = reason.as_str(),
            error = %error,
            "Export of {items} to {target} fails; they are lost until it works again."
        );
    } else {
        tracing::debug!(signal = %signal, error = %error, "Export of {items} still fails.");
    }
}

/// Notes a success; the first after failures is a log line, unless there was one like it a moment ago.
fn working(health: &Health) {
    if health.note(None, StdInstant::now()) {
        let Identity { signal, items, target, .. } = &health.identity;
        tracing::info!(signal = %signal, target = %target, "Export of {items} to {target} works again.");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::{Duration, Instant};

    use super::{Accepted, Closing, Sink, run};
    use crate::export::error::{ExportError, REMARK_BYTES_MAX};
    use crate::export::health::{Health, Identity};
    use crate::export::queue::Queue;
    use crate::settings::Batch;
    use crate::signal::Signal;

    /// Gets a new item with each batch, and closes the queue with the fourth.
    struct Busy {
        queue: Arc<Queue<usize>>,
        times: Mutex<Vec<Instant>>,
    }

    impl Sink<usize> for Busy {
        async fn export(&self, _: Vec<usize>, _: &Closing) -> Result<Accepted, ExportError> {
            let mut times = self.times.lock().unwrap();
            times.push(Instant::now());
            if times.len() < 4 {
                self.queue.push(1);
            } else {
                self.queue.close();
            }
            Ok(Accepted::default())
        }
    }

    #[test]
    fn items_that_come_during_an_export_wait_for_the_next_one() {
        let health = Health::new(Identity {
            signal: Signal::Traces,
            items: "traces",
            component: "test",
            name: "test/0".to_owned(),
            target: "nowhere".to_owned(),
            capacity: 10,
        });
        let queue = Arc::new(Queue::new(5, Arc::new(health)));
        queue.push(1);
        let delay = Duration::from_millis(100);
        let export_timeout = Duration::from_secs(5);
        let batch = Batch { queue_items_max: 10, items_max: 5, delay, export_timeout };
        let sink = Busy { queue: Arc::clone(&queue), times: Mutex::default() };
        let (_closing, wait) = Closing::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(run(&queue, &sink, batch, &wait));
        let times = sink.times.into_inner().unwrap();
        let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(pauses.len(), 3);
        assert!(pauses.iter().all(|pause| *pause >= delay), "{pauses:?}");
    }

    #[test]
    fn what_a_receiver_says_is_kept_in_part() {
        let said = Accepted::partly(1, "x".repeat(4 * 1024 * 1024)).message;
        assert!(said.len() < REMARK_BYTES_MAX + 8, "{}", said.len());
    }
}
