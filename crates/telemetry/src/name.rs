//! Every name that telemetry writes: spans, attributes, values of `error_source`, events, metrics.
//!
//! Names are constants of this room and of no other, so that a name is spelled once and a search finds its uses. The
//! OpenTelemetry crate of generated names is not used: it moves names between versions, and a span
//! that is renamed by an upgrade breaks dashboards.

pub mod attribute;
pub mod error_source;
pub mod event;
pub mod metric;
pub mod span;

#[cfg(test)]
mod tests;
