//! What the gateway knows about MCP, as pure functions and types.
//!
//! Nothing here opens a socket, reads a clock or waits: messages come in as bytes, decisions and bytes go out.
//! The rooms, in the order of a request's way:
//!
//! - [`config`]: the configuration file, checked as a whole, every problem with its path;
//! - [`header`]: header names, and which of them belong to the gateway alone;
//! - [`mcp`]: protocol revisions, version negotiation, method names;
//! - [`jsonrpc`]: messages, read strictly and changed by the byte;
//! - [`sse`]: streams of server-sent events, read as they arrive and written;
//! - [`routing`]: the snapshot of what is known, and the decision where a message goes;
//! - [`catalog`]: the tools of all servers as one list;
//! - [`answer`]: what the server answered, read while it passes;
//! - [`capture`]: what of arguments and results may be written down.

pub mod answer;
pub mod capture;
pub mod catalog;
pub mod config;
pub mod header;
pub mod jsonrpc;
pub mod mcp;
pub mod routing;
pub mod sse;
