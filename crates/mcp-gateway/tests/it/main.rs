//! Tests of the whole program, from outside: real processes, real sockets, a real Envoy and a real OTLP receiver.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking and says why"
)]
#![allow(unreachable_pub, reason = "a test program has no outside")]

mod audit;
mod calls;
mod cli;
mod demo;
mod doctor;
mod edge;
mod exported;
mod faults;
mod harness;
mod invariant;
mod life;
mod observability;
mod readme;
mod refusals;
mod serve;
mod signals;
mod support;
mod trace;
