//! What the gateway says about its own telemetry: what is on, where it goes, what was lost.
//!
//! [`Status`] is shared with `/status` and `/metrics`; it only reads.

use std::sync::Arc;

use crate::export::health::Health;
pub use crate::export::health::{DropReason, ExporterStatus, FailureReason};
use crate::tracer::Tracer;

/// Reads the state of telemetry; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    exporters: Vec<Arc<Health>>,
    tracer: Tracer,
}

impl Status {
    /// The status of telemetry that is switched off.
    pub fn off() -> Self {
        Self::default()
    }

    pub(crate) fn new(exporters: Vec<Arc<Health>>, tracer: Tracer) -> Self {
        Self(Arc::new(Inner { exporters, tracer }))
    }

    /// The state of every exporter; empty when nothing is exported.
    pub fn exporters(&self) -> Vec<ExporterStatus> {
        self.0.exporters.iter().map(|health| health.status()).collect()
    }

    /// How many requests came with a parent that said `sampled=0`, and have no spans for that reason.
    pub fn not_sampled_by_parent(&self) -> u64 {
        self.0.tracer.not_sampled_by_parent()
    }
}
