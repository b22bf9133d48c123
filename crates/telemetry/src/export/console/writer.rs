//! The one thread that writes batches to standard output.
//!
//! Standard output may be a pipe that nobody reads. Then only this thread waits: one batch is with it, the others wait with their
//! exporters, and one whose exporter has given up is never begun. A batch that was given up in the middle of being written counts
//! as lost, and what was left of it comes out should the pipe be read again.

use std::io::{self, Write};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::export::runtime::THREAD_NAME;

/// Batches that wait for the thread besides the one that it writes.
const WAITING_MAX: usize = 1;

/// The way to the thread; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::Sender<Job>);

/// The text of one batch, and who waits for it to be written.
#[derive(Debug)]
struct Job {
    text: String,
    written: oneshot::Sender<io::Result<()>>,
}

impl Writer {
    /// Starts the thread; it ends with the last way to it.
    pub(super) fn start(mut output: impl Write + Send + 'static) -> io::Result<Self> {
        let (sender, mut jobs) = mpsc::channel::<Job>(WAITING_MAX);
        thread::Builder::new().name(THREAD_NAME.to_owned()).spawn(move || {
            while let Some(Job { text, written }) = jobs.blocking_recv() {
                if written.is_closed() {
                    continue;
                }
                let result = output.write_all(text.as_bytes()).and_then(|()| output.flush());
                // Whoever gave up meanwhile has counted the batch as lost.
                drop(written.send(result));
            }
        })?;
        Ok(Self(sender))
    }

    /// Writes a text when those before it are written.
    pub(super) async fn write(&self, text: String) -> io::Result<()> {
        let (written, result) = oneshot::channel();
        let ended = || io::Error::other("the thread that writes has ended");
        self.0.send(Job { text, written }).await.map_err(|_| ended())?;
        result.await.unwrap_or_else(|_| Err(ended()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    use tokio::time::timeout;

    use super::Writer;

    /// A pipe: says when somebody begins to write, and takes it when it is told to.
    struct Pipe {
        begun: Sender<String>,
        may: Receiver<()>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.begun
                .send(String::from_utf8_lossy(bytes).into_owned())
                .map_err(io::Error::other)?;
            self.may.recv().map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_one_batch_and_no_thread_but_its_own() {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().max_blocking_threads(1).build().unwrap();
        let (begun, begins) = channel();
        let (allow, may) = channel();
        let writer = Writer::start(Pipe { begun, may }).unwrap();
        let given_up = |text: &'static str| {
            let writer = writer.clone();
            async move {
                let wait = timeout(Duration::from_millis(50), writer.write(text.to_owned()));
                assert!(wait.await.is_err(), "{text}");
            }
        };
        runtime.block_on(async {
            let first = tokio::spawn({
                let writer = writer.clone();
                async move { writer.write("first".to_owned()).await }
            });
            tokio::task::yield_now().await;
            assert_eq!(begins.recv().unwrap(), "first");
            first.abort();
            for text in ["second", "third", "fourth"] {
                given_up(text).await;
            }
            // Names are resolved on such a thread.
            assert_eq!(tokio::task::spawn_blocking(|| 7).await.unwrap(), 7);
            allow.send(()).unwrap();
            allow.send(()).unwrap();
            writer.write("fifth".to_owned()).await.unwrap();
        });
        assert_eq!(begins.try_iter().collect::<Vec<_>>(), ["fifth"]);
    }
}
