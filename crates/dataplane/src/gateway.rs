//! Puts the parts together: one gateway from one configuration, from bound listeners to an orderly end.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mcp_gateway_core::config::{Config, ListenAddress, Mode};
use mcp_gateway_telemetry::{Metrics, Tracer};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{Admin, AdminParts, Extra};
use crate::broker::{Broker, BrokerDeps};
use crate::clock::Clock;
use crate::ext_proc::{self, ExtProc, Resender};
use crate::http::client::HttpClients;
use crate::http::server::{self, ServerOptions};
use crate::measure::EndedSessions;
use crate::proxy::{Proxy, ProxyParts};
use crate::router::{Router, RouterDeps, ServerAccess};
use crate::sampling;
use crate::session::key::KeyError;
use crate::session::{
    Closer, RoutingTokens, SessionCache, SessionCloser, SessionTokens, SigningKey, SigningKeys,
    UpstreamSessions,
};
use crate::snapshot::Snapshots;
use crate::store::{MemoryStore, Store};
use crate::upstream::{ServerStatus, Servers, ServersDeps};

/// Connections that the admin listener takes at once: probes, a scraper, a person.
const ADMIN_CONNECTIONS_MAX: usize = 64;

/// What the process gives a gateway beside its configuration.
pub struct Handles {
    /// Spans.
    pub tracer: Tracer,
    /// Figures.
    pub metrics: Metrics,
    /// The version of the build, for `serverInfo`.
    pub version: &'static str,
    /// Further members of `/status`.
    pub status_extra: Extra,
}

/// Why a gateway did not start. Nothing stays bound then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be bound.
    #[error("cannot listen on {address} ({purpose}, {})", flag(purpose))]
    Bind {
        /// What the listener is for: `listen`, `adminListen`, `extProcListen`.
        purpose: &'static str,
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The signing key cannot be used.
    #[error("cannot use the signing key")]
    Key(#[source] KeyError),
}

/// Where a running gateway listens.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// Clients (standalone), or the broker (behind Envoy).
    pub client: SocketAddr,
    /// Health, status, metrics.
    pub admin: SocketAddr,
    /// The external processor; behind Envoy only.
    pub ext_proc: Option<ListenAddress>,
}

/// A gateway at work. Stop it with [`RunningGateway::stop`].
pub struct RunningGateway {
    addresses: Addresses,
    servers: Arc<Servers>,
    tracer: Tracer,
    started_with: Arc<Config>,
    draining: Arc<AtomicBool>,
    /// Stops the listeners for clients.
    stop_clients: CancellationToken,
    /// Stops everything else.
    stop_rest: CancellationToken,
    clients: JoinSet<()>,
    rest: JoinSet<()>,
}

/// The listeners, bound before anything else happens.
struct Listeners {
    client: TcpListener,
    admin: TcpListener,
    ext_proc: Option<ext_proc::Listener>,
}

/// The parts that both front ends share.
struct Parts {
    router: Router,
    broker: Broker,
    access: ServerAccess,
    servers: Arc<Servers>,
    snapshots: Snapshots,
}

/// Starts a gateway: binds every listener, then begins to connect to the servers and to serve.
pub async fn start(config: Config, handles: Handles) -> Result<RunningGateway, StartError> {
    let config = Arc::new(config);
    handles.tracer.set_sampling(sampling::policy(&config.telemetry.sampling));
    let keys = signing_keys(&config).map_err(StartError::Key)?;
    let listeners = Listeners::bind(&config).await?;
    let addresses = listeners.addresses(&config)?;
    let (stop_clients, stop_rest) = (CancellationToken::new(), CancellationToken::new());
    let parts = Parts::build(&config, &keys, &handles, &stop_clients, &stop_rest)?;
    let draining = Arc::new(AtomicBool::new(false));
    let admin = Admin::new(AdminParts {
        servers: Arc::clone(&parts.servers),
        snapshots: parts.snapshots.clone(),
        metrics: handles.metrics.clone(),
        draining: Arc::clone(&draining),
        extra: handles.status_extra,
    });
    let mut rest = JoinSet::new();
    let options = ServerOptions::new("admin", ADMIN_CONNECTIONS_MAX, handles.metrics.clone());
    let admin_done = server::run(listeners.admin, admin.app(), options, stop_rest.clone());
    rest.spawn(async move {
        admin_done.await;
    });
    let servers = Arc::clone(&parts.servers);
    let clients = serve_clients(
        parts,
        (listeners.client, listeners.ext_proc),
        &config,
        &handles.metrics,
        &stop_clients,
    );
    Ok(RunningGateway {
        addresses,
        servers,
        tracer: handles.tracer,
        started_with: config,
        draining,
        stop_clients,
        stop_rest,
        clients,
        rest,
    })
}

