//! What the tests are made of: the programs they start, the servers they talk to, and how they look at what came out.
//!
//! Everything listens on loopback, on ports of its own, and is gone when its value is dropped. A part that belongs to
//! a failing test prints what it had to say.

pub mod edge;
pub mod envoy;
pub mod fault_server;
pub mod gateway;
pub mod host;
pub mod http;
pub mod mcp_client;
pub mod mcp_server;
pub mod otlp;
pub mod port;
pub mod program;
pub mod raw_server;
pub mod record;
pub mod sample_span;
pub mod scratch;
pub mod span;
pub mod tools;
pub mod tree;
pub mod wait;
