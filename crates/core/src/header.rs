//! Every header name that the gateway reads, sets or removes, and which of them belong to the gateway alone.
//!
//! Names are lower case, as HTTP/2 and Envoy write them. Nothing here reads a value.

/// The MCP session id: the gateway's own towards clients, the server's own towards a server.
pub const MCP_SESSION_ID: &str = "mcp-session-id";
/// The protocol revision that a client says it speaks, such as `2025-11-25`.
pub const MCP_PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The id of the last event that a client saw on a stream.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// The JSON-RPC method of a routed request, for policies that run after the router.
pub const X_MCP_METHOD: &str = "x-mcp-method";
/// The tool's name as its server knows it (without prefix), for policies.
pub const X_MCP_TOOLNAME: &str = "x-mcp-toolname";
/// The name of the server that answers, or [`BROKER`], for policies.
pub const X_MCP_SERVERNAME: &str = "x-mcp-servername";
/// The tool's annotations in short form: `readOnly=true,destructive=unspecified,…`.
pub const X_MCP_ANNOTATION_HINTS: &str = "x-mcp-annotation-hints";
/// A signed claim that names what a caller may see and do.
pub const X_MCP_AUTHORIZED: &str = "x-mcp-authorized";
/// The virtual server that a caller chooses; it can only narrow what is visible.
pub const X_MCP_VIRTUALSERVER: &str = "x-mcp-virtualserver";

/// `1` asks for a trace of the request, from clients that may (`telemetry.sampling.forceFrom`).
pub const X_MCP_TRACE: &str = "x-mcp-trace";
/// The trace context that the router hands to the broker. Envoy overwrites `traceparent` on the way when its
/// own tracing is on, so the context travels in a header that only the gateway writes.
pub const X_MCP_TRACEPARENT: &str = "x-mcp-traceparent";
/// The `tracestate` that goes with [`X_MCP_TRACEPARENT`].
pub const X_MCP_TRACESTATE: &str = "x-mcp-tracestate";
/// What a request may see, as the router found it out, for the broker.
pub const X_MCP_VISIBLE: &str = "x-mcp-visible";

/// On a response of the broker: why it refused the request (`error.type`). The router takes it off for its span.
pub const X_MCP_ERROR_TYPE: &str = "x-mcp-error-type";
/// On a response of the broker: whose fault that was (`error_source`).
pub const X_MCP_ERROR_SOURCE: &str = "x-mcp-error-source";
/// On a response of the broker: the JSON-RPC error code in it.
pub const X_MCP_ERROR_CODE: &str = "x-mcp-error-code";
/// What the broker tells the router of a refusal; no client sees these.
pub const ERROR_HEADERS: [&str; 3] = [X_MCP_ERROR_TYPE, X_MCP_ERROR_SOURCE, X_MCP_ERROR_CODE];

/// A short-lived token of the gateway, bound to one host, that lets a request of its own reach that host through Envoy.
pub const ROUTER_KEY: &str = "router-key";
/// The virtual host that a request of the gateway itself is for.
pub const MCP_INIT_HOST: &str = "mcp-init-host";

/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// W3C trace context, vendor part.
pub const TRACESTATE: &str = "tracestate";
/// W3C baggage.
pub const BAGGAGE: &str = "baggage";
/// The trace that a response belongs to (W3C trace context, level 2 draft).
pub const TRACERESPONSE: &str = "traceresponse";
/// How long the parts of an exchange took.
pub const SERVER_TIMING: &str = "server-timing";
/// The id of one HTTP request.
pub const X_REQUEST_ID: &str = "x-request-id";
/// The addresses that a request came through, appended to by each proxy.
pub const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// The value of [`X_MCP_SERVERNAME`] for requests that the broker answers.
pub const BROKER: &str = "mcpBroker";

/// Says whether a header belongs to the gateway: it is removed from every request of a client before anything reads it.
///
/// `name` is lower case. The prefix covers headers that later versions add, so that none can be smuggled in. An underscore
/// counts as a hyphen, since many servers make no difference (CGI variables, WSGI).
pub fn is_internal(name: &str) -> bool {
    begins(name, "x-mcp-")
        || [ROUTER_KEY, MCP_INIT_HOST]
            .into_iter()
            .any(|own| name.len() == own.len() && begins(name, own))
}

/// Says whether a header is one of MCP's, `mcp-*`; such headers are about one request and one session.
///
/// `name` is lower case; an underscore counts as a hyphen.
pub fn is_mcp(name: &str) -> bool {
    begins(name, "mcp-")
}

fn begins(name: &str, start: &str) -> bool {
    let alike = |(byte, own): (u8, u8)| byte == own || (byte == b'_' && own == b'-');
    name.len() >= start.len() && name.bytes().zip(start.bytes()).all(alike)
}

#[cfg(test)]
mod tests {
    use super::{is_internal, is_mcp};

    #[test]
    fn invariant_2_gateway_headers_are_internal() {
        for name in [
            "x-mcp-method",
            "x-mcp-anything",
            "x-mcp-",
            "router-key",
            "mcp-init-host",
            "x_mcp_method",
            "x-mcp_method",
            "router_key",
            "mcp_init-host",
        ] {
            assert!(is_internal(name), "{name}");
        }
        for name in [
            "mcp-session-id",
            "mcp-protocol-version",
            "x-request-id",
            "authorization",
            "x-mcp",
            "router-keys",
            "router",
            "",
        ] {
            assert!(!is_internal(name), "{name}");
        }
    }

    #[test]
    fn headers_of_mcp_are_known_by_their_beginning() {
        for name in ["mcp-session-id", "mcp_session_id", "mcp-param-x"] {
            assert!(is_mcp(name), "{name}");
        }
        for name in ["x-mcp-method", "mcp", "mcps-x", ""] {
            assert!(!is_mcp(name), "{name}");
        }
    }
}
