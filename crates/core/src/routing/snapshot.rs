//! The routing table: everything a decision reads, immutable and shared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::{Conflict, ServedTool, Tool, merge, tools_list};
use crate::config::{Config, Server};
use crate::routing::Visibility;

/// One enabled server, as the router needs it.
#[derive(Debug)]
pub struct ServerRoute {
    /// The server's configuration.
    pub server: Arc<Server>,
    /// The server's name as figures share it.
    pub label: Arc<str>,
    /// The host of the server's URL, as figures share it.
    pub address: Arc<str>,
    /// The port of the server's URL.
    pub port: u16,
    /// The authority of the server's URL, `host` or `host:port`: the `Host` that the server expects.
    pub authority: String,
    /// The path, and query if any, of the server's URL.
    pub path: String,
}

impl ServerRoute {
    fn new(server: &Server) -> Self {
        let url = &server.url;
        let host = url.host_str().unwrap_or_default();
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        Self {
            server: Arc::new(server.clone()),
            label: server.name.as_str().into(),
            address: host.into(),
            port: url.port_or_known_default().unwrap_or_default(),
            authority,
            path,
        }
    }

    /// The server's name in the configuration, such as `team/weather`.
    pub fn name(&self) -> &str {
        &self.server.name
    }
}

/// A tool that clients may call, and the server that owns it.
#[derive(Clone, Debug)]
pub struct ToolRoute {
    /// The owner.
    pub server: Arc<ServerRoute>,
    /// The name that clients use.
    pub served: Arc<str>,
    /// The server's definition.
    pub tool: Tool,
}

/// A virtual server: the served names it shows, and its list ready to send.
#[derive(Debug)]
struct View {
    tools: HashSet<Arc<str>>,
    list: List,
}

/// A result of `tools/list`, ready to send, and a number that stands for it.
#[derive(Debug)]
struct List {
    bytes: Bytes,
    digest: u64,
}

/// What the gateway knows at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// Counts up with each snapshot that is published.
    pub revision: u64,
    /// The configuration it was built from.
    pub config: Arc<Config>,
    servers: Vec<Arc<ServerRoute>>,
    hosts: HashMap<String, Arc<ServerRoute>>,
    tools: HashMap<Arc<str>, ToolRoute>,
    /// The servers that offer nothing, because their list has not been read or they are down.
    absent: Vec<Arc<ServerRoute>>,
    list: List,
    empty_list: List,
    views: HashMap<String, View>,
    conflicts: Vec<Conflict>,
}

impl Snapshot {
    /// Builds the snapshot of a configuration and of the tools that the servers offer now, by server name.
    ///
    /// A server without an entry in `tools` offers none. Disabled servers are left out altogether.
    pub fn build(
        config: &Arc<Config>,
        revision: u64,
        tools: &BTreeMap<String, Arc<[Tool]>>,
    ) -> Self {
        let servers: Vec<_> = config
            .servers
            .iter()
            .filter(|server| server.enabled)
            .map(|server| Arc::new(ServerRoute::new(server)))
            .collect();
        let merged = merge(servers.iter().map(|route| {
            let offered = tools.get(route.name()).map_or(&[][..], |tools| tools.as_ref());
            (route.server.prefix.as_str(), offered)
        }));
        let views = config
            .virtual_servers
            .iter()
            .map(|view| (view.name.clone(), View::build(&view.tools, &merged.tools)))
            .collect();
        let is_absent = |route: &&Arc<ServerRoute>| !tools.contains_key(route.name());
        Self {
            revision,
            config: Arc::clone(config),
            absent: servers.iter().filter(is_absent).cloned().collect(),
            hosts: hosts(&servers),
            list: List::of(&merged.tools),
            empty_list: List::of([]),
            views,
            tools: routes(&servers, merged.tools),
            conflicts: merged.conflicts,
            servers,
        }
    }

    /// The enabled servers in configuration order.
    pub fn servers(&self) -> &[Arc<ServerRoute>] {
        &self.servers
    }

    /// The server of that name; `None` when it is unknown or disabled.
    pub fn server(&self, name: &str) -> Option<&Arc<ServerRoute>> {
        self.servers.iter().find(|route| route.name() == name)
    }

