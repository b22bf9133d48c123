//! The threads of the exporters: one runtime with one worker, apart from the application's.
//!
//! Apart, so that a flush at shutdown cannot wait for a thread that waits for the flush, and so that encoding and
//! compression never take time from requests. It exists only when something is exported.

use std::cell::Cell;
use std::future::Future;
use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// The name of the threads, as `/proc/<pid>/task/*/comm` shows it.
pub const THREAD_NAME: &str = "otel-export";
/// Threads for what blocks: name resolution, one at a time and one to spare.
const BLOCKING_THREADS_MAX: usize = 2;

thread_local! {
    /// Says whether this thread is one of those.
    static IS_EXPORT_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Says whether the current thread works for exporters; what it logs must not be exported.
pub(crate) fn is_export_thread() -> bool {
    IS_EXPORT_THREAD.get()
}

/// The runtime; stops without waiting when dropped, wherever that happens.
#[derive(Debug)]
pub(crate) struct ExportRuntime(Option<Runtime>);

impl ExportRuntime {
    /// Starts the thread.
    pub(crate) fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name(THREAD_NAME)
            .on_thread_start(|| IS_EXPORT_THREAD.set(true))
            .enable_all()
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// The way to run something there; absent only while the runtime is being dropped.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }

    /// Runs `future` there.
    pub(crate) fn spawn<F>(&self, future: F) -> Option<tokio::task::JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle().map(|handle| handle.spawn(future))
    }
}

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
