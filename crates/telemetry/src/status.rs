//! What the gateway says about its own telemetry: what is on, where it goes, what was lost.
//!
//! [`Status`] is shared with `/status` and `/metrics`; it only reads.

use std::sync::Arc;

pub use crate::export::cause::{FailureCause, TlsCause};
use crate::export::health::Health;
pub use crate::export::health::{DropReason, ExporterStatus, FailureReason};
use crate::metrics::ExemplarFilter;
use crate::sampling::SamplingStatus;
pub use crate::settings::Setting;
use crate::tracer::Tracer;

/// Reads the state of telemetry; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    exporters: Vec<Arc<Health>>,
    tracer: Tracer,
    settings: Vec<Setting>,
    resource: Vec<(String, String)>,
    exemplars: ExemplarFilter,
}

impl Status {
    /// The status of telemetry that is switched off.
    pub fn off() -> Self {
        Self::default()
    }

    pub(crate) fn new(
        exporters: Vec<Arc<Health>>,
        tracer: Tracer,
        settings: Vec<Setting>,
        resource: Vec<(String, String)>,
        exemplars: ExemplarFilter,
    ) -> Self {
        Self(Arc::new(Inner { exporters, tracer, settings, resource, exemplars }))
    }

    /// Says whether spans are made at all.
    pub fn is_on(&self) -> bool {
        self.0.tracer.is_on()
    }

    /// Every setting with the variable that it comes from.
    pub fn settings(&self) -> &[Setting] {
        &self.0.settings
    }

    /// What telemetry says about the process: `service.name` and the other resource attributes.
    pub fn resource(&self) -> &[(String, String)] {
        &self.0.resource
    }

    /// Which observations keep the trace that they were made in.
    pub fn exemplars(&self) -> ExemplarFilter {
        self.0.exemplars
    }

    /// The state of every exporter; empty when nothing is exported.
    pub fn exporters(&self) -> Vec<ExporterStatus> {
        self.0.exporters.iter().map(|health| health.status()).collect()
    }

    /// How many traces were decided how; absent when no spans are made.
    pub fn sampling(&self) -> Option<SamplingStatus> {
        self.is_on().then(|| self.0.tracer.sampling_status())
    }

    /// How many requests came with a parent that said `sampled=0`, and have no spans for that reason.
    pub fn not_sampled_by_parent(&self) -> u64 {
        self.0.tracer.not_sampled_by_parent()
    }
}