fn serve_clients(
    parts: Parts,
    (client, ext_proc): (TcpListener, Option<ext_proc::Listener>),
    config: &Config,
    metrics: &Metrics,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let mut options = ServerOptions::new("client", config.limits.connections_max, metrics.clone());
    options.drain_timeout = config.limits.drain_timeout;
    let app = match config.mode {
        Mode::Standalone => Proxy::new(ProxyParts {
            router: parts.router.clone(),
            broker: parts.broker.clone(),
            access: parts.access.clone(),
        })
        .app(),
        Mode::Envoy => parts.broker.app(),
    };
    let served = server::run(client, app, options, stop.clone());
    tasks.spawn(async move {
        served.await;
    });
    if let Some(listener) = ext_proc {
        let service = ExtProc::new(parts.router, Resender::new(parts.access));
        let body_bytes_max = config.limits.body_bytes_max;
        let drain = config.limits.drain_timeout;
        tasks.spawn(ext_proc::serve(listener, service, body_bytes_max, (stop.clone(), drain)));
    }
    tasks
}

impl RunningGateway {
    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// How its servers are.
    pub fn servers(&self) -> Vec<ServerStatus> {
        self.servers.status()
    }

    /// Whether it is ready: a server is up, or none is configured, and it is not draining.
    pub fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed) && self.servers.ready()
    }

    /// Takes over a changed configuration: servers, virtual servers, limits of requests, allowed hosts and origins.
    ///
    /// What cannot change while running (listeners, mode, signing key, some limits) stays, and a log line says so.
    pub fn reload(&self, config: Config) {
        let mut config = config;
        for key in fixed_differences(&self.started_with, &config) {
            tracing::warn!(key, "A change of {key} needs a restart; the old value stays.");
        }
        config.mode = self.started_with.mode;
        config.signing_key.clone_from(&self.started_with.signing_key);
        config.limits.session_init_timeout = self.started_with.limits.session_init_timeout;
        if config.mode == Mode::Envoy {
            config.limits.body_bytes_max = self.started_with.limits.body_bytes_max;
        }
        self.tracer.set_sampling(sampling::policy(&config.telemetry.sampling));
        self.servers.apply(&Arc::new(config));
    }

    /// Stops: takes no new requests, lets those under way finish (at most `limits.drainTimeout`), closes the
    /// sessions with servers.
    pub async fn stop(mut self) {
        self.draining.store(true, Ordering::Relaxed);
        self.stop_clients.cancel();
        while self.clients.join_next().await.is_some() {}
        self.servers.stopped().await;
        self.stop_rest.cancel();
        while self.rest.join_next().await.is_some() {}
    }
}

/// The keys whose change needs a restart and that differ.
fn fixed_differences(old: &Config, new: &Config) -> Vec<&'static str> {
    let differs = [
        ("mode", old.mode != new.mode),
        ("listen", old.listen != new.listen),
        ("adminListen", old.admin_listen != new.admin_listen),
        ("extProcListen", old.ext_proc_listen != new.ext_proc_listen),
        ("signingKey", old.signing_key != new.signing_key),
        ("limits.storeEntriesMax", old.limits.store_entries_max != new.limits.store_entries_max),
        ("limits.connectionsMax", old.limits.connections_max != new.limits.connections_max),
        ("limits.sessionTtl", old.limits.session_ttl != new.limits.session_ttl),
        (
            "limits.sessionInitTimeout",
            old.limits.session_init_timeout != new.limits.session_init_timeout,
        ),
        (
            "telemetry.metrics.enabled",
            old.telemetry.metrics.enabled != new.telemetry.metrics.enabled,
        ),
        (
            "telemetry.metrics.seriesMax",
            old.telemetry.metrics.series_max != new.telemetry.metrics.series_max,
        ),
        ("limits.streamsMax", old.limits.streams_max != new.limits.streams_max),
        ("limits.drainTimeout", old.limits.drain_timeout != new.limits.drain_timeout),
        // The gRPC server was told how long a message may be, and so was Envoy.
        (
            "limits.bodyBytesMax",
            new.mode == Mode::Envoy && old.limits.body_bytes_max != new.limits.body_bytes_max,
        ),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

fn signing_keys(config: &Config) -> Result<SigningKeys, KeyError> {
    let key = if let Some(secret) = &config.signing_key {
        SigningKey::new(secret.expose().as_bytes())?
    } else {
        tracing::info!("No signing key is configured: sessions end with this process.");
        SigningKey::random()
    };
    Ok(SigningKeys::new(key))
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, StartError> {
        let client = bind("listen", config.listen).await?;
        let admin = bind("adminListen", config.admin_listen).await?;
        let ext_proc = match (config.mode, &config.ext_proc_listen) {
            (Mode::Standalone, _) => None,
            (Mode::Envoy, ListenAddress::Tcp(address)) => {
                Some(ext_proc::Listener::Tcp(bind("extProcListen", *address).await?))
            }
            (Mode::Envoy, ListenAddress::Unix(path)) => {
                Some(ext_proc::Listener::Unix(bind_unix(path)?))
            }
        };
        Ok(Self { client, admin, ext_proc })
    }

    fn addresses(&self, config: &Config) -> Result<Addresses, StartError> {
        let local = |purpose, listener: &TcpListener| {
            listener.local_addr().map_err(|source| StartError::Bind {
                purpose,
                address: "local address".to_owned(),
                source,
            })
        };
        let ext_proc = match &self.ext_proc {
            None => None,
            Some(ext_proc::Listener::Tcp(listener)) => {
                Some(ListenAddress::Tcp(local("extProcListen", listener)?))
            }
            Some(ext_proc::Listener::Unix(_)) => Some(config.ext_proc_listen.clone()),
        };
        let client = local("listen", &self.client)?;
        Ok(Addresses { client, admin: local("adminListen", &self.admin)?, ext_proc })
    }
}

/// The flag that sets the same as a key of the configuration.
fn flag(purpose: &str) -> &'static str {
    match purpose {
        "adminListen" => "--admin-listen",
        "extProcListen" => "--ext-proc-listen",
        _ => "--listen",
    }
}

