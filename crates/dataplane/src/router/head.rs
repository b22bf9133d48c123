//! The head of a client's request, in the same form from both front ends.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, Method, Version};
use mcp_gateway_core::config::Config;
use mcp_gateway_core::header::{self, MCP_INIT_HOST, ROUTER_KEY, X_REQUEST_ID};
use mcp_gateway_core::routing::client_address;

/// Method, target and headers of one request.
#[derive(Clone)]
pub struct RequestHead {
    /// The HTTP method.
    pub method: Method,
    /// The authority that the client addressed: `Host` or `:authority`, possibly empty.
    pub authority: String,
    /// Path and query as received.
    pub path_and_query: String,
    /// All other headers, names in lower case.
    pub headers: HeaderMap,
    /// The other end of the connection; `None` behind Envoy, which appends its address to `x-forwarded-for`.
    pub peer: Option<SocketAddr>,
    /// The version of HTTP that the client speaks; `None` behind Envoy, which does not say.
    pub version: Option<Version>,
}

impl fmt::Debug for RequestHead {
    /// Shows what is sent, not what is secret in it: values of headers and the query are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method)
            .field("path", &self.path())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl RequestHead {
    /// The path without query.
    pub fn path(&self) -> &str {
        self.path_and_query.split('?').next().unwrap_or_default()
    }

    /// Says whether the path is the MCP endpoint.
    pub fn is_mcp(&self) -> bool {
        matches!(self.path(), "/mcp" | "/mcp/")
    }

    /// Says whether a message is to be expected in the body.
    pub fn carries_message(&self) -> bool {
        self.method == Method::POST && self.is_mcp()
    }

    /// The id of this HTTP request, when it has one.
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get(X_REQUEST_ID)?.to_str().ok()
    }

    /// The address of who sent it: one that is no trusted proxy's.
    pub(super) fn client_address(&self, config: &Config) -> Option<IpAddr> {
        let peer = self.peer.map(|peer| peer.ip());
        client_address(&self.headers, peer, &config.trusted_proxies)
    }

    /// The port of who sent it, when `client` is the other end of the connection, not somebody behind a proxy.
    pub(super) fn client_port(&self, client: Option<IpAddr>) -> Option<u16> {
        let peer = self.peer?;
        (client?.to_canonical() == peer.ip().to_canonical()).then(|| peer.port())
    }

    /// Removes the marks of a request of the gateway itself, which no server may see; what it tells policies stays.
    pub(super) fn strip_routing_token(&mut self) -> Vec<String> {
        let marks = [ROUTER_KEY, MCP_INIT_HOST];
        marks
            .into_iter()
            .filter(|name| self.headers.remove(*name).is_some())
            .map(str::to_owned)
            .collect()
    }

    /// Removes every header that belongs to the gateway alone, and returns the removed names.
    pub(super) fn strip_internal_headers(&mut self) -> Vec<String> {
        let internal: Vec<_> = self
            .headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .filter(|name| header::is_internal(name))
            .collect();
        for name in &internal {
            self.headers.remove(name);
        }
        internal
    }

    /// Removes the caller's trace context, and returns the names that were there.
    pub(super) fn strip_trace(&mut self) -> impl Iterator<Item = String> {
        let names = [header::TRACEPARENT, header::TRACESTATE];
        names.into_iter().filter(|name| self.headers.remove(*name).is_some()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::RequestHead;

    #[test]
    fn printed_head_has_no_values() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("Bearer secret"));
        let head = RequestHead {
            method: Method::POST,
            authority: "localhost".to_owned(),
            path_and_query: "/mcp?token=secret".to_owned(),
            headers,
            peer: None,
            version: None,
        };
        let printed = format!("{head:?}");
        assert!(printed.contains("authorization") && printed.contains("/mcp"), "{printed}");
        assert!(!printed.contains("secret"), "{printed}");
    }
}
