//! Which host a request is for: the gateway, or a server behind it.

use std::sync::Arc;

use http::HeaderMap;

use crate::header::{MCP_INIT_HOST, ROUTER_KEY};
use crate::routing::admission::host_of;
use crate::routing::{ServerRoute, Snapshot};

/// Whom a request's head addresses.
#[derive(Clone, Debug)]
pub enum Destination {
    /// The gateway: a client's request.
    Gateway,
    /// A server's own virtual host. Only the gateway itself may send such a request; the caller verifies its routing
    /// token against the server's hostname.
    Server(Arc<ServerRoute>),
    /// It carries marks of a request of the gateway, but for no server that exists.
    NoSuchServer,
}

/// Reads whom the request addresses, from its authority and from the gateway's own headers.
///
/// A request that merely *claims* to be the gateway's (`mcp-init-host` or `router-key` present) is never treated as a
/// client's, so that its claim is verified and not stripped.
pub fn destination(snapshot: &Snapshot, authority: &str, headers: &HeaderMap) -> Destination {
    let host = host_of(authority).to_ascii_lowercase();
    let named = match headers.get(MCP_INIT_HOST).map(|value| value.to_str()) {
        Some(Ok(name)) => name.to_ascii_lowercase(),
        Some(Err(_)) => return Destination::NoSuchServer,
        None => host,
    };
    match snapshot.server_by_host(&named) {
        Some(route) => Destination::Server(Arc::clone(route)),
        None if headers.contains_key(MCP_INIT_HOST) || headers.contains_key(ROUTER_KEY) => {
            Destination::NoSuchServer
        }
        None => Destination::Gateway,
    }
}
