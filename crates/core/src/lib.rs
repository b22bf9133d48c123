//! What the gateway knows about MCP, as pure functions and types.
//!
//! Nothing here opens a socket, reads a clock or waits: messages come in as bytes, decisions and bytes go out.
//! The rooms, in the order of a request's way:
//!
//! - [`config`]: the configuration file, checked as a whole, every problem with its path.
//! - [`mcp`]: protocol revisions, version negotiation, method names.
//! - [`header`]: header names, and which of them belong to the gateway alone.

pub mod config;
pub mod header;
pub mod mcp;
