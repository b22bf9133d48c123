//! HTTP towards servers: the client with its connector, TLS trust and body reader; and [`server`], the accept loop of the
//! gateway's own listeners.
//!
//! Nothing here knows MCP. Requests come from `upstream` and from the front ends, which own the deadlines.

pub mod body;
pub mod client;
mod connect;
pub mod server;
mod stuck;
pub mod tls;
