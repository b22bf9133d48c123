//! JSON-RPC 2.0 messages as bytes: read strictly, changed by the byte, written by hand.
//!
//! [`Message::parse`] checks a whole text in one pass and remembers where the members of the envelope, of `params`
//! and of `params._meta` stand. Everything else stays what it was: bytes of the caller, borrowed, never turned into a
//! tree of values. [`Splice`] changes single members and leaves every other byte alone; the functions of this module
//! ([`request`], [`error_response`], …) write new messages.
//!
//! What is refused and why is in [`ParseErrorKind`]. What a method means is not known here.
//!
//! Bytes come from the front ends and the upstream client, and go back to them.

mod error;
mod id;
mod index;
mod known;
mod message;
mod object;
mod raw;
mod scan;
mod splice;
mod string;
mod write;

pub use self::error::{ParseError, ParseErrorKind};
pub use self::id::Id;
pub use self::message::{Kind, Message};
pub use self::object::{Members, Object};
pub use self::raw::{Raw, RawKind};
pub use self::splice::Splice;
pub use self::write::{
    error_response, error_response_with_data, notification, quote, request, result_response,
};

/// How deep objects and arrays of one message may stand in each other; the message itself is the first level.
///
/// Readers that recurse stop at about the same depth, so that what passes here is no danger to a server behind.
pub const DEPTH_MAX: usize = 128;
/// How many members an object may have whose members are looked at: the envelope, `params`, `params._meta`, and each
/// object read with [`Raw::object`] or [`Object::parse`].
pub const MEMBERS_MAX: usize = 1024;
/// How many items an array may have that is read with [`Raw::array`].
pub const ARRAY_ITEMS_MAX: usize = 100_000;

/// The numbers that say what kind of error an error response reports.
pub mod code {
    /// The text is not JSON.
    pub const PARSE_ERROR: i32 = -32700;
    /// The text is JSON, but not a JSON-RPC message that MCP allows.
    pub const INVALID_REQUEST: i32 = -32600;
    /// Nobody here knows the method.
    pub const METHOD_NOT_FOUND: i32 = -32601;
    /// The method is known, its `params` are not what it takes.
    pub const INVALID_PARAMS: i32 = -32602;
    /// The fault is on the answering side.
    pub const INTERNAL_ERROR: i32 = -32603;
    /// The protocol revision asked for is not spoken here.
    pub const UNSUPPORTED_PROTOCOL_VERSION: i32 = -32022;
}
