//! What a routed call looks like to its server: the bytes and headers that differ from what the client sent.

use std::fmt::Write;

use bytes::Bytes;
use http::HeaderValue;

use crate::header::{X_MCP_ANNOTATION_HINTS, X_MCP_METHOD, X_MCP_SERVERNAME, X_MCP_TOOLNAME};
use crate::jsonrpc::{Message, Splice};
use crate::mcp::method;
use crate::routing::ToolCall;

/// The trace context that a server receives.
#[derive(Clone, Copy, Debug)]
pub struct TraceStamp<'a> {
    /// W3C `traceparent`.
    pub traceparent: &'a str,
    /// W3C `tracestate`, never empty.
    pub tracestate: Option<&'a str>,
}

/// What becomes of the trace context that a client has put into its message.
#[derive(Clone, Copy, Debug)]
pub enum TraceEdit<'a> {
    /// It passes: there are no spans, and nothing to say in its place.
    Kept,
    /// It goes: this client's is not trusted.
    Removed,
    /// The gateway's takes its place.
    Set(TraceStamp<'a>),
}

/// The body for the server: `params.name` without prefix, the trace keys in `params._meta` as `trace` says; where the client
/// has baggage there, `baggage` takes its place. Every other byte is the client's.
pub fn call_body(
    message: &Message<'_>,
    call: &ToolCall,
    trace: TraceEdit<'_>,
    baggage: Option<&str>,
) -> Bytes {
    let mut splice = Splice::new(message);
    let bare = call.route.tool.name();
    if bare != call.route.served.as_ref() {
        splice.set_string_param("name", bare);
    }
    match trace {
        TraceEdit::Kept => {}
        TraceEdit::Removed => splice.remove_trace(),
        TraceEdit::Set(trace) => splice.set_trace(trace.traceparent, trace.tracestate),
    }
    splice.replace_baggage(baggage);
    splice.finish().into()
}

/// The headers that tell policies after the router what is called: method, tool, server, hints.
///
/// A name that no header can carry (control characters) is percent-encoded.
pub fn call_headers(call: &ToolCall) -> Vec<(&'static str, HeaderValue)> {
    let mut headers = vec![
        (X_MCP_METHOD, HeaderValue::from_static(method::TOOLS_CALL)),
        (X_MCP_TOOLNAME, header_value(call.route.tool.name())),
        (X_MCP_SERVERNAME, header_value(call.route.server.name())),
    ];
    if let Some(hints) = call.route.tool.hints() {
        headers.push((X_MCP_ANNOTATION_HINTS, header_value(&hints.to_string())));
    }
    headers
}

/// The bytes of a method's name that policies see: methods of MCP are far shorter, and a header must not be of any length.
const METHOD_BYTES_MAX: usize = 256;

/// The value of `x-mcp-method` for a message that the broker answers: whatever a client sent, a header can carry it.
pub fn method_header(method: &str) -> HeaderValue {
    let end =
        (0..=METHOD_BYTES_MAX.min(method.len())).rev().find(|at| method.is_char_boundary(*at));
    header_value(method.get(..end.unwrap_or_default()).unwrap_or_default())
}

/// `text` as a header value; anything outside visible ASCII is percent-encoded, so that a policy compares one form.
fn header_value(text: &str) -> HeaderValue {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x21..=0x7e).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
    HeaderValue::try_from(out).unwrap_or_else(|_| HeaderValue::from_static(""))
}
