//! What `mcp-gateway demo` is made of: sample servers, a tour through a real client, and traces drawn as trees.

pub(crate) mod client;
pub(crate) mod log;
pub(crate) mod sample;
pub(crate) mod story;
pub(crate) mod tour;
pub(crate) mod traces;
pub(crate) mod tree;
