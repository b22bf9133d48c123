//! All servers of the configuration: starts, changes and stops their managers, and says how the servers are.
//!
//! A reload restarts only the managers of servers that are reached in another way than before; a changed prefix or
//! virtual server is a matter of the snapshot alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mcp_gateway_core::config::{Config, Server};
use mcp_gateway_telemetry::{Metrics, Tracer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::error;

use super::client::{ServerClient, Via};
use super::error::UpstreamError;
use super::manager::Manager;
use super::registry::{Begin, Registry, Reporter};
use super::status::{ServerState, ServerStatus};
use crate::chain::Chain;
use crate::clock::Clock;
use crate::http::client::HttpClients;
use crate::measure;
use crate::snapshot::Snapshots;

/// Time that all managers have to close their sessions.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the managers work with.
#[derive(Clone)]
pub struct ServersDeps {
    /// The clients that call servers.
    pub http: HttpClients,
    /// Where the merged list is published.
    pub snapshots: Snapshots,
    /// Times for the status.
    pub clock: Clock,
    /// Spans.
    pub tracer: Tracer,
    /// Figures.
    pub metrics: Metrics,
}

/// The servers and their managers.
pub struct Servers {
    deps: ServersDeps,
    registry: Arc<Registry>,
    state: Mutex<State>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

struct State {
    config: Arc<Config>,
    running: BTreeMap<Arc<str>, CancellationToken>,
    generations: u64,
}

/// A server that needs a new manager.
struct Start {
    server: Server,
    reporter: Reporter,
}

impl Servers {
    /// Publishes the first snapshot of `config` and starts a manager for each enabled server. Must be called within a Tokio runtime.
    ///
    /// Managers end when `shutdown` does; [`Self::stopped`] waits for them.
    pub fn start(config: &Arc<Config>, deps: ServersDeps, shutdown: &CancellationToken) -> Self {
        let registry =
            Registry::new(Arc::clone(config), deps.snapshots.clone(), deps.clock.clone());
        let none = Arc::new(Config { servers: Vec::new(), ..Config::clone(config) });
        let state = State { config: none, running: BTreeMap::new(), generations: 0 };
        let servers = Self {
            deps,
            registry: Arc::new(registry),
            state: Mutex::new(state),
            tasks: TaskTracker::new(),
            stop: shutdown.child_token(),
        };
        servers.apply(config);
        servers
    }

    /// Takes over a changed configuration.
    ///
    /// Servers that are reached as before keep their manager, session and list. A server whose credential, certificate
    /// or limits changed gets a new manager and keeps its list meanwhile; one with another URL begins anew.
    pub fn apply(&self, config: &Arc<Config>) {
        self.deps.http.apply(config);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut state.config, Arc::clone(config));
        state.stop_unless(|name| same(&old, config, name));
        let (mut begins, mut starts) = (Vec::new(), Vec::new());
        for server in &config.servers {
            let name: Arc<str> = server.name.as_str().into();
            if state.running.contains_key(&name) {
                continue;
            }
            state.generations += 1;
            let reporter = Reporter { name, generation: state.generations };
            let before = find(&old, &server.name);
            let keep = before
                .is_some_and(|before| before.url == server.url && before.enabled && server.enabled);
            let state =
                if server.enabled { ServerState::Connecting } else { ServerState::Disabled };
            begins.push(Begin { reporter: reporter.clone(), state, keep });
            if server.enabled {
                starts.push(Start { server: server.clone(), reporter });
            }
        }
        self.registry.apply(Arc::clone(config), begins);
        for server in old.servers.iter().filter(|server| find(config, &server.name).is_none()) {
            self.deps.metrics.remove_server(&server.name);
        }
        for start in starts {
            self.launch(config, start, &mut state);
        }
    }

    fn launch(&self, config: &Config, start: Start, state: &mut State) {
        let Start { server, reporter } = start;
        let http = match self.deps.http.direct(&server) {
            Ok(http) => http,
            Err(error) => {
                let error = UpstreamError::Tls(error);
                let server = &reporter.name;
                error!(
                    mcp.server = %server, error = %Chain(&error),
                    "Server {server} cannot be called until its configuration changes."
                );
                let message = Chain(&error).to_string();
                self.registry.failed(&reporter, error.reason(), message, true);
                return;
            }
        };
        let peer = measure::peer_of(&server, &reporter.name);
        let client = ServerClient::new(Arc::new(server), Via::Direct(http), config.limits.clone());
        let stop = self.stop.child_token();
        state.running.insert(Arc::clone(&reporter.name), stop.clone());
        let manager = Manager {
            client,
            peer,
            reporter,
            registry: Arc::clone(&self.registry),
            tracer: self.deps.tracer.clone(),
            metrics: self.deps.metrics.clone(),
        };
        self.tasks.spawn(manager.run(stop));
    }

    /// Every server of the configuration, in its order.
    pub fn status(&self) -> Vec<ServerStatus> {
        self.registry.status()
    }

    /// The state of one server; `None` when the configuration does not have it.
    pub fn state(&self, name: &str) -> Option<ServerState> {
        self.registry.state(name)
    }

    /// Says whether the gateway has something to offer: some enabled server's tools, or no enabled server at all.
    ///
    /// A server that fails for a short time still counts, as its tools are still offered.
    pub fn ready(&self) -> bool {
        self.registry.ready()
    }

    /// The clients that call servers, for those who call them for other reasons.
    pub fn http(&self) -> &HttpClients {
        &self.deps.http
    }

    /// Stops all managers and waits until they have closed their sessions, at most five seconds.
    pub async fn stopped(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                timeout_s = STOP_TIMEOUT.as_secs(),
                "Some sessions with servers could not be closed in time."
            );
        }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl State {
    fn stop_unless(&mut self, keep: impl Fn(&str) -> bool) {
        self.running.retain(|name, stop| {
            let keep = keep(name);
            if !keep {
                stop.cancel();
            }
            keep
        });
    }
}

fn find<'a>(config: &'a Config, name: &str) -> Option<&'a Server> {
    config.servers.iter().find(|server| server.name == name)
}

/// Says whether a server's manager can stay: it is called at the same place in the same way, within the same bounds.
fn same(old: &Config, new: &Config, name: &str) -> bool {
    let (Some(before), Some(after)) = (find(old, name), find(new, name)) else { return false };
    let authority = before.url.scheme() != "https"
        || (before.ca_cert_pem == after.ca_cert_pem
            && old.gateway_ca_cert_pem == new.gateway_ca_cert_pem);
    before.url == after.url
        && before.enabled == after.enabled
        && before.credential == after.credential
        && authority
        && old.limits == new.limits
}