    /// The server whose virtual host in Envoy is `host` (lower case, without port).
    pub fn server_by_host(&self, host: &str) -> Option<&Arc<ServerRoute>> {
        self.hosts.get(host)
    }

    /// The tool that a request may call by the name `served`.
    pub fn tool(&self, served: &str, visibility: &Visibility) -> Option<&ToolRoute> {
        let route = self.tools.get(served)?;
        match visibility {
            Visibility::All => Some(route),
            Visibility::VirtualServer(name) => {
                self.views.get(name).filter(|view| view.tools.contains(served)).map(|_| route)
            }
            Visibility::Nothing => None,
        }
    }

    /// The server that is down and whose tool `served` would be, by its prefix, if the request may call that.
    pub fn absent_server(
        &self,
        served: &str,
        visibility: &Visibility,
    ) -> Option<&Arc<ServerRoute>> {
        let may_call = match visibility {
            Visibility::All => true,
            Visibility::VirtualServer(name) => self
                .config
                .virtual_servers
                .iter()
                .any(|view| view.name == *name && view.tools.iter().any(|tool| tool == served)),
            Visibility::Nothing => false,
        };
        let has_prefix = |route: &&Arc<ServerRoute>| {
            let prefix = route.server.prefix.as_str();
            !prefix.is_empty() && served.starts_with(prefix)
        };
        let candidates = self.absent.iter().filter(has_prefix).filter(|_| may_call);
        candidates.max_by_key(|route| route.server.prefix.len())
    }

    /// The prepared result of `tools/list`: `{"tools":[…]}`.
    pub fn tools_list(&self, visibility: &Visibility) -> Bytes {
        self.list(visibility).bytes.clone()
    }

    /// A number that differs when the bytes of [`Self::tools_list`] differ. It is read without looking at them: every
    /// open stream asks for it at every change.
    pub fn tools_list_digest(&self, visibility: &Visibility) -> u64 {
        self.list(visibility).digest
    }

    fn list(&self, visibility: &Visibility) -> &List {
        match visibility {
            Visibility::All => &self.list,
            Visibility::VirtualServer(name) => {
                self.views.get(name).map_or(&self.empty_list, |view| &view.list)
            }
            Visibility::Nothing => &self.empty_list,
        }
    }

    /// The number of tools in [`Self::tools_list`].
    pub fn tools_count(&self, visibility: &Visibility) -> usize {
        match visibility {
            Visibility::All => self.tools.len(),
            Visibility::VirtualServer(name) => self.views.get(name).map_or(0, |v| v.tools.len()),
            Visibility::Nothing => 0,
        }
    }

    /// Tools that are not offered because another one has their name; places are those of [`Self::servers`].
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }
}

impl List {
    fn of<'a>(tools: impl IntoIterator<Item = &'a ServedTool>) -> Self {
        let bytes = tools_list(tools);
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        Self { digest: hasher.finish(), bytes }
    }
}

impl View {
    /// The order is that of the whole list; names that no server offers are ignored until one does.
    fn build(names: &[String], all: &[ServedTool]) -> Self {
        let names: HashSet<&str> = names.iter().map(String::as_str).collect();
        let shown: Vec<_> =
            all.iter().filter(|tool| names.contains(tool.served.as_ref())).cloned().collect();
        Self { list: List::of(&shown), tools: shown.into_iter().map(|tool| tool.served).collect() }
    }
}

fn hosts(servers: &[Arc<ServerRoute>]) -> HashMap<String, Arc<ServerRoute>> {
    servers
        .iter()
        .filter_map(|route| {
            let hostname = route.server.hostname.as_deref()?;
            Some((hostname.to_ascii_lowercase(), Arc::clone(route)))
        })
        .collect()
}

fn routes(servers: &[Arc<ServerRoute>], tools: Vec<ServedTool>) -> HashMap<Arc<str>, ToolRoute> {
    tools
        .into_iter()
        .filter_map(|ServedTool { served, server, tool }| {
            let server = Arc::clone(servers.get(server)?);
            Some((Arc::clone(&served), ToolRoute { server, served, tool }))
        })
        .collect()
}
