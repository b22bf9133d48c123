//! Peers and helpers for the integration tests.

pub(crate) mod fault_server;
pub(crate) mod listen;
pub(crate) mod sample_server;
pub(crate) mod wait;
