//! Integration tests of the crate: over the wire to real receivers and to one of our own that misbehaves on demand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking and says why"
)]

mod console;
mod cost;
mod environment;
mod export;
mod faults;
mod logs;
mod loss;
mod metrics;
mod names;
mod off;
mod propagation;
mod recorder;
mod reference;
mod resolution;
mod retry;
mod rotel;
mod shutdown;
mod support;
mod tls;
