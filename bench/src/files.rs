//! What the programs are told: the gateway's configuration file, and the bootstrap of an Envoy without the gateway.

use std::net::SocketAddr;

use anyhow::Context;
use serde_json::{Value, json};

use crate::level::Level;
use crate::way::{PREFIX, Way};

/// The key of session ids; it protects nothing here.
pub(crate) const SIGNING_KEY: &str = "not a secret, at least 32 bytes long";

/// Where everybody listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// The MCP server.
    pub(crate) server: SocketAddr,
    /// The gateway, for clients or for Envoy.
    pub(crate) gateway: SocketAddr,
    /// The gateway's admin listener.
    pub(crate) admin: SocketAddr,
    /// The gateway's external processor.
    pub(crate) ext_proc: SocketAddr,
    /// Envoy.
    pub(crate) envoy: SocketAddr,
    /// The OTLP receiver over HTTP.
    pub(crate) otlp_http: SocketAddr,
    /// The OTLP receiver over gRPC, which nobody uses.
    pub(crate) otlp_grpc: SocketAddr,
}

/// The gateway's configuration, as JSON, which is YAML too.
pub(crate) fn configuration(way: Way, at: &Addresses) -> String {
    let mut server = json!({
        "name": "bench/server",
        "url": format!("http://{}/mcp", at.server),
        "prefix": PREFIX,
    });
    let telemetry = way.level().map_or_else(|| json!({}), Level::section);
    if !way.has_envoy() {
        let configuration = json!({
            "listen": at.gateway,
            "adminListen": at.admin,
            "servers": [server],
            "telemetry": telemetry,
        });
        return configuration.to_string();
    }
    if let Some(server) = server.as_object_mut() {
        server.insert("hostname".to_owned(), json!("server.mcp.local"));
    }
    let configuration = json!({
        "mode": "envoy",
        "publicHost": "localhost",
        "envoyAddress": format!("http://{}", at.envoy),
        "listen": at.gateway,
        "adminListen": at.admin,
        "extProcListen": at.ext_proc,
        "servers": [server],
        "telemetry": telemetry,
    });
    configuration.to_string()
}

/// Takes the gateway out of a bootstrap that `mcp-gateway envoy-config` has printed: what is left proxies every request
/// to the server, with all other settings as they were.
pub(crate) fn without_gateway(bootstrap: &str) -> anyhow::Result<String> {
    let mut bootstrap: Value = serde_yaml_ng::from_str(bootstrap)?;
    let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
    let ext_proc = "envoy.filters.http.ext_proc";
    items(&mut bootstrap, &format!("{manager}/http_filters"))?
        .retain(|filter| filter["name"] != ext_proc);
    let hosts = items(&mut bootstrap, &format!("{manager}/route_config/virtual_hosts"))?;
    hosts.retain(|host| host["name"] != "gateway");
    for host in hosts {
        host["domains"] = json!(["*"]);
    }
    items(&mut bootstrap, "/static_resources/clusters")?
        .retain(|cluster| cluster["name"] != "mcp-broker" && cluster["name"] != "mcp-ext-proc");
    Ok(bootstrap.to_string())
}

fn items<'a>(bootstrap: &'a mut Value, path: &str) -> anyhow::Result<&'a mut Vec<Value>> {
    let list = bootstrap.pointer_mut(path).and_then(Value::as_array_mut);
    list.with_context(|| format!("the bootstrap has no list {path}"))
}
