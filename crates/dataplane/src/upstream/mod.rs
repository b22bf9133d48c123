//! The gateway as MCP client of each server.
//!
//! - [`ServerClient`]: opens a session with one server, lists its tools, closes the session; directly or through Envoy.
//! - [`Servers`]: one manager per server keeps a session of the gateway's own, reads the list, watches for changes, and
//!   publishes the merged list as a snapshot.
//! - [`ServerFault`]: why there is no response of a server that can be used.
//! - [`forwarded_headers`]: what of a client's headers goes along when a session is opened on its behalf.
//!
//! Calls of clients do not come through here: the front ends forward them as they are. Messages are read by their
//! envelope only; tools stay the bytes that their server sent.

mod backoff;
mod client;
mod error;
mod exchange;
mod fault;
mod forward;
mod initialize;
mod list;
mod manager;
mod media;
mod message;
mod registry;
mod servers;
pub(crate) mod span;
mod status;
mod stream;
mod watch;

pub use self::client::{Answered, ServerClient, Via};
pub use self::error::{RpcError, UpstreamError};
pub use self::fault::ServerFault;
pub use self::forward::forwarded_headers;
pub use self::initialize::{InitializeContext, Initialized};
pub use self::list::{InvalidEntry, ToolList};
pub use self::manager::FAILURES_MAX;
pub use self::servers::{Servers, ServersDeps};
pub use self::status::{LastError, ServerInfo, ServerState, ServerStatus, ToolConflict, rfc3339};
