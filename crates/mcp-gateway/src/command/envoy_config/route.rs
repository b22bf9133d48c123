//! Virtual hosts and routes: which host and path leads to which cluster, and what a request loses on the way.
//!
//! The gateway decides by rewriting the host; these routes only follow. Nothing here has a time limit as a whole: calls
//! may take long and streams stay open. What bounds them is silence: of the server here, of both sides in the listener.

use std::collections::BTreeMap;

use mcp_gateway_core::config::{Config, Server};
use mcp_gateway_core::header;
use serde_json::{Value, json};

use super::{Edge, EnvoyConfigError, cluster, put, seconds, without_port};

/// Where MCP is served.
const MCP_PATH: &str = "/mcp";
/// Where the metadata of OAuth-protected resources begins.
const RESOURCE_METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// Headers between parts of the gateway, which no server gets to see. The policy headers are not among them.
const GATEWAY_ONLY: [&str; 7] = [
    header::ROUTER_KEY,
    header::MCP_INIT_HOST,
    header::X_MCP_TRACEPARENT,
    header::X_MCP_TRACESTATE,
    header::X_MCP_VISIBLE,
    header::X_MCP_AUTHORIZED,
    header::X_MCP_VIRTUALSERVER,
];

/// Returns the virtual hosts: the gateway's, then one for each host of an enabled server, in the order of the file.
pub(super) fn virtual_hosts(config: &Config, edge: &Edge) -> Result<Vec<Value>, EnvoyConfigError> {
    let mut owners: BTreeMap<String, String> =
        edge.hosts.iter().map(|host| (host.clone(), "publicHost".to_owned())).collect();
    let mut virtual_hosts = vec![json!({
        "name": "gateway",
        "domains": edge.hosts,
        "routes": broker_routes(),
    })];
    for (index, server) in config.servers.iter().enumerate().filter(|(_, server)| server.enabled) {
        let path = format!("servers[{index}].hostname");
        let hostname = server
            .hostname
            .as_ref()
            .ok_or_else(|| EnvoyConfigError::Missing { path: path.clone() })?;
        let mut domains = vec![hostname.clone()];
        let with_port = format!("{}:{}", without_port(hostname), edge.port);
        if with_port != *hostname {
            domains.push(with_port);
        }
        for domain in &domains {
            if let Some(first) = owners.insert(domain.clone(), path.clone()) {
                return Err(EnvoyConfigError::HostTwice {
                    host: domain.clone(),
                    first,
                    second: path,
                });
            }
        }
        virtual_hosts.push(json!({
            "name": cluster::server_name(server),
            "domains": domains,
            "routes": [server_route(config, server)],
        }));
    }
    Ok(virtual_hosts)
}

fn broker_routes() -> Vec<Value> {
    let route = |matched: Value, prefix_rewrite: Option<&str>| {
        let mut action = json!({ "cluster": cluster::BROKER, "timeout": "0s" });
        if let Some(prefix) = prefix_rewrite {
            put(&mut action, "prefix_rewrite", json!(prefix));
        }
        json!({
            "match": matched,
            "route": action,
            "request_headers_to_remove": [header::ROUTER_KEY, header::MCP_INIT_HOST],
        })
    };
    vec![
        route(json!({ "path": MCP_PATH }), None),
        route(json!({ "path": format!("{MCP_PATH}/") }), Some(MCP_PATH)),
        route(json!({ "path_separated_prefix": RESOURCE_METADATA_PATH }), None),
    ]
}

fn server_route(config: &Config, server: &Server) -> Value {
    let mut removed = vec!["origin"];
    removed.extend(GATEWAY_ONLY);
    json!({
        "match": { "path": server.url.path() },
        "route": {
            "cluster": cluster::server_name(server),
            "timeout": "0s",
            "host_rewrite_literal": cluster::authority(&server.url),
            "retry_policy": {
                // Once more, where the server cannot have seen the request yet.
                "retry_on": "connect-failure,refused-stream,reset-before-request",
                "num_retries": 1,
                // Of each try, and not a reason for another one: the server says nothing.
                "per_try_idle_timeout": seconds(config.limits.call_idle_timeout),
            },
        },
        "request_headers_to_remove": removed,
    })
}
