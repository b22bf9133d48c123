//! The router: one pure decision per client message.

use std::sync::Arc;

use crate::jsonrpc::{Kind, Message};
use crate::mcp::method;
use crate::routing::{Rejection, Snapshot, ToolRoute, Visibility};

/// What is known of the gateway session that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// The request names no session.
    Missing,
    /// The session token was verified.
    Valid,
    /// The token is not one of this gateway's.
    Invalid,
    /// The token was good, once.
    Expired,
    /// The client has ended the session.
    Ended,
}

impl SessionState {
    /// Turns everything but a valid session into the refusal it deserves.
    pub fn require(self) -> Result<(), Rejection> {
        match self {
            Self::Valid => Ok(()),
            Self::Missing => Err(Rejection::SessionMissing),
            Self::Invalid => Err(Rejection::SessionInvalid),
            Self::Expired => Err(Rejection::SessionExpired),
            Self::Ended => Err(Rejection::SessionEnded),
        }
    }
}

/// A call that one server answers.
#[derive(Clone, Debug)]
pub struct ToolCall {
    /// The tool and its owner.
    pub route: ToolRoute,
}

/// Where a message goes.
#[derive(Clone, Debug)]
pub enum Decision {
    /// To the broker, which answers everything that is not one server's business.
    Broker,
    /// To the server that owns a tool.
    ToolCall(Box<ToolCall>),
    /// Nowhere.
    Reject(Rejection),
}

/// Decides where one client message goes. No I/O, no clock.
///
/// The order of checks for `tools/call` is name, session, tool: a client without a session cannot probe for tools.
pub fn decide(
    snapshot: &Snapshot,
    message: &Message<'_>,
    session: SessionState,
    visibility: &Visibility,
) -> Decision {
    match (message.kind(), message.method()) {
        (Kind::Request, method::TOOLS_CALL) => tool_call(snapshot, message, session, visibility)
            .map_or_else(Decision::Reject, |call| Decision::ToolCall(Box::new(call))),
        (Kind::Request | Kind::Notification | Kind::Response | Kind::ErrorResponse, _) => {
            Decision::Broker
        }
    }
}

fn tool_call(
    snapshot: &Snapshot,
    message: &Message<'_>,
    session: SessionState,
    visibility: &Visibility,
) -> Result<ToolCall, Rejection> {
    let name = message
        .param("name")
        .and_then(|name| name.as_str())
        .filter(|name| !name.is_empty())
        .ok_or(Rejection::MissingToolName)?;
    session.require()?;
    match snapshot.tool(&name, visibility) {
        Some(route) => Ok(ToolCall {
            route: ToolRoute {
                server: Arc::clone(&route.server),
                served: Arc::clone(&route.served),
                tool: route.tool.clone(),
            },
        }),
        None => Err(match snapshot.absent_server(&name, visibility) {
            Some(server) => Rejection::ServerDown(server.name().to_owned()),
            None => Rejection::UnknownTool(name.into_owned()),
        }),
    }
}
