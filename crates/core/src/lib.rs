//! What the gateway knows about MCP, as pure functions and types.
//!
//! Nothing here opens a socket, reads a clock or waits: messages come in as bytes, decisions and bytes go out.
//! The rooms, in the order of a request's way:
//!
//! - [`header`]: header names, and which of them belong to the gateway alone.
//! - [`jsonrpc`]: messages, read strictly and changed by the byte.
//! - [`sse`]: streams of server-sent events, read as they arrive and written.

pub mod header;
pub mod jsonrpc;
pub mod sse;
