//! Keeps a worker working: after a panic it is begun anew; what it had on its way is counted, and the failure is said.
//!
//! A panic is a mistake of the gateway. Its text is not repeated here, because it may quote what was to be exported.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::sleep;

use super::cause::FailureCause;
use super::health::{FailureReason, Health};
use super::worker::failing;

/// The pause before a worker is begun anew, so that one that cannot work does not take the thread.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// Runs `work` until it ends by itself.
pub(crate) async fn supervise<F>(health: &Health, work: impl Fn() -> F)
where
    F: Future<Output = ()>,
{
    // What the work shares with others is locks that nothing panics under, and counters.
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
        let panic = (FailureReason::Panic, FailureCause::Panic);
        failing(health, "the exporter failed by a panic and is begun anew", panic);
        health.settle(u64::MAX, FailureReason::Panic);
        sleep(RESTART_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use crate::export::error::ExportError;
    use crate::export::health::{FailureReason, Health, Identity};
    use crate::export::pipeline::Pipeline;
    use crate::export::queue::Queue;
    use crate::export::runtime::ExportRuntime;
    use crate::export::worker::{Accepted, Closing, Sink};
    use crate::settings::Batch;
    use crate::signal::Signal;

    /// Takes every batch but those with a seven, which it panics over.
    struct Superstitious;

    impl Sink<usize> for Superstitious {
        async fn export(&self, batch: Vec<usize>, _: &Closing) -> Result<Accepted, ExportError> {
            assert!(!batch.contains(&7), "expected in this test");
            Ok(Accepted::default())
        }
    }

    #[test]
    fn a_panic_costs_one_batch_and_not_the_exporter() {
        let runtime = ExportRuntime::start().unwrap();
        let identity = Identity {
            signal: Signal::Traces,
            items: "traces",
            component: "test",
            name: "test/0".to_owned(),
            target: "nowhere".to_owned(),
            capacity: 10,
        };
        let queue = Arc::new(Queue::new(2, Arc::new(Health::new(identity))));
        let batch = Batch {
            queue_items_max: 10,
            items_max: 2,
            delay: Duration::from_secs(3600),
            export_timeout: Duration::from_secs(5),
        };
        let pipeline = Pipeline::batched(&runtime, &queue, Superstitious, batch);
        for item in [1, 2, 7, 3, 4, 5, 6] {
            queue.push(item);
        }
        let work = async move {
            let report = pipeline.finish(Duration::from_secs(20)).await;
            (report, pipeline.health.status())
        };
        let task = runtime.spawn(work).unwrap();
        let (_, status) = runtime.handle().unwrap().block_on(task).unwrap();
        assert_eq!(status.exported, 5, "{status:#?}");
        assert_eq!(status.failed, [(FailureReason::Panic, 2)], "{status:#?}");
        assert_eq!((status.dropped_total(), status.queued, status.in_flight), (0, 0, 0));
    }
}
