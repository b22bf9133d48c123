//! Integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop at what it did not expect, in its helpers as well"
)]

mod config;
mod json_text;
mod jsonrpc_bounds;
mod jsonrpc_props;
mod jsonrpc_read;
mod jsonrpc_refused;
mod jsonrpc_splice;
mod jsonrpc_write;
mod sse;
mod sse_props;
