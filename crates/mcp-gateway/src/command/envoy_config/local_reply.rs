//! What Envoy answers by itself on the MCP path, in a form that an MCP client can parse.
//!
//! What the gateway never saw gets here: no gateway, headers too large, a body cut short, no such host. There is no
//! request id to give back, so these are error messages without one. So does what breaks off between the head of a
//! server's response and the gateway's word on it: for that the gateway leaves an error with every call.
//!
//! Answers of the gateway pass through the same place in Envoy and are recognised by what Envoy's own never have at that
//! point: a content type, or the gateway's word in the response code details.

use std::iter;

use mcp_gateway_dataplane::ext_proc::{METADATA_ERROR, METADATA_NAMESPACE};
use serde_json::{Value, json};

use super::{put, typed};

/// Holds for Envoy's own answers: the response code details of the gateway's begin with its name.
const OF_ENVOY: &str =
    "!('content-type' in response.headers) && !response.code_details.startsWith('mcp_gateway')";

/// JSON-RPC: the request is at fault.
const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC: the request is not.
const INTERNAL_ERROR: i32 = -32603;

/// Statuses with a sentence of their own; the last two rows are for every other one.
const ANSWERS: [(Statuses, i32, &str); 8] = [
    (Statuses::One(404), INVALID_REQUEST, "no such host or path"),
    (Statuses::One(408), INVALID_REQUEST, "the request took too long to arrive"),
    (Statuses::One(413), INVALID_REQUEST, "the request body is too large"),
    (Statuses::One(431), INVALID_REQUEST, "the request headers are too large"),
    (Statuses::One(503), INTERNAL_ERROR, "the service is not available"),
    (Statuses::One(504), INTERNAL_ERROR, "the service did not answer in time"),
    (Statuses::Until(499), INVALID_REQUEST, "the request was refused"),
    (Statuses::Until(599), INTERNAL_ERROR, "the request failed"),
];

#[derive(Clone, Copy)]
enum Statuses {
    One(u16),
    /// From 400 to this one.
    Until(u16),
}

/// Returns the mapping of Envoy's own answers; the first row that fits a status is used.
pub(super) fn local_reply_config() -> Value {
    let mappers = ANSWERS.iter().map(|row| of_status(row.0, row.1, row.2));
    json!({ "mappers": iter::once(of_gateway()).chain(mappers).collect::<Vec<_>>() })
}

/// Answers with the error that the gateway has left with a call: it has the request's id, and names the server.
fn of_gateway() -> Value {
    let left = format!("'{METADATA_NAMESPACE}' in metadata.filter_metadata");
    let body = format!("%DYNAMIC_METADATA({METADATA_NAMESPACE}:{METADATA_ERROR})%");
    let mut mapper = mapper(&format!("{left} && {OF_ENVOY}"), &body);
    put(&mut mapper, "status_code", json!(200));
    mapper
}

fn of_status(statuses: Statuses, code: i32, message: &str) -> Value {
    let status = match statuses {
        Statuses::One(status) => format!("response.code == {status}"),
        Statuses::Until(last) => format!("response.code >= 400 && response.code <= {last}"),
    };
    // A request that Envoy could not read has no path yet.
    let on_mcp_path = "!has(request.path) || request.path == '/mcp' \
        || request.path.startsWith('/mcp/') || request.path.startsWith('/mcp?')";
    let body = format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":"{message}"}}}}"#);
    mapper(&format!("{status} && {OF_ENVOY} && ({on_mcp_path})"), &body)
}

fn mapper(expression: &str, body: &str) -> Value {
    json!({
        "filter": {
            "extension_filter": {
                "name": "envoy.access_loggers.extension_filters.cel",
                "typed_config": typed(
                    "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
                    json!({ "expression": expression }),
                ),
            },
        },
        "body_format_override": {
            "text_format_source": { "inline_string": body },
            "content_type": "application/json",
        },
    })
}
