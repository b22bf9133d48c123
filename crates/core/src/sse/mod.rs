//! Server-sent events: a reader that is fed as bytes arrive, and a writer.
//!
//! Both follow the WHATWG rules for `text/event-stream`. What an event's data means (in MCP, one JSON-RPC
//! message) is not known here, nor is reconnecting.
//!
//! Bytes come from servers' streams and go to clients' streams.

mod decode;
mod encode;
mod event;

pub use self::decode::{Decoder, SseError};
pub use self::encode::{KEEP_ALIVE, encode, encode_message};
pub use self::event::Event;

/// How many bytes one event may have by default: 16 MiB, the most that clients of MCP are known to take.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The name of an event that gives none.
pub const DEFAULT_NAME: &str = "message";
