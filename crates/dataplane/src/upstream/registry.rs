//! What all managers have found out together: each server's condition and tools, published as one snapshot.
//!
//! Managers report here; nobody else writes. Reports of a manager whose server has changed meanwhile are ignored. The
//! lock is held for memory work only, never across an await.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_gateway_core::catalog::Tool;
use mcp_gateway_core::config::{Config, Server};
use mcp_gateway_core::routing::Snapshot;

use super::initialize::Initialized;
use super::list::ToolList;
use super::status::{
    Health, LastError, ServerInfo, ServerState, ServerStatus, ToolConflict, rfc3339,
};
use crate::clock::Clock;
use crate::snapshot::Snapshots;

/// Which manager reports: a server's name, and which of its managers, counted up with each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reporter {
    pub(super) name: Arc<str>,
    pub(super) generation: u64,
}

/// What a report changed, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) from: ServerState,
    pub(super) to: ServerState,
}

/// How a server of a new configuration begins.
#[derive(Debug)]
pub(super) struct Begin {
    pub(super) reporter: Reporter,
    pub(super) state: ServerState,
    /// Condition and tools of its predecessor stay until its manager reports: only how it is reached has changed.
    pub(super) keep: bool,
}

pub(super) struct Registry {
    snapshots: Snapshots,
    clock: Clock,
    inner: Mutex<Inner>,
}

struct Inner {
    config: Arc<Config>,
    entries: BTreeMap<Arc<str>, Entry>,
}

struct Entry {
    generation: u64,
    health: Health,
    tools: Option<Arc<[Tool]>>,
}

impl Registry {
    /// Begins with a configuration of which no server has begun.
    pub(super) fn new(config: Arc<Config>, snapshots: Snapshots, clock: Clock) -> Self {
        let inner = Mutex::new(Inner { config, entries: BTreeMap::new() });
        Self { snapshots, clock, inner }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over a configuration: `begin` replaces the entries of its servers, servers that it does not have are forgotten.
    pub(super) fn apply(&self, config: Arc<Config>, begin: Vec<Begin>) {
        let now = self.clock.unix();
        let mut inner = self.lock();
        let known = |name: &str| config.servers.iter().any(|server| server.name == name);
        inner.entries.retain(|name, _| known(name));
        for Begin { reporter: Reporter { name, generation }, state, keep } in begin {
            match inner.entries.get_mut(&name) {
                Some(entry) if keep => entry.generation = generation,
                _ => {
                    let health = Health::new(state, now);
                    inner.entries.insert(name, Entry { generation, health, tools: None });
                }
            }
        }
        inner.config = config;
        self.publish(&inner);
    }

    /// A session was opened.
    pub(super) fn connected(&self, reporter: &Reporter, initialized: &Initialized) {
        let mut inner = self.lock();
        let Some(entry) = inner.entry(reporter) else { return };
        entry.health.protocol_version = Some(initialized.session.protocol_version.to_string());
        entry.health.server_info = initialized.server_info_text("name").map(|name| ServerInfo {
            name,
            version: initialized.server_info_text("version").unwrap_or_default(),
        });
    }

    /// The list was read to its end. Publishes when it is not what was there, byte for byte.
    pub(super) fn listed(&self, reporter: &Reporter, list: ToolList) -> Option<Transition> {
        let now = self.clock.unix();
        let mut inner = self.lock();
        let entry = inner.entry(reporter)?;
        let from = entry.health.state;
        entry.health.listed(list.tools.len(), &list.invalid, now);
        let changed = entry.tools.as_deref() != Some(list.tools.as_slice());
        if changed {
            entry.tools = Some(list.tools.into());
            self.publish(&inner);
        }
        Some(Transition { from, to: ServerState::Up })
    }

    /// The server answered a ping.
    pub(super) fn alive(&self, reporter: &Reporter) -> Option<Transition> {
        let now = self.clock.unix();
        let mut inner = self.lock();
        let entry = inner.entry(reporter)?;
        let from = entry.health.state;
        entry.health.alive(now);
        Some(Transition { from, to: entry.health.state })
    }

    /// Something failed; `drop_list` says that the older list is no longer to be offered.
    pub(super) fn failed(
        &self,
        reporter: &Reporter,
        reason: &str,
        message: String,
        drop_list: bool,
    ) -> Option<Transition> {
        let now = self.clock.unix();
        let mut inner = self.lock();
        let entry = inner.entry(reporter)?;
        let from = entry.health.state;
        let dropped = drop_list && entry.tools.take().is_some();
        let error = LastError { reason: reason.to_owned(), message, at: rfc3339(now) };
        entry.health.failed(error, entry.tools.is_some(), now);
        let to = entry.health.state;
        if dropped {
            self.publish(&inner);
        }
        Some(Transition { from, to })
    }

    fn publish(&self, inner: &Inner) {
        let offered = inner.entries.iter().filter_map(|(name, entry)| {
            Some((name.as_ref().to_owned(), Arc::clone(entry.tools.as_ref()?)))
        });
        self.snapshots.publish(&inner.config, &offered.collect());
    }

    /// The state of one server; `None` when the configuration does not have it.
    pub(super) fn state(&self, name: &str) -> Option<ServerState> {
        self.lock().entries.get(name).map(|entry| entry.health.state)
    }

    /// Says whether some enabled server is offered, or none is enabled.
    pub(super) fn ready(&self) -> bool {
        let inner = self.lock();
        let mut enabled = inner.config.servers.iter().filter(|server| server.enabled).peekable();
        let offered = |server: &Server| {
            let entry = inner.entries.get(server.name.as_str());
            entry.is_some_and(|entry| entry.health.state.is_offered())
        };
        enabled.peek().is_none() || enabled.any(offered)
    }

    /// Every server in the order of the configuration.
    pub(super) fn status(&self) -> Vec<ServerStatus> {
        let inner = self.lock();
        let snapshot = self.snapshots.current();
        let servers = inner.config.servers.iter();
        let status = servers.filter_map(|server| {
            let entry = inner.entries.get(server.name.as_str())?;
            Some(status(server, &entry.health, conflicts(&snapshot, &server.name)))
        });
        status.collect()
    }
}

impl Inner {
    fn entry(&mut self, reporter: &Reporter) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(&reporter.name);
        entry.filter(|entry| entry.generation == reporter.generation)
    }
}

fn status(server: &Server, health: &Health, conflicts: Vec<ToolConflict>) -> ServerStatus {
    ServerStatus {
        name: server.name.clone(),
        address: server.url[url::Position::BeforeHost..url::Position::AfterPort].to_owned(),
        state: health.state,
        since: rfc3339(health.since),
        protocol_version: health.protocol_version.clone(),
        server_info: health.server_info.clone(),
        tools: health.tools,
        invalid_tools: health.invalid_count,
        invalid_tool_list: health.invalid.clone(),
        conflicts,
        last_error: health.last_error.clone(),
        last_success: health.last_success.map(rfc3339),
    }
}

/// The tools that the server lost to others; places in the snapshot's conflicts are places in its list of servers.
fn conflicts(snapshot: &Snapshot, server: &str) -> Vec<ToolConflict> {
    let name = |place: usize| snapshot.servers().get(place).map(|route| route.name());
    let own = snapshot.conflicts().iter().filter(|conflict| name(conflict.dropped) == Some(server));
    let shown = own.map(|conflict| ToolConflict {
        tool: conflict.served.clone(),
        kept_by: name(conflict.kept).unwrap_or_default().to_owned(),
    });
    shown.collect()
}
