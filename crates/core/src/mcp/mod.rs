//! The words of the Model Context Protocol: revisions and method names.
//!
//! No messages are built or read here (that is the room of JSON-RPC); these are names, and what they mean.

pub mod method;
mod version;

pub use version::{ProtocolVersion, negotiate};
