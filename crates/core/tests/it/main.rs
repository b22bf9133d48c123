//! Integration tests of the crate.

mod config;
mod examples;
mod jsonrpc_bounds;
mod jsonrpc_read;
mod jsonrpc_refused;
mod jsonrpc_splice;
mod jsonrpc_write;
mod sse;
