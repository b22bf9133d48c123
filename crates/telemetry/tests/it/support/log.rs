//! Log lines of this process, the threads of exporters included.

use std::io::{self, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use mcp_gateway_telemetry::log::{Format, subscriber};

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STARTED: OnceLock<()> = OnceLock::new();

struct Sink;

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Starts to collect lines; every test that reads them calls it first.
pub(crate) fn start() {
    STARTED.get_or_init(|| {
        let filter = "debug".parse().expect("a filter");
        let (subscriber, _) = subscriber(Format::Json, filter, || Sink);
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    });
}

/// The lines that contain every one of `texts`.
pub(crate) fn lines(texts: &[&str]) -> Vec<String> {
    let bytes = LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let lines = text.lines().filter(|line| texts.iter().all(|text| line.contains(text)));
    lines.map(ToOwned::to_owned).collect()
}
