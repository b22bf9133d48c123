//! How finished items are gathered before they are sent: the `OTEL_BSP_*` variables for spans, `OTEL_BLRP_*` for log records.

use std::time::Duration;

use super::reader::Reader;
use crate::signal::Signal;

/// Longest queue that the environment may ask for, in items; a recorded span takes about a kilobyte.
pub const QUEUE_SIZE_MAX: u64 = 100_000;
/// Longest delay and time-out that the environment may ask for, in milliseconds (ten minutes).
pub(super) const WAIT_MS_MAX: u64 = 600_000;

/// How items are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The bound of the queue, in items.
    pub(crate) queue_items_max: usize,
    /// The bound of one request, in items; at most the bound of the queue.
    pub(crate) items_max: usize,
    /// The time between two requests when items come slowly.
    pub(crate) delay: Duration,
    /// The time for one batch, whatever the exporter allows itself.
    pub(crate) export_timeout: Duration,
}

/// The variables of one kind of item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family {
    signal: Signal,
    prefix: &'static str,
    defaults: Batch,
}

/// Spans: `OTEL_BSP_*`.
pub(super) const SPANS: Family =
    Family { signal: Signal::Traces, prefix: "OTEL_BSP_", defaults: Batch::with_delay(5) };
/// Log records: `OTEL_BLRP_*`.
pub(super) const LOG_RECORDS: Family =
    Family { signal: Signal::Logs, prefix: "OTEL_BLRP_", defaults: Batch::with_delay(1) };

impl Batch {
    /// The values of the specification, in which only the delay differs between spans and log records.
    const fn with_delay(seconds: u64) -> Self {
        Self {
            queue_items_max: 2048,
            items_max: 512,
            delay: Duration::from_secs(seconds),
            export_timeout: Duration::from_secs(30),
        }
    }

    /// Reads `_MAX_QUEUE_SIZE`, `_MAX_EXPORT_BATCH_SIZE`, `_SCHEDULE_DELAY` and `_EXPORT_TIMEOUT`.
    pub(super) fn read(reader: &mut Reader<'_>, family: &Family) -> Self {
        let defaults = family.defaults;
        let queue_items_max =
            size(reader, family, "MAX_QUEUE_SIZE", defaults.queue_items_max, usize::MAX);
        let items_max =
            size(reader, family, "MAX_EXPORT_BATCH_SIZE", defaults.items_max, queue_items_max);
        Self {
            queue_items_max,
            items_max,
            delay: wait(reader, family, "SCHEDULE_DELAY", defaults.delay),
            export_timeout: wait(reader, family, "EXPORT_TIMEOUT", defaults.export_timeout),
        }
    }
}

impl Family {
    fn variable(&self, what: &str) -> String {
        format!("{}{what}", self.prefix)
    }

    /// `MAX_QUEUE_SIZE` → `traces.batch.max_queue_size`.
    fn setting(&self, what: &str) -> String {
        format!("{}.batch.{}", self.signal, what.to_ascii_lowercase())
    }
}

/// Reads a number of items, at most `most`.
fn size(
    reader: &mut Reader<'_>,
    family: &Family,
    what: &str,
    default: usize,
    most: usize,
) -> usize {
    let variable = family.variable(what);
    let found = reader.number(&variable, 1..=QUEUE_SIZE_MAX);
    let found = found.and_then(|size| usize::try_from(size).ok());
    if found.is_some_and(|size| size > most) {
        reader.warn(&variable, format!("is larger than the queue, taken as {most}"));
    }
    let size = found.unwrap_or(default).min(most);
    reader.note(&family.setting(what), size, found.map(|_| &*variable));
    size
}

fn wait(reader: &mut Reader<'_>, family: &Family, what: &str, default: Duration) -> Duration {
    let variable = family.variable(what);
    let found = reader.millis(&variable, WAIT_MS_MAX);
    let wait = found.unwrap_or(default);
    reader.note(&family.setting(what), format!("{wait:?}"), found.map(|_| &*variable));
    wait
}
