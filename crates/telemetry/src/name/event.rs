//! Names of events: what tells log records of one kind from all others over OTLP, whatever their message says.
//!
//! Given to a line by `tracing::info!(name: event::READY, …)`, or by a field `event.name`. A line without a name is a log
//! record without one, never one with the name of a file.

/// The gateway takes requests.
pub const READY: &str = "mcp_gateway.ready";
/// The gateway takes no new requests.
pub const STOPPING: &str = "mcp_gateway.stopping";
/// Another configuration has taken effect.
pub const CONFIG_CHANGED: &str = "mcp_gateway.config.changed";
/// A configuration cannot be used; the one before stays.
pub const CONFIG_REFUSED: &str = "mcp_gateway.config.refused";
