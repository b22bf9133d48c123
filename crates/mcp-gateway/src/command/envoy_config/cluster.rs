//! Clusters: how Envoy connects to the gateway, to each server and to a trace collector.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use mcp_gateway_core::config::{Config, ListenAddress, Server};
use serde_json::{Value, json};
use url::{Host, Url};

use super::tracing::{RPC_SCHEME, check_scheme};
use super::{
    EnvoyConfigError, Options, connection_buffer_bytes, host_and_port, put, requests_max, seconds,
    socket_address, typed,
};

/// The cluster of the gateway's broker.
pub(super) const BROKER: &str = "mcp-broker";
/// The cluster of the gateway's external processor.
pub(super) const EXT_PROC: &str = "mcp-ext-proc";
/// The cluster of the collector of Envoy's own spans.
pub(super) const COLLECTOR: &str = "otel-collector";

/// Time that an unused connection to a server is kept. Uvicorn and Node close theirs after 5 s: a request that is
/// under way just then would be lost, and a call must not be sent twice.
const SERVER_IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// Time between two signs of life on an HTTP/2 connection.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time that the answer to one may take.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the name of a server's cluster and virtual host.
pub(super) fn server_name(server: &Server) -> String {
    format!("server/{}", server.name)
}

/// Returns what a server is to be called: the host of its URL, with the port where that is not the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns the settings that notice peers that are gone without a word.
pub(super) fn tcp_keepalive() -> Value {
    json!({ "keepalive_probes": 3, "keepalive_time": 30, "keepalive_interval": 10 })
}

/// Returns the broker's cluster: the gateway's own listener.
pub(super) fn broker(config: &Config, options: &Options) -> Value {
    let endpoint = gateway_endpoint(options, config.listen);
    let mut cluster = cluster(config, BROKER, endpoint);
    put(&mut cluster, "typed_extension_protocol_options", http_options(&http1(), None));
    cluster
}

/// Returns the cluster of the external processor, over TCP or a Unix socket.
pub(super) fn ext_proc(config: &Config, options: &Options) -> Value {
    let endpoint = match &config.ext_proc_listen {
        ListenAddress::Tcp(address) => gateway_endpoint(options, *address),
        ListenAddress::Unix(path) => Endpoint::Pipe(path.display().to_string()),
    };
    let mut cluster = cluster(config, EXT_PROC, endpoint);
    put(&mut cluster, "typed_extension_protocol_options", http_options(&http2(), None));
    cluster
}

/// Returns a server's cluster; `path` is where it stands in the file.
pub(super) fn server(
    config: &Config,
    options: &Options,
    path: &str,
    server: &Server,
) -> Result<Value, EnvoyConfigError> {
    let (host, port) = host_and_port(&format!("{path}.url"), &server.url)?;
    let mut cluster = cluster(config, &server_name(server), Endpoint::Socket(host, port));
    let mut protocol = http1();
    if server.url.scheme() == "https" {
        // The newest version that the server offers in the TLS handshake.
        protocol =
            json!({ "auto_config": { "http_protocol_options": {}, "http2_protocol_options": {} } });
        let trusted = trusted_ca(config, options, server);
        put(&mut cluster, "transport_socket", tls(&server.url, &trusted));
    }
    put(
        &mut cluster,
        "typed_extension_protocol_options",
        http_options(&protocol, Some(SERVER_IDLE_TIMEOUT)),
    );
    // A name that cannot be resolved holds up its own server only.
    put(&mut cluster, "wait_for_warm_on_init", json!(false));
    Ok(cluster)
}

/// Returns the cluster of a trace collector.
pub(super) fn collector(
    config: &Config,
    options: &Options,
    collector: &Url,
) -> Result<Value, EnvoyConfigError> {
    check_scheme(collector)?;
    let (host, port) = host_and_port("--envoy-tracing", collector)?;
    let mut cluster = cluster(config, COLLECTOR, Endpoint::Socket(host, port));
    let protocol = if collector.scheme() == RPC_SCHEME { http2() } else { http1() };
    put(&mut cluster, "typed_extension_protocol_options", http_options(&protocol, None));
    if collector.scheme() == "https" {
        put(&mut cluster, "transport_socket", tls(collector, &ca_file(&options.system_ca_file)));
    }
    put(&mut cluster, "wait_for_warm_on_init", json!(false));
    Ok(cluster)
}

enum Endpoint {
    /// An IP address or a name, and a port.
    Socket(String, u16),
    /// The path of a Unix socket.
    Pipe(String),
}

