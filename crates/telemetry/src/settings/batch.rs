//! How finished items are gathered before they are sent: the `OTEL_BSP_*` variables.

use std::time::Duration;

use super::reader::Reader;

/// Longest queue that the environment may ask for, in items; a recorded span takes about a kilobyte.
pub const QUEUE_SIZE_MAX: u64 = 100_000;
/// Longest delay and time-out that the environment may ask for, in milliseconds (ten minutes).
const WAIT_MS_MAX: u64 = 600_000;

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

impl Default for Batch {
    /// The values of the specification.
    fn default() -> Self {
        Self {
            queue_items_max: 2048,
            items_max: 512,
            delay: Duration::from_secs(5),
            export_timeout: Duration::from_secs(30),
        }
    }
}

impl Batch {
    /// Reads `OTEL_BSP_MAX_QUEUE_SIZE`, `_MAX_EXPORT_BATCH_SIZE`, `_SCHEDULE_DELAY` and `_EXPORT_TIMEOUT`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let defaults = Self::default();
        let queue_items_max = size(reader, "OTEL_BSP_MAX_QUEUE_SIZE", defaults.queue_items_max);
        let variable = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
        let mut items_max = size(reader, variable, defaults.items_max);
        if items_max > queue_items_max {
            items_max = queue_items_max;
            if reader.text(variable).is_some() {
                let message = format!("is larger than the queue, taken as {queue_items_max}");
                reader.warn(variable, message);
            }
        }
        Self {
            queue_items_max,
            items_max,
            delay: wait(reader, "OTEL_BSP_SCHEDULE_DELAY", defaults.delay),
            export_timeout: wait(reader, "OTEL_BSP_EXPORT_TIMEOUT", defaults.export_timeout),
        }
    }
}

fn size(reader: &mut Reader<'_>, variable: &str, default: usize) -> usize {
    let found = reader.number(variable, 1..=QUEUE_SIZE_MAX);
    let size = found.and_then(|size| usize::try_from(size).ok()).unwrap_or(default);
    reader.note(&setting(variable), size, found.map(|_| variable));
    size
}

fn wait(reader: &mut Reader<'_>, variable: &str, default: Duration) -> Duration {
    let found = reader.number(variable, 1..=WAIT_MS_MAX);
    let wait = found.map_or(default, Duration::from_millis);
    reader.note(&setting(variable), format!("{wait:?}"), found.map(|_| variable));
    wait
}

/// `OTEL_BSP_MAX_QUEUE_SIZE` → `traces.batch.max_queue_size`.
fn setting(variable: &str) -> String {
    format!("traces.batch.{}", variable.trim_start_matches("OTEL_BSP_").to_ascii_lowercase())
}
