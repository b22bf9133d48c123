//! One queue with its worker, from its start to the flush at the end.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::health::{DropReason, ExporterStatus, Health};
use super::queue::{Item, Queue};
use super::runtime::ExportRuntime;
use super::supervise::supervise;
use super::worker::{self, Closing, Sink};
use crate::settings::Batch;
use crate::signal::Signal;

/// The time that a stopped worker gets to notice; it stops at its next await.
const ABORT_TIMEOUT: Duration = Duration::from_millis(100);

/// A running worker and its queue, whatever the items are.
pub(crate) struct Pipeline {
    pub(crate) health: Arc<Health>,
    /// Where items wait for the worker; absent when the worker fetches them itself.
    queue: Option<Arc<dyn Ending>>,
    closing: watch::Sender<bool>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

/// What became of one exporter's items at shutdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignalFlush {
    /// The signal.
    pub signal: Signal,
    /// What was exported, in words: `audit events`.
    pub items: &'static str,
    /// Where it was sent to.
    pub target: String,
    /// Items that were acknowledged during the shutdown.
    pub exported: u64,
    /// Items that were lost during the shutdown.
    pub lost: u64,
    /// Why items were lost, when it is known.
    pub error: Option<String>,
}

/// The end of a queue.
trait Ending: Send + Sync {
    /// Refuses items from now on.
    fn close(&self);
    /// Drops what is left; says how many items that were.
    fn discard(&self) -> u64;
}

impl<T: Item> Ending for Queue<T> {
    fn close(&self) {
        Queue::close(self);
    }

    fn discard(&self) -> u64 {
        let batches = std::iter::from_fn(|| self.take_any());
        batches.map(|batch| u64::try_from(batch.len()).unwrap_or(u64::MAX)).sum()
    }
}

impl Pipeline {
    /// Starts a worker between `queue` and `sink`.
    pub(crate) fn batched<T, S>(
        runtime: &ExportRuntime,
        queue: &Arc<Queue<T>>,
        sink: S,
        batch: Batch,
    ) -> Self
    where
        T: Item,
        S: Sink<T>,
    {
        let (closing, wait) = Closing::new();
        let health = Arc::clone(queue.health());
        let items = Arc::clone(queue);
        let worker = runtime.spawn(async move {
            supervise(items.health(), || worker::run(&items, &sink, batch, &wait)).await;
        });
        let queue: Arc<dyn Ending> = Arc::<Queue<T>>::clone(queue);
        Self { health, queue: Some(queue), closing, worker: Mutex::new(worker) }
    }

    /// Starts a worker that fetches items itself; `work` gets the word when the gateway stops.
    pub(crate) fn unqueued<F>(
        runtime: &ExportRuntime,
        health: Arc<Health>,
        work: impl FnOnce(Closing) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (closing, wait) = Closing::new();
        let worker = Mutex::new(runtime.spawn(work(wait)));
        Self { health, queue: None, closing, worker }
    }

    /// Sends what is left, for at most `deadline`; what is left then is lost and counted.
    ///
    /// Must run on the export runtime, whose timers it uses.
    pub(crate) async fn finish(&self, deadline: Duration) -> SignalFlush {
        let before = self.health.status();
        if let Some(queue) = &self.queue {
            queue.close();
        }
        self.closing.send_replace(true);
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut worker) = worker
            && timeout(deadline, &mut worker).await.is_err()
        {
            worker.abort();
            // The worker has no result; when it does not even notice, the account below counts what it had.
            let stopped = timeout(ABORT_TIMEOUT, worker).await;
            if stopped.is_err() {
                tracing::debug!("An export worker did not stop in time.");
            }
        }
        if let Some(queue) = &self.queue {
            self.health.drop_items(DropReason::AlreadyShutdown, queue.discard());
        }
        self.health.abandon();
        if self.queue.is_none() {
            // What was read and did not begin to leave.
            self.health.drop_items(DropReason::AlreadyShutdown, self.health.status().queued);
        }
        flushed(&before, self.health.status())
    }
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("health", &self.health).finish_non_exhaustive()
    }
}

fn flushed(before: &ExporterStatus, after: ExporterStatus) -> SignalFlush {
    let lost = |status: &ExporterStatus| status.failed_total() + status.dropped_total();
    let lost = lost(&after).saturating_sub(lost(before));
    SignalFlush {
        signal: after.signal,
        items: after.items,
        target: after.target,
        exported: after.exported.saturating_sub(before.exported),
        lost,
        error: after.last_error.filter(|_| lost > 0),
    }
}
