//! Envoy's bootstrap for a configuration: the one file with which Envoy and the gateway make one edge.
//!
//! Pure: reads nothing but its arguments, opens nothing. What it leaves out is left out on purpose: TLS towards
//! clients, access logs and further filters belong to whoever runs Envoy, and are added to the printed file.
//! The parts, in the order of a request: [`listener`] takes it, [`ext_proc`] asks the gateway, [`route`] sends it
//! on, [`cluster`] connects; [`local_reply`] gives form to what Envoy answers by itself, [`tracing`] is Envoy's own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use mcp_gateway_core::config::{Config, Limits, Mode};
use serde_json::{Value, json};
use thiserror::Error;
use url::{Host, Url};

mod cluster;
mod ext_proc;
mod listener;
mod local_reply;
mod route;
mod tracing;

/// Where Debian, Alpine and Envoy's own image keep the certificates that the system trusts.
pub(crate) const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// What the configuration file does not say about Envoy.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where Envoy serves its admin interface, which can stop it and shows everything: nowhere unless asked.
    pub(crate) envoy_admin: Option<SocketAddr>,
    /// How request bodies reach the gateway.
    pub(crate) request_body: RequestBody,
    /// Where Envoy sends spans of its own: `http` and `https` mean OTLP over HTTP, `rpc` OTLP over gRPC.
    pub(crate) tracing: Option<Url>,
    /// The host at which Envoy reaches the gateway, when it runs on another machine or in another container.
    pub(crate) gateway_host: Option<String>,
    /// The certificates that Envoy trusts for `https` where the configuration names none: PEM, on Envoy's machine.
    pub(crate) system_ca_file: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            envoy_admin: None,
            request_body: RequestBody::Duplex,
            tracing: None,
            gateway_host: None,
            system_ca_file: PathBuf::from(SYSTEM_CA_FILE),
        }
    }
}

/// How request bodies reach the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestBody {
    /// As they arrive, both ways at once: one round trip for a request.
    Duplex,
    /// Held by Envoy until complete: for Envoys that have no duplex bodies.
    Buffered,
}

/// Why there is no bootstrap for a configuration.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum EnvoyConfigError {
    /// Without Envoy in front there is nothing to configure.
    #[error("mode is standalone: only a configuration with `mode: envoy` has an Envoy in front")]
    Standalone,
    /// Envoy mode needs a field that is absent.
    #[error("{path} is missing: envoy mode needs it")]
    Missing {
        /// The path of the field in the file.
        path: String,
    },
    /// A URL has no host, or no port and a scheme without a default one.
    #[error("{path} has no host or no port: {url}")]
    NotReachable {
        /// The path of the field in the file, or the flag.
        path: String,
        /// The URL.
        url: String,
    },
    /// A collector is named with a scheme for which there is no exporter.
    #[error("{url} is no collector: its scheme must be http, https or rpc")]
    UnknownScheme {
        /// The URL of the collector.
        url: String,
    },
    /// Two names of virtual hosts are the same.
    #[error("{host} is the host of both {first} and {second}")]
    HostTwice {
        /// The host, with its port where that was given.
        host: String,
        /// Whose host it is.
        first: String,
        /// Who wants it as well.
        second: String,
    },
}

/// Returns the bootstrap of Envoy for a configuration, in Envoy's JSON form.
///
/// Disabled servers are left out. Secrets are neither needed nor printed.
pub(crate) fn bootstrap(config: &Config, options: &Options) -> Result<Value, EnvoyConfigError> {
    if config.mode != Mode::Envoy {
        return Err(EnvoyConfigError::Standalone);
    }
    let edge = Edge::new(config)?;
    let hosts = route::virtual_hosts(config, &edge)?;

    let mut clusters = vec![cluster::broker(config, options), cluster::ext_proc(config, options)];
    for (index, server) in config.servers.iter().enumerate().filter(|(_, server)| server.enabled) {
        clusters.push(cluster::server(config, options, &format!("servers[{index}]"), server)?);
    }
    let tracing = match &options.tracing {
        None => None,
        Some(collector) => {
            clusters.push(cluster::collector(config, options, collector)?);
            Some(tracing::tracing(collector))
        }
    };

    let mut bootstrap = json!({
        "node": { "id": "mcp-gateway-envoy", "cluster": "mcp-gateway" },
        "static_resources": {
            "listeners": [listener::listener(config, options, &edge, &hosts, tracing)],
            "clusters": clusters,
        },
        "overload_manager": listener::connection_limit(&config.limits),
    });
    if options.tracing.is_some() {
        put(&mut bootstrap, "layered_runtime", tracing::export_soon());
    }
    if let Some(address) = options.envoy_admin {
        put(
            &mut bootstrap,
            "admin",
            json!({ "address": socket_address(&address.ip(), address.port()) }),
        );
    }
    Ok(bootstrap)
}

