//! The managers of one configuration, as the gateway runs them.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::config::{Config, Limits, Server};
use mcp_gateway_core::routing::Visibility;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::snapshot::Snapshots;
use mcp_gateway_dataplane::upstream::{ServerState, ServerStatus, Servers, ServersDeps};
use mcp_gateway_telemetry::{Metrics, Status, Tracer};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::server;
use crate::support::wait::until;

/// A refresh interval that never passes within a test, so that only what is told makes the manager act.
const NEVER: Duration = Duration::from_secs(3_600);
/// A refresh interval at which a test sees many rounds.
const OFTEN: Duration = Duration::from_millis(40);

/// A server with its name and `_` as prefix.
pub(super) fn entry(name: &str, url: &str) -> Server {
    Server { prefix: format!("{name}_"), ..server(name, url) }
}

/// Servers that are asked again only when they tell of a change, or fail.
pub(super) fn config(servers: Vec<Server>) -> Config {
    let limits = Limits { upstream_refresh_interval: NEVER, ..Limits::default() };
    Config { servers, limits, ..Config::default() }
}

/// Servers that are asked again and again. Pauses after failures are as short.
pub(super) fn quick(servers: Vec<Server>) -> Config {
    let limits = Limits { upstream_refresh_interval: OFTEN, ..Limits::default() };
    Config { servers, limits, ..Config::default() }
}

pub(super) struct Fleet {
    pub(super) servers: Servers,
    pub(super) snapshots: Snapshots,
    pub(super) metrics: Metrics,
}

impl Fleet {
    pub(super) fn start(config: Config) -> Self {
        Self::traced(config, Tracer::off())
    }

    pub(super) fn traced(config: Config, tracer: Tracer) -> Self {
        let config = Arc::new(config);
        let snapshots = Snapshots::new(&config);
        let metrics = Metrics::new(Status::default());
        let deps = ServersDeps {
            http: HttpClients::new(&config),
            snapshots: snapshots.clone(),
            clock: Clock::system(),
            tracer,
            metrics: metrics.clone(),
        };
        let servers = Servers::start(&config, deps, &CancellationToken::new());
        Self { servers, snapshots, metrics }
    }

    pub(super) async fn stop(self) {
        self.servers.stopped().await;
    }

    pub(super) fn apply(&self, config: Config) {
        self.servers.apply(&Arc::new(config));
    }

    /// The merged list as clients get it.
    pub(super) fn list(&self) -> String {
        let list = self.snapshots.current().tools_list(&Visibility::All);
        String::from_utf8(list.to_vec()).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.list()).unwrap();
        let tools = list["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn status(&self, name: &str) -> ServerStatus {
        let status = self.servers.status();
        status.iter().find(|status| status.name == name).cloned().unwrap()
    }

    pub(super) async fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        until(what, || if is_so() { Ok(()) } else { Err(self.servers.status()) }).await;
    }

    pub(super) async fn tools_are(&self, expect: &[&str]) {
        until("the merged list", || {
            let names = self.names();
            if names == expect { Ok(()) } else { Err((names, self.servers.status())) }
        })
        .await;
    }

    pub(super) async fn state_is(&self, name: &str, expect: ServerState) {
        until("the state", || {
            let status = self.status(name);
            if status.state == expect { Ok(()) } else { Err(Box::new(status)) }
        })
        .await;
    }
}
