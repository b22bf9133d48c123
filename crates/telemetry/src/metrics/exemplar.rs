//! The trace behind an observation, and which observations keep theirs.

/// The span in which something was observed; [`crate::Span::exemplar`] makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exemplar {
    /// The trace id.
    pub trace_id: [u8; 16],
    /// The span id.
    pub span_id: [u8; 8],
    /// Whether a backend can have the span.
    pub is_sampled: bool,
}

/// Which observations keep their exemplar (`OTEL_METRICS_EXEMPLAR_FILTER`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExemplarFilter {
    /// All that were made in a span, sampled or not.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// Those that were made in a sampled span.
    #[default]
    TraceBased,
}

/// An exemplar with what was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SeenExemplar {
    pub(super) exemplar: Exemplar,
    pub(super) value: f64,
    /// In nanoseconds since the Unix epoch.
    pub(super) at: u64,
}

impl ExemplarFilter {
    /// Says whether an observation in the span of `exemplar` keeps it.
    pub(super) fn keeps(self, exemplar: &Exemplar) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::TraceBased => exemplar.is_sampled,
        }
    }
}
