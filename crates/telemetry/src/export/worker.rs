//! Takes batches out of a queue and hands them to a sink, on the export runtime, until the queue closes.
//!
//! A batch leaves when it is full, when the delay is over, or when the queue closes. One batch is on its way at a time. Every
//! batch ends in the account; a change between working and failing is one log line.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::cause::FailureCause;
use super::error::ExportError;
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
    /// What `partial_success` says; a negative count is nonsense and taken as none.
    pub(crate) fn partly(rejected: i64, message: String) -> Self {
        Self { rejected: u64::try_from(rejected).unwrap_or(0), message }
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
    let mut due = Instant::now() + batch.delay;
    loop {
        let everything = tokio::select! {
            () = queue.ready() => queue.is_closed(),
            () = sleep_until(due) => true,
        };
        while let Some(items) = if everything { queue.take_any() } else { queue.take_full() } {
            let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
            let sending = sink.export(items, closing);
            settle(queue.health(), count, batch.export_timeout, sending).await;
        }
        due = Instant::now() + batch.delay;
        if everything && queue.is_closed() {
            return;
        }
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

/// Notes a failure; the first of a row is a log line.
pub(super) fn failing(
    health: &Health,
    error: &str,
    (reason, cause): (FailureReason, FailureCause),
) {
    let Identity { signal, items, target, .. } = &health.identity;
    if health.note(Some((error.to_owned(), cause))) {
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

/// Notes a success; the first after failures is a log line.
fn working(health: &Health) {
    if health.note(None) {
        let Identity { signal, items, target, .. } = &health.identity;
        tracing::info!(signal = %signal, target = %target, "Export of {items} to {target} works again.");
    }
}
