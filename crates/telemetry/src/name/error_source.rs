//! Values of the attribute `error_source`: who failed.

/// The client sent something that cannot be answered.
pub const CLIENT: &str = "client";
/// The router behind Envoy failed or refused.
pub const EXT_PROC: &str = "ext-proc";
/// The router behind the built-in proxy failed or refused.
pub const PROXY: &str = "proxy";
/// The broker failed or refused.
pub const BROKER: &str = "broker";
/// The MCP server failed, or could not be reached.
pub const BACKEND: &str = "backend";
/// Nobody can know: behind Envoy an answer that breaks off looks the same whether the client left or the server did.
pub const UNKNOWN: &str = "unknown";