/// What clients and the gateway call Envoy.
struct Edge {
    /// The port that Envoy listens on: that of `envoyAddress`.
    port: u16,
    /// The address that it listens on: every one, unless `envoyAddress` says that only this machine calls.
    listen: IpAddr,
    /// Hosts of the gateway, with and without the port.
    hosts: BTreeSet<String>,
}

impl Edge {
    fn new(config: &Config) -> Result<Self, EnvoyConfigError> {
        let missing = |path: &str| EnvoyConfigError::Missing { path: path.to_owned() };
        let address = config.envoy_address.as_ref().ok_or_else(|| missing("envoyAddress"))?;
        let public = config.public_host.as_ref().ok_or_else(|| missing("publicHost"))?;
        let (_, port) = host_and_port("envoyAddress", address)?;
        let listen = match address.host() {
            Some(Host::Ipv4(ip)) if ip.is_loopback() => IpAddr::V4(ip),
            Some(Host::Ipv6(ip)) if ip.is_loopback() => IpAddr::V6(ip),
            Some(Host::Domain("localhost")) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => {
                IpAddr::V4(Ipv4Addr::UNSPECIFIED)
            }
        };
        let mut hosts = BTreeSet::from([public.clone()]);
        for name in [without_port(public), "localhost", "127.0.0.1", "[::1]"] {
            hosts.extend([name.to_owned(), format!("{name}:{port}")]);
        }
        Ok(Self { port, listen, hosts })
    }
}

/// Returns `host` without its port; the brackets of an IPv6 address stay.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

/// Returns where a URL leads: its host without brackets, and its port.
fn host_and_port(path: &str, url: &Url) -> Result<(String, u16), EnvoyConfigError> {
    let host = match url.host() {
        Some(Host::Ipv4(ip)) => Some(ip.to_string()),
        Some(Host::Ipv6(ip)) => Some(ip.to_string()),
        // `rpc` and the like are not known to the URL standard, which then leaves addresses as they are.
        Some(Host::Domain(name)) => Some(name.to_owned()),
        None => None,
    };
    host.zip(url.port_or_known_default()).ok_or_else(|| EnvoyConfigError::NotReachable {
        path: path.to_owned(),
        url: url.to_string(),
    })
}

fn socket_address(host: &impl ToString, port: u16) -> Value {
    json!({ "socket_address": { "address": host.to_string(), "port_value": port } })
}

/// Envoy's word for a named extension and its settings.
fn typed(kind: &str, mut settings: Value) -> Value {
    put(&mut settings, "@type", json!(format!("type.googleapis.com/{kind}")));
    settings
}

fn put(object: &mut Value, key: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
}

/// Requests that may be under way at once to any one cluster: more than there can be sessions, streams and
/// connections together, so that the gateway's own limits act first and answer with their reason.
fn requests_max(limits: &Limits) -> u32 {
    let sum = limits
        .sessions_max
        .saturating_add(limits.streams_max)
        .saturating_add(limits.connections_max);
    u32::try_from(sum).unwrap_or(u32::MAX)
}

/// Bytes that Envoy holds of one connection: more than the longest body that the gateway accepts, so that the
/// gateway refuses a longer one itself, with the caller's id where there is one; and less than the longest message
/// that the gateway takes from Envoy, which is that body and a mebibyte.
fn connection_buffer_bytes(limits: &Limits) -> u32 {
    const MARGIN: usize = 512 << 10;
    u32::try_from(limits.body_bytes_max.saturating_add(MARGIN)).unwrap_or(u32::MAX)
}

/// Returns a duration as Envoy reads it: `15s`, `0.250s`.
fn seconds(duration: std::time::Duration) -> String {
    match duration.subsec_millis() {
        0 => format!("{}s", duration.as_secs()),
        millis => format!("{}.{millis:03}s", duration.as_secs()),
    }
}

#[cfg(test)]
mod tests;
