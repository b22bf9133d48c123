//! Log lines of this process, the threads of exporters included.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use mcp_gateway_telemetry::Telemetry;
use mcp_gateway_telemetry::log::{Format, LogHandle, Records, subscriber};
use serde_json::Value;
use tracing::Dispatch;

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
        let (subscriber, _) = subscriber(Format::Json, filter, || Sink, Records::off());
        tracing::subscriber::set_global_default(subscriber).expect("no other subscriber");
    });
}

/// Standard output of one test, and the way of its log events to receivers.
#[derive(Clone, Default)]
pub(crate) struct Stdout(Arc<Mutex<Vec<u8>>>);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stdout {
    /// What a gateway with this filter and this telemetry logs with.
    pub(crate) fn logging(&self, filter: &str, telemetry: &Telemetry) -> (Dispatch, LogHandle) {
        let writer = self.clone();
        let filter = filter.parse().expect("a filter");
        let records = telemetry.log_records();
        let (subscriber, handle) =
            subscriber(Format::Json, filter, move || writer.clone(), records);
        (Dispatch::new(subscriber), handle)
    }

    /// Every line, as JSON.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

/// The lines that contain every one of `texts`.
pub(crate) fn lines(texts: &[&str]) -> Vec<String> {
    let bytes = LINES.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8(bytes).expect("UTF-8");
    let lines = text.lines().filter(|line| texts.iter().all(|text| line.contains(text)));
    lines.map(ToOwned::to_owned).collect()
}
