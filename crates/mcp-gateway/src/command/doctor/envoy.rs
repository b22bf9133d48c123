//! Can Envoy be reached, and each server through it, as the gateway opens sessions for clients.
//!
//! That takes a running gateway beside Envoy with the same `signingKey`: its router lets only requests of the gateway
//! through to a server.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use mcp_gateway_core::config::{Config, Server};
use mcp_gateway_core::header::X_MCP_METHOD;
use mcp_gateway_core::mcp::method;
use mcp_gateway_dataplane::chain::Chain;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::session::{RoutingTokens, SigningKey, SigningKeys};
use mcp_gateway_dataplane::upstream::{InitializeContext, ServerClient, UpstreamError, Via};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use url::Url;

use super::report::{Death, Finding, Verdict};
use super::server::explain;

/// Servers that are looked at at the same time.
const AT_ONCE_MAX: usize = 16;
/// The time to find the addresses of Envoy.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Looks at Envoy, and through it at every server.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let Some(address) = &config.envoy_address else {
        return Vec::new(); // the configuration guarantees it in envoy mode
    };
    let reached = reach(address, config.limits.connect_timeout).await;
    let is_there = reached.is_ok();
    let mut findings = vec![Finding {
        subject: "Envoy".to_owned(),
        target: address.to_string(),
        verdict: reached.unwrap_or_else(Verdict::Failed),
        remarks: Vec::new(),
    }];
    if is_there {
        let clients = HttpClients::new(config);
        let enabled = config.servers.iter().filter(|server| server.enabled);
        let checks = enabled.map(|server| through(config, address, &clients, server));
        findings.extend(stream::iter(checks).buffered(AT_ONCE_MAX).collect::<Vec<_>>().await);
    }
    findings
}

/// Opens a connection to Envoy and closes it again.
async fn reach(address: &Url, connect_within: Duration) -> Result<Verdict, Death> {
    let host = address.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = address.port_or_known_default().unwrap_or(80);
    let found = timeout(RESOLVE_TIMEOUT, tokio::net::lookup_host((host, port))).await;
    let addresses: Vec<_> = match found {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => return Err(unresolved(&error.to_string())),
        Err(_) => return Err(unresolved("no answer in time")),
    };
    match timeout(connect_within, TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => Ok(Verdict::Works("It takes connections.".to_owned())),
        Ok(Err(error)) => Err(unreachable(&error.to_string())),
        Err(_) => Err(unreachable("no answer in time")),
    }
}

fn unresolved(error: &str) -> Death {
    let what = "The host of envoyAddress has no address.";
    Death::new("name resolution", what, "Correct the host in envoyAddress.", error)
}

fn unreachable(error: &str) -> Death {
    Death::new(
        "connect",
        "Envoy does not take a connection.",
        "Start Envoy (mcp-gateway envoy-config prints its configuration), or correct envoyAddress.",
        error,
    )
}

async fn through(
    config: &Config,
    address: &Url,
    clients: &HttpClients,
    server: &Server,
) -> Finding {
    let asked = match way(config, address, clients) {
        Ok(via) => ask(config, server, via).await,
        Err(death) => Err(death),
    };
    Finding {
        subject: server.name.clone(),
        target: server.hostname.clone().unwrap_or_default(),
        verdict: asked.unwrap_or_else(Verdict::Failed),
        remarks: Vec::new(),
    }
}

fn way(config: &Config, address: &Url, clients: &HttpClients) -> Result<Via, Death> {
    let settings = |what: &str, error: &str| {
        Death::new("settings", what, "Correct the configuration file.", error)
    };
    let http = clients.envoy();
    let http = http.map_err(|error| {
        settings("The certificates cannot be used.", &Chain(&error).to_string())
    })?;
    let http = http.ok_or_else(|| settings("There is no envoyAddress.", ""))?;
    let secret = config.signing_key.as_ref().map(|key| key.expose().as_bytes());
    let key = SigningKey::new(secret.unwrap_or_default());
    let tokens = key.and_then(|key| RoutingTokens::new(&SigningKeys::new(key), Clock::system()));
    let tokens = tokens
        .map_err(|error| settings("signingKey cannot be used.", &Chain(&error).to_string()))?;
    Ok(Via::Envoy { http, scheme: address.scheme().to_owned(), tokens })
}

/// Opens a session as the router does for a client, and closes it again.
async fn ask(config: &Config, server: &Server, via: Via) -> Result<Verdict, Death> {
    let client = ServerClient::new(Arc::new(server.clone()), via, config.limits.clone());
    let mut headers = HeaderMap::new();
    let initialize = HeaderValue::from_static(method::INITIALIZE);
    headers.insert(HeaderName::from_static(X_MCP_METHOD), initialize);
    let deadline = Instant::now() + config.limits.session_init_timeout;
    let context = InitializeContext { headers, trace: None, deadline };
    match client.initialize(&context).await {
        Ok(opened) => {
            drop(client.close(&opened.session, None).await);
            Ok(Verdict::Works("A session could be opened and closed.".to_owned()))
        }
        Err(error) => Err(explain_envoy(&error)),
    }
}

/// What statuses mean that Envoy or the gateway's router may have answered with in the server's place.
fn explain_envoy(error: &UpstreamError) -> Death {
    let UpstreamError::Status { status, .. } = error else { return explain(error, "initialize") };
    let text = Chain(error).to_string();
    let (what, advice) = match *status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => (
            "The gateway beside Envoy, or the server, refused the request",
            "If it was the gateway, its signingKey is not the one of this file, or its file lacks the server; its log \
             says so. The server may want credentials of a client, which this test has not.",
        ),
        StatusCode::NOT_FOUND => (
            "Envoy has no route for this host and path, or the server has nothing at the path",
            "Compare Envoy's virtual hosts with hostname at the server; mcp-gateway envoy-config prints what fits.",
        ),
        StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => (
            "Envoy could not ask the gateway beside it, or does not reach the server",
            "Is the gateway running, and does Envoy reach its extProcListen? If so, look at the server's cluster in \
             Envoy: its address, its TLS, its time-outs.",
        ),
        _ => return explain(error, "initialize"),
    };
    Death::new("HTTP", format!("{what}: HTTP status {}.", status.as_u16()), advice, &text)
}
