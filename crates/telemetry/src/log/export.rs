//! Log events on their way to receivers: the layer that leaves a record of each in the queues of the exporters.
//!
//! It sees what standard output sees, because one [`super::Filter`] stands in front of both. Only what exporters say themselves
//! is left out: else each export would be a reason for another. Audit events have queues of their own, so that no flood of
//! other lines can push them out.

use std::sync::Arc;

use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::filter::AUDIT_TARGET;
use super::record::LogRecord;
use crate::export::exporters::Queues;
use crate::export::runtime::is_export_thread;
use crate::settings::limits::AttributeLimits;

/// What the targets of the exporters' own lines begin with.
const EXPORTERS: &str = "mcp_gateway_telemetry::export";

/// Where log events are left for receivers; cheap to clone.
///
/// Made by [`crate::Telemetry::log_records`] and given to [`super::init`]. After the shutdown of telemetry it counts what it
/// still gets as dropped.
#[derive(Clone, Debug, Default)]
pub struct Records(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    limits: AttributeLimits,
    logs: Queues<LogRecord>,
    audit: Queues<LogRecord>,
}

impl Records {
    /// Nothing is exported.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Leaves audit events in `audit` and all else in `logs`; nothing when there are no queues.
    pub(crate) fn new(
        limits: AttributeLimits,
        logs: Queues<LogRecord>,
        audit: Queues<LogRecord>,
    ) -> Self {
        let is_off = logs.is_empty() && audit.is_empty();
        Self((!is_off).then(|| Arc::new(Inner { limits, logs, audit })))
    }
}

impl<S: Subscriber> Layer<S> for Records {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(inner) = &self.0 else {
            return;
        };
        if is_of_an_exporter(event.metadata()) {
            return;
        }
        let is_audit = event.metadata().target() == AUDIT_TARGET;
        let queues = if is_audit { &inner.audit } else { &inner.logs };
        let Some((last, others)) = queues.split_last() else {
            return;
        };
        let record = LogRecord::new(event, inner.limits);
        for queue in others {
            queue.push(record.clone());
        }
        last.push(record);
    }
}

/// Says whether an event is about exporting, or happens while something is exported.
fn is_of_an_exporter(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with(EXPORTERS) || is_export_thread()
}
