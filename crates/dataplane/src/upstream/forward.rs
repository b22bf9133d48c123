//! Which headers of a client go along when the gateway opens a session with a server on its behalf.
//!
//! Pure. The request that opens the session is the gateway's own: what describes the client's connection, body or
//! session must not stand on it; what policies and servers may want to know about the caller should. The client's trace
//! context goes along too: the gateway's own takes its place wherever there is one.

use http::header::{self, HeaderMap, HeaderName};
use mcp_gateway_core::config::Mode;
use mcp_gateway_core::header::{BAGGAGE, LAST_EVENT_ID, is_internal, is_mcp};

/// Headers that describe one connection (RFC 9110 §7.6.1, and the old ones that clients still send).
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];
/// Headers that the gateway writes itself, or that are about the client's own request.
const REPLACED: [HeaderName; 8] = [
    header::HOST,
    header::ORIGIN,
    header::EXPECT,
    header::ACCEPT,
    // An encoding that the client can read is none that the gateway can.
    header::ACCEPT_ENCODING,
    header::USER_AGENT,
    HeaderName::from_static(LAST_EVENT_ID),
    // Of it only what the configuration allows goes on, which the router adds.
    HeaderName::from_static(BAGGAGE),
];
/// Headers that prove who the client is towards the gateway.
const CREDENTIALS: [HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// Keeps of `client` what may go along with an `initialize` of the gateway.
///
/// Never kept: hop-by-hop headers and those that `Connection` names, pseudo headers, everything of MCP (`mcp-*`: session,
/// version, and what 2026-07-28 says about another request), everything internal, `Host`, `Origin`, `Content-*`, `Accept`.
/// In standalone mode nobody behind the gateway is meant to see the client's credentials, so they stay here; in envoy
/// mode they pass, because the policies on the server's route judge them.
pub fn forwarded_headers(client: &HeaderMap, mode: Mode) -> HeaderMap {
    let named = connection_named(client);
    let mut kept = HeaderMap::with_capacity(client.len());
    for (name, value) in client {
        if may_pass(name, mode) && !named.contains(name) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

fn may_pass(name: &HeaderName, mode: Mode) -> bool {
    let text = name.as_str();
    let credential = CREDENTIALS.contains(name);
    !(HOP_BY_HOP.contains(name)
        || REPLACED.contains(name)
        || text.starts_with(':')
        || text.starts_with("content-")
        || is_mcp(text)
        || is_internal(text)
        || (credential && mode == Mode::Standalone))
}

/// The headers that `Connection` declares to be about this connection.
fn connection_named(client: &HeaderMap) -> Vec<HeaderName> {
    let values = client.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderMap, HeaderName, HeaderValue};
    use mcp_gateway_core::config::Mode;

    use super::forwarded_headers;

    fn check(name: &'static str, standalone: bool, envoy: bool) {
        let mut client = HeaderMap::new();
        client.insert(HeaderName::from_static(name), HeaderValue::from_static("value"));
        for (mode, expect) in [(Mode::Standalone, standalone), (Mode::Envoy, envoy)] {
            let kept = forwarded_headers(&client, mode);
            assert_eq!(kept.contains_key(name), expect, "{name} in {}", mode.as_str());
        }
    }

    #[test]
    fn headers_pass_by_what_they_are_about() {
        for name in [
            "x-tenant",
            "accept-language",
            "x-request-id",
            "x-forwarded-for",
            "traceparent",
            "tracestate",
        ] {
            check(name, true, true);
        }
        for name in ["authorization", "cookie", "proxy-authorization"] {
            check(name, false, true);
        }
        for name in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "host",
            "origin",
            "expect",
            "accept",
            "accept-encoding",
            "user-agent",
            "content-type",
            "content-length",
            "content-encoding",
            "last-event-id",
            "baggage",
            "mcp-session-id",
            "mcp_session_id",
            "mcp-protocol-version",
            "mcp-method",
            "mcp-name",
            "mcp-init-host",
            "router-key",
            "x-mcp-authorized",
            "x-mcp-anything",
        ] {
            check(name, false, false);
        }
    }

    #[test]
    fn what_connection_names_stays_and_repeated_headers_all_pass() {
        let mut client = HeaderMap::new();
        client.insert("connection", HeaderValue::from_static("close, X-Hop"));
        client.insert("x-hop", HeaderValue::from_static("1"));
        client.append("x-many", HeaderValue::from_static("1"));
        client.append("x-many", HeaderValue::from_static("2"));
        let kept = forwarded_headers(&client, Mode::Envoy);
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert_eq!(kept.get_all("x-many").iter().count(), 2);
    }
}
