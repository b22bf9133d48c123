//! The queue between the threads of requests and the export worker.
//!
//! Leaving an item is one short lock and, when a batch has become full, one wake-up of the worker; it never waits for the worker. At its
//! bound the queue refuses items and counts them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::{Array, KeyValue, Value};
use tokio::sync::Notify;

use super::health::{DropReason, Health};

/// A batch of so many bytes is full, whatever it may hold in items: half of what a gRPC receiver takes when nobody says
/// otherwise (4 MiB), because the sizes of items are estimates.
pub(crate) const BATCH_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What can wait in a queue.
pub(crate) trait Item: Send + 'static {
    /// About how many bytes a receiver gets for it.
    fn bytes(&self) -> usize;
}

/// About how many bytes a receiver gets for attributes.
pub(crate) fn attribute_bytes(attributes: &[KeyValue]) -> usize {
    /// Lengths and tags around a name and a value.
    const AROUND: usize = 8;
    let value = |value: &Value| match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(texts)) => texts.iter().map(|text| text.as_str().len()).sum(),
        Value::Bool(_) | Value::I64(_) | Value::F64(_) | Value::Array(_) | _ => AROUND,
    };
    attributes.iter().map(|it| AROUND + it.key.as_str().len() + value(&it.value)).sum()
}

/// A bounded queue of items that leave in batches.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    /// Told when a batch is full and when the queue closes.
    ready: Notify,
    items_max: usize,
    batch_max: usize,
    health: Arc<Health>,
}

#[derive(Debug)]
struct State<T> {
    /// Full batches, oldest first.
    full: VecDeque<Vec<T>>,
    /// The batch that is being filled.
    open: Vec<T>,
    /// About how many bytes the batch that is being filled has.
    open_bytes: usize,
    /// Items in all batches.
    len: usize,
    closed: bool,
}

impl<T: Item> Queue<T> {
    /// Makes an empty queue; `health` knows the most items, which leave in batches of at most `batch_max`.
    pub(crate) fn new(batch_max: usize, health: Arc<Health>) -> Self {
        let items_max = health.identity.capacity;
        let state =
            State { full: VecDeque::new(), open: Vec::new(), open_bytes: 0, len: 0, closed: false };
        Self { state: Mutex::new(state), ready: Notify::new(), items_max, batch_max, health }
    }

    /// Leaves an item; it is dropped and counted when the queue is full or closed.
    pub(crate) fn push(&self, item: T) {
        self.health.create(1);
        let bytes = item.bytes();
        let mut state = self.lock();
        let refused = if state.closed {
            Some(DropReason::AlreadyShutdown)
        } else if state.len >= self.items_max {
            Some(DropReason::QueueFull)
        } else {
            None
        };
        if let Some(reason) = refused {
            drop(state);
            self.health.drop_items(reason, 1);
            return;
        }
        state.open.push(item);
        state.open_bytes += bytes;
        state.len += 1;
        let is_full = state.open.len() >= self.batch_max || state.open_bytes >= BATCH_BYTES_MAX;
        if is_full {
            state.open_bytes = 0;
            let batch = std::mem::take(&mut state.open);
            state.full.push_back(batch);
        }
        drop(state);
        if is_full {
            self.ready.notify_one();
        }
    }

    /// Takes the oldest full batch.
    pub(crate) fn take_full(&self) -> Option<Vec<T>> {
        let mut state = self.lock();
        let batch = state.full.pop_front()?;
        state.len = state.len.saturating_sub(batch.len());
        Some(batch)
    }

    /// Takes the oldest batch, full or not.
    pub(crate) fn take_any(&self) -> Option<Vec<T>> {
        if let Some(batch) = self.take_full() {
            return Some(batch);
        }
        let mut state = self.lock();
        if state.open.is_empty() {
            return None;
        }
        let batch = std::mem::take(&mut state.open);
        state.open_bytes = 0;
        state.len = state.len.saturating_sub(batch.len());
        Some(batch)
    }

    /// Refuses items from now on and wakes the worker.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_one();
    }

    /// Says whether items are refused.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until a batch is full or the queue is closed.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// The account of the items.
    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{BATCH_BYTES_MAX, Item, Queue};
    use crate::export::health::{Health, Identity};
    use crate::signal::Signal;

    /// An item of so many bytes.
    impl Item for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    fn queue(items_max: usize, batch_max: usize) -> Queue<usize> {
        let identity = Identity {
            signal: Signal::Traces,
            items: "traces",
            component: "test",
            name: "test/0".to_owned(),
            target: "nowhere".to_owned(),
            capacity: items_max,
        };
        Queue::new(batch_max, Arc::new(Health::new(identity)))
    }

    #[test]
    fn items_leave_in_order_and_in_batches() {
        let queue = queue(10, 3);
        for item in 0..8 {
            queue.push(item);
        }
        assert_eq!(queue.take_full(), Some(vec![0, 1, 2]));
        assert_eq!(queue.take_any(), Some(vec![3, 4, 5]));
        assert_eq!(queue.take_full(), None);
        assert_eq!(queue.take_any(), Some(vec![6, 7]));
        assert_eq!(queue.take_any(), None);
    }

    #[test]
    fn a_batch_is_full_when_it_has_many_bytes() {
        let queue = queue(10, 8);
        let large = BATCH_BYTES_MAX / 2 + 1;
        for item in [1, large, large, 2, BATCH_BYTES_MAX, 3] {
            queue.push(item);
        }
        assert_eq!(queue.take_full(), Some(vec![1, large, large]));
        assert_eq!(queue.take_full(), Some(vec![2, BATCH_BYTES_MAX]));
        assert_eq!(queue.take_full(), None);
        assert_eq!(queue.take_any(), Some(vec![3]));
    }

    #[test]
    fn items_over_the_bound_are_dropped_and_counted() {
        let queue = queue(4, 3);
        for item in 0..10 {
            queue.push(item);
        }
        let status = queue.health().status();
        assert_eq!((status.created, status.dropped_total(), status.queued), (10, 6, 4));
        assert_eq!(status.dropped.first().map(|(reason, _)| reason.as_str()), Some("queue_full"));
        assert_eq!(queue.take_any(), Some(vec![0, 1, 2]));
        queue.push(10);
        assert_eq!(queue.take_any(), Some(vec![3, 10]));
    }

    #[test]
    fn a_closed_queue_refuses_and_keeps_what_it_has() {
        let queue = queue(4, 3);
        queue.push(1);
        queue.close();
        queue.push(2);
        assert_eq!(queue.take_any(), Some(vec![1]));
        let status = queue.health().status();
        let reason = status.dropped.first().map(|(reason, count)| (reason.as_str(), *count));
        assert_eq!(reason, Some(("already_shutdown", 1)));
    }
}
