//! `tools/list`: the merged list of all servers, from bytes that were prepared when the list last changed.
//!
//! The list has one page, so no cursor was ever given out.

use http::Response;
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_core::routing::{Snapshot, Visibility};
use mcp_gateway_telemetry::name::{attribute, span};
use mcp_gateway_telemetry::{Span, SpanKind};

use crate::broker::body::Body;
use crate::broker::respond::{self, BrokerError};

/// Answers the request `message` with what `visibility` shows of `snapshot`.
///
/// Errors: [`BrokerError::UnknownCursor`] for any cursor but `null`, which some clients send for none.
pub(super) fn answer(
    snapshot: &Snapshot,
    visibility: &Visibility,
    message: &Message<'_>,
    id: &Id,
    parent: &Span,
) -> Result<Response<Body>, BrokerError> {
    let list = parent.child(span::BROKER_TOOLS_LIST, SpanKind::Internal, |_| {});
    if message.param("cursor").is_some_and(|cursor| !cursor.is_null()) {
        BrokerError::UnknownCursor.write(&list);
        return Err(BrokerError::UnknownCursor);
    }
    list.set(|attributes| {
        let count = i64::try_from(snapshot.tools_count(visibility)).unwrap_or(i64::MAX);
        attributes.put(attribute::MCP_TOOLS_COUNT, count);
    });
    let response = respond::result(id, &snapshot.tools_list(visibility));
    list.end();
    Ok(response)
}
