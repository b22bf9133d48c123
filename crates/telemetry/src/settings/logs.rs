//! What the environment says about log records: exporters, batches, limits.
//!
//! What is logged, and on standard output, is for the configuration file; this is only about what is exported.

use super::batch::{self, Batch};
use super::exporters::Chosen;
use super::limits::AttributeLimits;
use super::otlp::Otlp;
use super::reader::Reader;
use crate::signal::Signal;

/// What the environment says about log records.
#[derive(Debug)]
pub(crate) struct Logs {
    /// Log records go to a receiver.
    pub(crate) otlp: Option<Otlp>,
    /// Log records go to standard output, beside the log lines.
    pub(crate) console: bool,
    pub(crate) batch: Batch,
    pub(crate) limits: AttributeLimits,
}

impl Logs {
    /// Reads everything about log records.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let chosen = Chosen::read(reader, Signal::Logs);
        Self {
            otlp: if chosen.otlp { Otlp::read(reader, Signal::Logs) } else { None },
            console: chosen.console,
            batch: Batch::read(reader, &batch::LOG_RECORDS),
            limits: AttributeLimits::of_log_records(reader),
        }
    }
}
