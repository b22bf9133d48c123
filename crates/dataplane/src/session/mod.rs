//! Sessions: the gateway's own, which a client holds as a signed token, and those that the gateway holds with each
//! server on behalf of one gateway session.
//!
//! The two kinds have two types, [`GatewaySessionId`] and [`UpstreamSessionId`], so that one can never be sent where
//! the other belongs. Nothing here speaks HTTP or MCP: opening and closing a session with a server is handed in.

pub mod cache;
pub mod close;
pub mod id;
pub mod key;
pub mod routing_token;
pub mod token;
pub mod upstream;

pub use cache::{ServerSession, SessionCache, UpstreamSession};
pub use close::{Closer, SessionCloser};
pub use id::{GatewaySessionId, Jti, UpstreamSessionId};
pub use key::{SigningKey, SigningKeys};
pub use routing_token::{RoutingToken, RoutingTokenError, RoutingTokens};
pub use token::{GatewaySession, SessionError, SessionFacts, SessionTokens};
pub use upstream::{OpenError, OpenSpans, Opened, UpstreamSessions};
