//! The gateway behind a real Envoy, with the bootstrap that the program itself prints.

use std::fmt::Write;
use std::net::SocketAddr;

use super::envoy::Envoy;
use super::gateway::Gateway;
use super::mcp_client::McpClient;
use super::port::Port;

/// What clients call.
pub const PUBLIC_HOST: &str = "mcp.example.com";
/// The key that signs tokens: 32 bytes, of the tests alone.
const SIGNING_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A running gateway and a running Envoy. Both are killed when dropped.
pub struct Edge {
    /// The gateway.
    pub gateway: Gateway,
    envoy: Envoy,
    address: SocketAddr,
}

/// How request bodies reach the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Both ways at once.
    Duplex,
    /// Whole.
    Buffered,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 2] = [Self::Duplex, Self::Buffered];
}

impl Edge {
    /// Starts a gateway for `servers`, pairs of a name and a URL, and an Envoy in front of it. The tools of the server
    /// `a` have the prefix `a_`, its virtual host is `a.mcp.local`. Waits until the gateway is ready when there is a
    /// server that can be.
    pub async fn start(
        shape: Shape,
        servers: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::start_with(shape, servers, environment, "", &[]).await
    }

    /// As [`Edge::start`], with more lines in the configuration file and more flags for `envoy-config`.
    pub async fn start_with(
        shape: Shape,
        servers: &[(&str, &str)],
        environment: &[(&str, &str)],
        config: &str,
        flags: &[&str],
    ) -> Self {
        let port = Port::take();
        let config = format!("{}{config}", configuration(port.address(), servers));
        let mut gateway = Gateway::start(&config, &[], environment).await;
        let mut all = flags.to_vec();
        if shape == Shape::Buffered {
            all.extend(["--request-body", "buffered"]);
        }
        let bootstrap = gateway.envoy_config(&all).await;
        let address = port.release();
        let envoy = Envoy::start(&bootstrap, address).await;
        gateway.until_ready().await;
        Self { gateway, envoy, address }
    }

    /// Returns where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a client that calls Envoy by the public host.
    pub fn client(&self) -> McpClient {
        McpClient::new(self.address).with_header("host", PUBLIC_HOST)
    }

    /// Returns what Envoy has logged.
    pub fn envoy_log(&self) -> String {
        self.envoy.log()
    }

    /// Stops the gateway without a word; Envoy stays.
    pub fn without_gateway(self) -> (SocketAddr, Envoy) {
        (self.address, self.envoy)
    }
}

fn configuration(envoy: SocketAddr, servers: &[(&str, &str)]) -> String {
    let mut text = format!(
        "mode: envoy\npublicHost: {PUBLIC_HOST}\nenvoyAddress: http://{envoy}\nsigningKey: {SIGNING_KEY}\n"
    );
    text.push_str(if servers.is_empty() { "servers: []\n" } else { "servers:\n" });
    for (name, url) in servers {
        writeln!(
            text,
            "  - {{name: test/{name}, url: '{url}', hostname: {name}.mcp.local, prefix: {name}_}}"
        )
        .unwrap();
    }
    text
}
