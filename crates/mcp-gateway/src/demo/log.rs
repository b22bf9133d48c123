//! Keeps log lines away from the text of the tour: they are held while it is told and go to stderr afterwards.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of log lines that are held; later lines are only counted.
const HELD_BYTES_MAX: usize = 256 * 1024;

/// Where the log of the demo is written. Clones are the same place.
#[derive(Clone)]
pub(crate) struct HeldLog(Arc<Mutex<Held>>);

/// What is held, until it is released.
enum Held {
    Holding { lines: Vec<u8>, lost: usize },
    Released,
}

impl HeldLog {
    /// Makes a place that holds what is written to it.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Held::Holding { lines: Vec::new(), lost: 0 })))
    }

    /// Returns what was held; from now on lines go to stderr as they come.
    pub(crate) fn release(&self) -> String {
        match std::mem::replace(&mut *self.lock(), Held::Released) {
            Held::Holding { lines, lost } => {
                let text = String::from_utf8_lossy(&lines);
                match lost {
                    0 => text.into_owned(),
                    lost => format!("{text}({lost} more log lines are not shown)\n"),
                }
            }
            Held::Released => String::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for HeldLog {
    /// Takes one log line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match &mut *self.lock() {
            Held::Holding { lines, .. } if lines.len() + line.len() <= HELD_BYTES_MAX => {
                lines.extend_from_slice(line);
            }
            Held::Holding { lost, .. } => *lost += 1,
            Held::Released => io::stderr().write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{HELD_BYTES_MAX, HeldLog};

    #[test]
    fn lines_are_held_until_they_are_released() {
        let mut log = HeldLog::new();
        log.clone().write_all(b"one\n").unwrap();
        log.write_all(b"two\n").unwrap();
        assert_eq!(log.release(), "one\ntwo\n");
        assert_eq!(log.release(), "");
    }

    #[test]
    fn lines_beyond_the_bound_are_counted() {
        let mut log = HeldLog::new();
        log.write_all(&vec![b'x'; HELD_BYTES_MAX]).unwrap();
        log.write_all(b"y").unwrap();
        log.write_all(b"z").unwrap();
        assert!(log.release().ends_with("x(2 more log lines are not shown)\n"));
    }
}
