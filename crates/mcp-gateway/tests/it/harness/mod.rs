//! The harness, tested before it is believed.

mod otlp;
mod processes;
mod servers;
mod tree;