/// Where Envoy reaches a listener of the gateway: on this machine, unless the gateway is said to be elsewhere.
fn gateway_endpoint(options: &Options, listen: SocketAddr) -> Endpoint {
    let host = match (&options.gateway_host, listen.ip()) {
        (Some(host), _) => host.clone(),
        (None, IpAddr::V4(ip)) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.to_string(),
        (None, IpAddr::V6(ip)) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.to_string(),
        (None, ip) => ip.to_string(),
    };
    Endpoint::Socket(host, listen.port())
}

/// What all clusters have in common.
fn cluster(config: &Config, name: &str, endpoint: Endpoint) -> Value {
    let limits = &config.limits;
    let max = requests_max(limits);
    let thresholds = |priority: &str| {
        json!({
            "priority": priority,
            "max_connections": max,
            "max_pending_requests": max,
            "max_requests": max,
            "max_retries": max,
        })
    };
    let mut cluster = json!({
        "name": name,
        "connect_timeout": seconds(limits.connect_timeout),
        "per_connection_buffer_limit_bytes": connection_buffer_bytes(limits),
        "circuit_breakers": { "thresholds": [thresholds("DEFAULT"), thresholds("HIGH")] },
    });
    let address = match endpoint {
        Endpoint::Pipe(path) => {
            put(&mut cluster, "type", json!("STATIC"));
            json!({ "pipe": { "path": path } })
        }
        Endpoint::Socket(host, port) => {
            if host.parse::<IpAddr>().is_ok() {
                put(&mut cluster, "type", json!("STATIC"));
            } else {
                put(&mut cluster, "type", json!("STRICT_DNS"));
                put(&mut cluster, "dns_lookup_family", json!("V4_PREFERRED"));
            }
            put(
                &mut cluster,
                "upstream_connection_options",
                json!({ "tcp_keepalive": tcp_keepalive() }),
            );
            socket_address(&host, port)
        }
    };
    put(
        &mut cluster,
        "load_assignment",
        json!({
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        }),
    );
    cluster
}

fn http1() -> Value {
    json!({ "explicit_http_config": { "http_protocol_options": {} } })
}

fn http2() -> Value {
    let keepalive = json!({ "interval": seconds(PING_INTERVAL), "timeout": seconds(PING_TIMEOUT) });
    json!({ "explicit_http_config": { "http2_protocol_options": { "connection_keepalive": keepalive } } })
}

fn http_options(protocol: &Value, idle_timeout: Option<Duration>) -> Value {
    const KIND: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let mut options = protocol.clone();
    if let Some(timeout) = idle_timeout {
        put(
            &mut options,
            "common_http_protocol_options",
            json!({ "idle_timeout": seconds(timeout) }),
        );
    }
    json!({ KIND: typed(KIND, options) })
}

/// The certificates that a server is believed by: its own, else the gateway's, else the system's. Envoy takes one
/// source, so a server with certificates of its own is not also believed by the system's.
fn trusted_ca(config: &Config, options: &Options, server: &Server) -> Value {
    let candidates = [
        (&server.ca_cert_file, &server.ca_cert_pem),
        (&config.gateway_ca_cert_file, &config.gateway_ca_cert_pem),
    ];
    for (file, pem) in candidates {
        if let Some(file) = file {
            return ca_file(file);
        }
        if let Some(pem) = pem {
            return json!({ "inline_string": pem });
        }
    }
    ca_file(&options.system_ca_file)
}

fn ca_file(path: &Path) -> Value {
    json!({ "filename": path.display().to_string() })
}

/// TLS to the host of `url`, whose certificate must be for that host and signed by `trusted_ca`.
fn tls(url: &Url, trusted_ca: &Value) -> Value {
    let name =
        |kind: &str, exact: &str| json!([{ "san_type": kind, "matcher": { "exact": exact } }]);
    let (server_name, names) = match url.host() {
        Some(Host::Domain(host)) => (Some(host), name("DNS", host)),
        Some(Host::Ipv4(ip)) => (None, name("IP_ADDRESS", &ip.to_string())),
        Some(Host::Ipv6(ip)) => (None, name("IP_ADDRESS", &ip.to_string())),
        None => (None, json!([])),
    };
    let mut context = json!({
        "common_tls_context": {
            "tls_params": { "tls_minimum_protocol_version": "TLSv1_2" },
            "validation_context": { "trusted_ca": trusted_ca, "match_typed_subject_alt_names": names },
        },
    });
    if let Some(server_name) = server_name {
        put(&mut context, "sni", json!(server_name));
    }
    json!({
        "name": "envoy.transport_sockets.tls",
        "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
    })
}