async fn bind(purpose: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Bind {
        purpose,
        address: address.to_string(),
        source,
    })
}

/// Binds a Unix socket; one that a dead process left behind is replaced. What is no socket is nobody's leftover.
fn bind_unix(path: &std::path::Path) -> Result<UnixListener, StartError> {
    let is_socket = path.symlink_metadata().is_ok_and(|file| file.file_type().is_socket());
    let is_left_behind = is_socket && std::os::unix::net::UnixStream::connect(path).is_err();
    let cleared = if is_left_behind { std::fs::remove_file(path) } else { Ok(()) };
    cleared.and_then(|()| UnixListener::bind(path)).map_err(|source| StartError::Bind {
        purpose: "extProcListen",
        address: format!("unix:{}", path.display()),
        source,
    })
}

impl Parts {
    fn build(
        config: &Arc<Config>,
        keys: &SigningKeys,
        handles: &Handles,
        stop_clients: &CancellationToken,
        stop_rest: &CancellationToken,
    ) -> Result<Self, StartError> {
        let clock = Clock::system();
        let snapshots = Snapshots::new(config);
        let ended = EndedSessions::new(&handles.metrics, &snapshots, &clock);
        let memory = MemoryStore::new(config.limits.store_entries_max, clock.clone())
            .with_listener(ended.listener());
        let store = Arc::new(Store::Memory(memory));
        let http = HttpClients::new(config);
        let session_tokens =
            SessionTokens::new(keys, config.limits.session_ttl, Arc::clone(&store), clock.clone())
                .map_err(StartError::Key)?;
        let routing_tokens = RoutingTokens::new(keys, clock.clone()).map_err(StartError::Key)?;
        let access = ServerAccess::new(http.clone(), routing_tokens.clone());
        let cache = SessionCache::new(store, clock.clone());
        let closer = SessionCloser::new(
            session_tokens.clone(),
            cache.clone(),
            closer(access.clone(), snapshots.clone(), ended.clone()),
        );
        let upstream_sessions =
            UpstreamSessions::new(cache, closer.clone(), config.limits.session_init_timeout);
        let servers = Servers::start(
            config,
            ServersDeps {
                http,
                snapshots: snapshots.clone(),
                clock,
                tracer: handles.tracer.clone(),
                metrics: handles.metrics.clone(),
            },
            stop_rest,
        );
        let broker = Broker::new(BrokerDeps {
            snapshots: snapshots.clone(),
            session_tokens: session_tokens.clone(),
            session_closer: closer,
            tracer: handles.tracer.clone(),
            metrics: handles.metrics.clone(),
            version: handles.version.to_owned(),
            instructions: None,
            streams_max: config.limits.streams_max,
            shutdown: stop_clients.clone(),
        });
        let router = Router::new(RouterDeps {
            snapshots: snapshots.clone(),
            session_tokens,
            routing_tokens,
            upstream_sessions,
            access: access.clone(),
            tracer: handles.tracer.clone(),
            metrics: handles.metrics.clone(),
        });
        Ok(Self { router, broker, access, servers: Arc::new(servers), snapshots })
    }
}

/// Closes a session with a server that is still configured; one that is not has nobody to tell.
fn closer(access: ServerAccess, snapshots: Snapshots, figures: EndedSessions) -> Closer {
    Arc::new(move |ended, parent| {
        figures.closed(&ended);
        let (access, snapshot) = (access.clone(), snapshots.current());
        Box::pin(async move {
            if let Some(route) = snapshot.server(&ended.server) {
                access.close(&snapshot.config, &route.server, &ended.session, &parent).await;
            }
        })
    })
}

#[cfg(test)]
mod tests;
