//! Where one client message goes.
//!
//! [`Snapshot`] is what the gateway knows at one moment: configuration, servers, tools. It never changes once built;
//! a new one replaces it. [`destination`] looks at the head of a request, [`decide`] at its message; both are pure.
//! Every refusal is a [`Rejection`], which alone knows its HTTP status, JSON-RPC code and reason. Nothing here verifies
//! a signature or waits: the caller does, and passes what it found as [`SessionState`] and [`Visibility`].

mod admission;
mod client_address;
mod decide;
mod destination;
mod edits;
mod rejection;
mod snapshot;
mod visibility;

#[cfg(test)]
mod tests;

pub use admission::{check_content_type, check_host_and_origin, check_protocol_version};
pub use client_address::client_address;
pub use decide::{Decision, SessionState, ToolCall, decide};
pub use destination::{Destination, destination};
pub use edits::{TraceEdit, TraceStamp, call_body, call_headers, method_header};
pub use rejection::Rejection;
pub use snapshot::{ServerRoute, Snapshot, ToolRoute};
pub use visibility::Visibility;
