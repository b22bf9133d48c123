//! Integration tests of the crate.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failing test may panic"
)]

mod audit_reference;
mod broker;
mod edge;
mod reload;
mod router;
mod server;
mod session;
mod store;
mod support;
mod upstream;
