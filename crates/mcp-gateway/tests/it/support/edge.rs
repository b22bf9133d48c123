//! A gateway at work behind each of its front ends, as clients meet it.

use std::fmt::Write;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::envoy::Envoy;
use super::gateway::Gateway;
use super::http::{Answer, send};
use super::mcp_client::McpClient;
use super::port::Port;
use super::program::Finished;
use super::wait::{PATIENCE, until};

/// What clients call, where a client does not call the address itself.
pub const PUBLIC_HOST: &str = "mcp.example.test";
/// The secret of which the keys are derived that sign session and routing tokens.
pub const SIGNING_KEY: &str = "a-signing-key-that-only-the-tests-have-0123456789";

/// Who takes the requests of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// The gateway's own proxy.
    Standalone,
    /// Envoy, which holds request bodies until they are complete.
    Buffered,
    /// Envoy, which streams request bodies.
    Duplex,
}

/// Those that are Envoy.
pub const ENVOYS: [Front; 2] = [Front::Buffered, Front::Duplex];
/// Every front end.
pub const FRONTS: [Front; 3] = [Front::Standalone, Front::Buffered, Front::Duplex];

/// Runs a case at each front end, all at the same time, and fails after all have ended when one of them has failed.
pub async fn at_each_front<C: Future<Output = ()>>(case: impl Fn(Front) -> C) {
    let cases = FRONTS.map(|front| AssertUnwindSafe(case(front)).catch_unwind());
    let mut failed = None;
    for (front, ended) in FRONTS.iter().zip(join_all(cases).await) {
        if let Err(panic) = ended {
            eprintln!("failed at the front end {front:?}");
            failed.get_or_insert(panic);
        }
    }
    if let Some(panic) = failed {
        resume_unwind(panic);
    }
}

/// A server of a gateway: its short name, from which its prefix and its virtual host are made, and its URL.
pub type Server<'a> = (&'a str, String);

/// What is not as usual.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    /// Further lines of the configuration file.
    pub config: &'a str,
    /// Variables that the gateway sees.
    pub environment: &'a [(&'a str, &'a str)],
    /// Further flags of `envoy-config`.
    pub envoy_flags: &'a [&'a str],
    /// What is changed in the bootstrap before Envoy gets it.
    pub bootstrap: Option<fn(&str) -> String>,
}

/// A running gateway, with Envoy before it where there is one. Killed when dropped.
pub struct Edge {
    front: Front,
    gateway: Gateway,
    envoy: Option<Envoy>,
    address: SocketAddr,
}

