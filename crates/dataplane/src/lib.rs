//! Placeholder.

pub mod broker;
pub mod chain;
pub mod clock;
pub mod http;
pub mod session;
pub mod snapshot;

pub mod store;
pub mod upstream;
