//! The current snapshot of configuration and tools, for everybody who reads it, and news of when the list changed.
//!
//! Readers never wait: they take the pointer that is current. Only the servers' managers and a reload publish.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use mcp_gateway_core::catalog::Tool;
use mcp_gateway_core::config::Config;
use mcp_gateway_core::routing::{Snapshot, Visibility};
use tokio::sync::watch;

/// Holds the current snapshot. Clones share it.
#[derive(Clone, Debug)]
pub struct Snapshots {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    current: ArcSwap<Snapshot>,
    /// Held while a snapshot is built, so that two never overtake each other.
    publishing: Mutex<()>,
    list_revision: watch::Sender<u64>,
}

impl Snapshots {
    /// Begins with the snapshot of `config` and no tools.
    pub fn new(config: &Arc<Config>) -> Self {
        let first = Snapshot::build(config, 0, &BTreeMap::new());
        let inner = Inner {
            current: ArcSwap::from_pointee(first),
            publishing: Mutex::new(()),
            list_revision: watch::Sender::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The current snapshot. A request takes it once and keeps it to its end.
    pub fn current(&self) -> Arc<Snapshot> {
        self.inner.current.load_full()
    }

    /// Tells when the list of tools changes for somebody. The value counts the changes; it stays when a snapshot
    /// is published whose lists have the same bytes.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.list_revision.subscribe()
    }

    /// Builds the snapshot of `config` and of what each server offers, and makes it the current one.
    pub fn publish(&self, config: &Arc<Config>, tools: &BTreeMap<String, Arc<[Tool]>>) {
        let _building = self.inner.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.current();
        let new = Arc::new(Snapshot::build(config, old.revision + 1, tools));
        self.inner.current.store(Arc::clone(&new));
        if lists_differ(&old, &new) {
            self.inner.list_revision.send_modify(|revision| *revision += 1);
        }
    }
}

/// Says whether anybody sees another list than before: everybody, or those who name one virtual server.
fn lists_differ(old: &Snapshot, new: &Snapshot) -> bool {
    let differ = |visibility: &Visibility| old.tools_list(visibility) != new.tools_list(visibility);
    let views = old.config.virtual_servers.iter().chain(&new.config.virtual_servers);
    let names: BTreeSet<&str> = views.map(|view| view.name.as_str()).collect();
    differ(&Visibility::All)
        || names.into_iter().any(|name| differ(&Visibility::VirtualServer(name.to_owned())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use mcp_gateway_core::catalog::Tool;
    use mcp_gateway_core::config::{Config, Server, VirtualServer};
    use mcp_gateway_core::routing::Visibility;

    use super::Snapshots;

    fn config(views: &[(&str, &str)]) -> Arc<Config> {
        let server = Server {
            name: "a".to_owned(),
            url: "http://127.0.0.1:1/mcp".parse().unwrap(),
            hostname: None,
            prefix: "a_".to_owned(),
            enabled: true,
            credential: None,
            ca_cert_pem: None,
            ca_cert_file: None,
        };
        let views = views.iter().map(|(name, tool)| VirtualServer {
            name: (*name).to_owned(),
            tools: vec![(*tool).to_owned()],
        });
        Arc::new(Config {
            servers: vec![server],
            virtual_servers: views.collect(),
            ..Config::default()
        })
    }

    fn offer(description: &str) -> BTreeMap<String, Arc<[Tool]>> {
        let raw = format!(
            r#"{{"name":"t","description":"{description}","inputSchema":{{"type":"object"}}}}"#
        );
        let tool = Tool::parse(raw.as_bytes()).unwrap();
        BTreeMap::from([("a".to_owned(), Arc::from([tool]))])
    }

    #[test]
    fn subscribers_hear_of_changed_bytes_only() {
        let snapshots = Snapshots::new(&config(&[]));
        let revision = snapshots.subscribe();
        let check = |config: &Arc<Config>, tools: &BTreeMap<_, _>, expect: u64, why: &str| {
            snapshots.publish(config, tools);
            assert_eq!(*revision.borrow(), expect, "{why}");
        };
        check(&config(&[]), &BTreeMap::new(), 0, "nothing is offered, as before");
        check(&config(&[]), &offer("x"), 1, "a tool appears");
        check(&config(&[]), &offer("x"), 1, "the same tool again");
        check(&config(&[]), &offer("y"), 2, "its description changes");
        check(&config(&[("v", "a_t")]), &offer("y"), 3, "a virtual server shows it");
        check(&config(&[("v", "a_t")]), &offer("y"), 3, "the same virtual server");
        check(&config(&[("v", "a_u")]), &offer("y"), 4, "the virtual server shows it no more");
        check(&config(&[]), &offer("y"), 4, "a virtual server without tools goes");
        assert_eq!(snapshots.current().revision, 8);
        assert_eq!(snapshots.current().tools_count(&Visibility::All), 1);
    }
}