impl Edge {
    /// Starts a gateway and waits until all its servers are up.
    pub async fn start(front: Front, servers: &[Server<'_>]) -> Self {
        Self::with(front, servers, "").await
    }

    /// As [`Edge::start`], with further lines of the configuration file.
    pub async fn with(front: Front, servers: &[Server<'_>], more: &str) -> Self {
        let edge = Self::launch(front, servers, more).await;
        edge.until_up(servers.len()).await;
        edge
    }

    /// Starts a gateway and waits for nothing but that it takes requests.
    pub async fn launch(front: Front, servers: &[Server<'_>], more: &str) -> Self {
        Self::launch_with(front, servers, Setup { config: more, ..Setup::default() }).await
    }

    /// As [`Edge::launch`], with more that is not as usual.
    pub async fn launch_with(front: Front, servers: &[Server<'_>], setup: Setup<'_>) -> Self {
        let port = Port::take();
        let config = config(front, port.address(), servers, setup.config);
        let gateway = Gateway::start(&config, &[], setup.environment).await;
        let shape = match front {
            Front::Standalone => {
                let address = gateway.listen();
                return Self { front, gateway, envoy: None, address };
            }
            Front::Buffered => "buffered",
            Front::Duplex => "duplex",
        };
        let flags = [&["--request-body", shape], setup.envoy_flags].concat();
        let bootstrap = gateway.envoy_config(&flags).await;
        let bootstrap = setup.bootstrap.map_or(bootstrap.clone(), |change| change(&bootstrap));
        let address = port.release();
        let envoy = Envoy::start(&bootstrap, address).await;
        Self { front, gateway, envoy: Some(envoy), address }
    }

    /// Returns which front end it has.
    pub fn front(&self) -> Front {
        self.front
    }

    /// Returns where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the gateway itself.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Returns what gateway and Envoy have logged.
    pub fn log(&self) -> String {
        self.gateway.log() + &self.envoy.as_ref().map(Envoy::log).unwrap_or_default()
    }

    /// Returns a client that calls by the public host.
    pub fn client(&self) -> McpClient {
        McpClient::new(self.address).with_header("host", PUBLIC_HOST)
    }

    /// Opens a session.
    pub async fn connect(&self) -> McpClient {
        McpClient::connect(self.address, "2025-11-25").await
    }

    /// Gets a page of the admin listener.
    pub async fn admin(&self, path: &str) -> Answer {
        send(self.gateway.admin(), Request::get(path).body(Full::default()).unwrap()).await
    }

    /// Returns what `/status` says of one server.
    pub async fn server_status(&self, name: &str) -> Value {
        let status = self.admin("/status").await.json();
        let mut servers = status["servers"].as_array().unwrap().iter();
        servers.find(|server| server["name"] == full_name(name)).cloned().unwrap_or_default()
    }

    /// Waits until this many servers are up.
    pub async fn until_up(&self, servers: usize) {
        until(&format!("{servers} servers are up"), PATIENCE, async || {
            let status = self.admin("/status").await.json();
            (status["healthyServers"] == servers).then_some(())
        })
        .await;
    }

    /// Waits until `/status` says this of the state of a server.
    pub async fn until_server_is(&self, name: &str, state: &str) {
        until(&format!("{name} is {state}"), PATIENCE, async || {
            (self.server_status(name).await["state"] == state).then_some(())
        })
        .await;
    }

    /// Kills the gateway. Envoy stays until its value is dropped.
    pub fn without_gateway(self) -> Option<Envoy> {
        self.envoy
    }

    /// Writes the configuration of `servers` and `more` in the place of the running one.
    pub fn configure(&self, servers: &[Server<'_>], more: &str) {
        self.gateway.configure(&config(self.front, self.address, servers, more));
    }

    /// Asks the gateway to stop, waits until it has, and then ends Envoy.
    pub async fn stop(self, within: Duration) -> Finished {
        self.gateway.signal("TERM");
        self.finished(within).await
    }

    /// Waits until the gateway has ended by itself, and then ends Envoy.
    pub async fn finished(self, within: Duration) -> Finished {
        self.gateway.finished(within).await
    }
}

/// Returns the name of a server in the configuration and in messages to clients.
pub fn full_name(server: &str) -> String {
    format!("demo/{server}")
}

/// Returns the virtual host of a server behind Envoy.
pub fn hostname(server: &str) -> String {
    format!("{server}.mcp.local")
}

/// Returns the names of a list of tools, as a client sees them.
pub async fn tool_names(client: &mut McpClient) -> Vec<String> {
    let answer = client.request("tools/list", json!({})).await;
    let response = answer.response(&client.id());
    let tools = response["result"]["tools"].as_array().unwrap_or_else(|| panic!("{response}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn config(front: Front, edge: SocketAddr, servers: &[Server<'_>], more: &str) -> String {
    let mut config = format!("signingKey: {SIGNING_KEY}\npublicHost: {PUBLIC_HOST}\n{more}\n");
    if front != Front::Standalone {
        writeln!(config, "mode: envoy\nenvoyAddress: http://{edge}").unwrap();
    }
    config.push_str(if servers.is_empty() { "servers: []\n" } else { "servers:\n" });
    for (name, url) in servers {
        let (full, host) = (full_name(name), hostname(name));
        writeln!(config, "  - {{name: {full}, url: '{url}', prefix: {name}_, hostname: {host}}}")
            .unwrap();
    }
    config
}
