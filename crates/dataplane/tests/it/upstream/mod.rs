//! The gateway as a client of MCP servers, against real ones and against ones that misbehave.

mod client;
mod fault;
mod fleet;
mod http;
mod manager;
mod outage;
mod reload;
mod trace;

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;
use mcp_gateway_core::config::{Config, Limits, Server};
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::upstream::{
    InitializeContext, Initialized, ServerClient, UpstreamError, Via,
};
use tokio::time::Instant;

/// A server of a configuration, without prefix.
fn server(name: &str, url: &str) -> Server {
    Server {
        name: name.to_owned(),
        url: url.parse().unwrap(),
        hostname: None,
        prefix: String::new(),
        enabled: true,
        credential: None,
        ca_cert_pem: None,
        ca_cert_file: None,
    }
}

/// A client that calls `server` itself.
fn direct(server: Server, config: &Config) -> ServerClient {
    let http = HttpClients::new(config).direct(&server).unwrap();
    ServerClient::new(Arc::new(server), Via::Direct(http), config.limits.clone())
}

fn client(url: &str) -> ServerClient {
    direct(server("demo/server", url), &Config::default())
}

fn limited(url: &str, limits: Limits) -> ServerClient {
    direct(server("demo/server", url), &Config { limits, ..Config::default() })
}

/// What a session is opened with when nothing is special, with ten seconds to do so.
fn context() -> InitializeContext {
    let deadline = Instant::now() + Duration::from_secs(10);
    InitializeContext { headers: HeaderMap::new(), trace: None, deadline }
}

async fn open(client: &ServerClient) -> Result<Initialized, UpstreamError> {
    client.initialize(&context()).await
}
