//! HTTP towards servers: the client with its connector, TLS trust and body reader.
//!
//! Nothing here knows MCP. Requests come from `upstream` and from the front ends, which own the deadlines.

pub mod body;
pub mod client;
mod connect;
pub mod tls;
