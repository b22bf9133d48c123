//! The metrics of the process, under the names that every Prometheus client library gives them.

use super::Metric;

/// Processor time.
pub const CPU: Metric = Metric::counter(
    "process.cpu.time",
    "process_cpu_seconds_total",
    "s",
    "Processor time that the process has used, in user and system mode",
    &[],
);

/// Memory in use.
pub const MEMORY: Metric = Metric::up_down_counter(
    "process.memory.usage",
    "process_resident_memory_bytes",
    "By",
    "Physical memory that the process has in use",
    &[],
);

/// Open file descriptors, sockets among them.
pub const OPEN_FDS: Metric = Metric::up_down_counter(
    "process.unix.file_descriptor.count",
    "process_open_fds",
    "{file_descriptor}",
    "File descriptors that the process has open, sockets included",
    &[],
);

/// The bound of open file descriptors.
pub const MAX_FDS: Metric = Metric::gauge(
    "process_max_fds",
    "process_max_fds",
    "{file_descriptor}",
    "The most file descriptors that the process may have open",
    &[],
);

/// Threads.
pub const THREADS: Metric = Metric::up_down_counter(
    "process.thread.count",
    "process_threads",
    "{thread}",
    "Threads of the process",
    &[],
);

/// When the process began.
pub const START_TIME: Metric = Metric::gauge(
    "process_start_time_seconds",
    "process_start_time_seconds",
    "s",
    "When the process began, since the Unix epoch",
    &[],
);
