//! The HTTP client: one pool of connections per TLS identity.
//!
//! Does not follow redirects, does not retry what may have been executed, sends no `Origin` and takes `Host`
//! from the URI alone. HTTP/1.1, or HTTP/2 where a TLS server chooses it. Callers bring the deadline of each wait.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{Request, Response, Version};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use mcp_gateway_core::config::{Config, Server};
use rustls::RootCertStore;
use thiserror::Error;

use super::connect::{ConnectError, Connector};
use super::tls::{self, TlsError};

/// Idle connections kept for one authority. Enough for bursts; a hundred idle sockets cost nothing.
pub const IDLE_CONNECTIONS_MAX: usize = 100;
/// How long an idle connection is kept. Servers close theirs after 5 s (Node, uvicorn) to a minute and more;
/// a close that has arrived is noticed, so longer only matters for connections that died silently.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Silence on an HTTP/2 connection with open streams after which a ping is sent.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long the answer to such a ping may take before the connection counts as dead.
pub const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What the operating system reports when the peer has reset a connection.
const RESETS: [io::ErrorKind; 3] =
    [io::ErrorKind::ConnectionReset, io::ErrorKind::ConnectionAborted, io::ErrorKind::BrokenPipe];

/// Why a request got no answer, or its answer no end.
#[derive(Debug, Error)]
pub enum HttpError {
    /// The host name has no address.
    #[error("the host name cannot be resolved")]
    Dns(#[source] legacy::Error),
    /// No address of the host accepts a connection.
    #[error("no connection can be made")]
    Connect(#[source] legacy::Error),
    /// The TLS handshake failed.
    #[error("the tls handshake failed")]
    Tls(#[source] legacy::Error),
    /// Connecting took too long.
    #[error("connecting took too long")]
    ConnectTimeout(#[source] legacy::Error),
    /// The head of the answer did not come in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The peer reset the connection.
    #[error("the connection was reset")]
    Reset(#[source] BoxError),
    /// The peer closed the connection before the answer was complete.
    #[error("the connection was closed before the answer was complete")]
    Closed(#[source] BoxError),
    /// What came back is not HTTP, or breaks its rules.
    #[error("the answer is not valid http")]
    Protocol(#[source] BoxError),
}

/// The cause inside an [`HttpError`].
pub type BoxError = Box<dyn StdError + Send + Sync>;

impl HttpError {
    /// The reason for `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            HttpError::Dns(_) => "dns_failed",
            HttpError::Connect(_) => "connect_failed",
            HttpError::Tls(_) => "tls_failed",
            HttpError::ConnectTimeout(_) => "connect_timeout",
            HttpError::Timeout(_) => "timeout",
            HttpError::Reset(_) => "connection_reset",
            HttpError::Closed(_) => "connection_closed",
            HttpError::Protocol(_) => "invalid_http",
        }
    }

    /// Says whether the peer certainly never saw the request, so that it can be sent again.
    pub fn never_sent(&self) -> bool {
        match self {
            HttpError::Dns(_)
            | HttpError::Connect(_)
            | HttpError::Tls(_)
            | HttpError::ConnectTimeout(_) => true,
            HttpError::Timeout(_)
            | HttpError::Reset(_)
            | HttpError::Closed(_)
            | HttpError::Protocol(_) => false,
        }
    }

    fn from_client(error: legacy::Error) -> Self {
        let connect = error.source().and_then(<dyn StdError>::downcast_ref::<ConnectError>);
        match connect {
            Some(ConnectError::Dns(_)) => HttpError::Dns(error),
            Some(ConnectError::Tcp(_)) => HttpError::Connect(error),
            Some(ConnectError::Tls(_)) => HttpError::Tls(error),
            Some(ConnectError::Timeout(_)) => HttpError::ConnectTimeout(error),
            None => Self::from_exchange(error.into()),
        }
    }

    /// Classifies what the reader of a body reports.
    pub fn from_body(error: hyper::Error) -> Self {
        Self::from_exchange(error.into())
    }

    fn from_exchange(error: BoxError) -> Self {
        let first: &(dyn StdError + 'static) = &*error;
        for cause in std::iter::successors(Some(first), |cause| (*cause).source()) {
            if let Some(io) = cause.downcast_ref::<io::Error>() {
                let reset = RESETS.contains(&io.kind());
                // Every other kind means that the bytes stopped before their end.
                return if reset { HttpError::Reset(error) } else { HttpError::Closed(error) };
            }
            if let Some(hyper) = cause.downcast_ref::<hyper::Error>()
                && (hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled())
            {
                return HttpError::Closed(error);
            }
        }
        HttpError::Protocol(error)
    }
}

/// A client of one TLS identity. Clones share its connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    client: legacy::Client<Connector, Full<Bytes>>,
}

impl HttpClient {
    fn new(
        roots: RootCertStore,
        connect_within: Duration,
        fixed: Option<Authority>,
    ) -> Result<Self, TlsError> {
        let connector = Connector::new(tls::client_config(roots)?, connect_within, fixed);
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL)
            .http2_keep_alive_timeout(HTTP2_PING_TIMEOUT)
            .build(connector);
        Ok(Self { client })
    }

    /// Sends one request and waits at most `head_within` for the head of its answer, connecting included.
    ///
    /// `request` has an absolute URI, which alone gives `Host` (`:authority`); a `Host` or `Origin` among its headers
    /// is removed. The body of the answer streams; its deadlines are the caller's.
    ///
    /// Errors: see [`HttpError`]. An answer of any status is no error.
    pub async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        head_within: Duration,
    ) -> Result<Response<Incoming>, HttpError> {
        request.headers_mut().remove(HOST);
        request.headers_mut().remove(ORIGIN);
        *request.version_mut() = Version::HTTP_11;
        match tokio::time::timeout(head_within, self.client.request(request)).await {
            Ok(answer) => answer.map_err(HttpError::from_client),
            Err(_elapsed) => Err(HttpError::Timeout(head_within)),
        }
    }
}

/// The clients of one configuration, shared by everything that calls servers.
///
/// Servers with the same `caCert` share a pool. Clones share the clients.
#[derive(Clone)]
pub struct HttpClients {
    inner: Arc<Inner>,
}

struct Inner {
    /// The roots of the system, read once per process.
    system: RootCertStore,
    state: Mutex<State>,
}

struct State {
    trust: Trust,
    direct: BTreeMap<Option<String>, HttpClient>,
    envoy: Option<HttpClient>,
}

/// What of the configuration goes into every client.
#[derive(PartialEq, Eq)]
struct Trust {
    gateway_ca: Option<String>,
    connect_within: Duration,
    envoy: Option<Authority>,
}

impl Trust {
    fn of(config: &Config) -> Self {
        let envoy = config.envoy_address.as_ref();
        Self {
            gateway_ca: config.gateway_ca_cert_pem.clone(),
            connect_within: config.limits.connect_timeout,
            envoy: envoy.and_then(|url| {
                url[url::Position::BeforeHost..url::Position::AfterPort].parse().ok()
            }),
        }
    }

    fn roots(
        &self,
        system: &RootCertStore,
        server_ca: Option<&str>,
    ) -> Result<RootCertStore, TlsError> {
        let mut roots = system.clone();
        if let Some(pem) = &self.gateway_ca {
            tls::add_pem(&mut roots, "gatewayCACertPEM", pem)?;
        }
        if let Some(pem) = server_ca {
            tls::add_pem(&mut roots, "caCert", pem)?;
        }
        Ok(roots)
    }
}

impl HttpClients {
    /// Reads the roots of the system and prepares clients for `config`; each is made when it is first asked for.
    pub fn new(config: &Config) -> Self {
        let state = State { trust: Trust::of(config), direct: BTreeMap::new(), envoy: None };
        Self { inner: Arc::new(Inner { system: tls::system_roots(), state: Mutex::new(state) }) }
    }

    /// Takes over a changed configuration. Clients that it leaves as they are keep their connections.
    pub fn apply(&self, config: &Config) {
        let trust = Trust::of(config);
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.trust == trust {
            state
                .direct
                .retain(|ca, _| config.servers.iter().any(|server| server.ca_cert_pem == *ca));
        } else {
            *state = State { trust, direct: BTreeMap::new(), envoy: None };
        }
    }

    /// The client that calls `server` itself.
    ///
    /// Errors: [`TlsError`] when `caCert` or `gatewayCACertPEM` holds no usable certificate.
    pub fn direct(&self, server: &Server) -> Result<HttpClient, TlsError> {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = state.direct.get(&server.ca_cert_pem) {
            return Ok(client.clone());
        }
        let roots = state.trust.roots(&self.inner.system, server.ca_cert_pem.as_deref())?;
        let client = HttpClient::new(roots, state.trust.connect_within, None)?;
        state.direct.insert(server.ca_cert_pem.clone(), client.clone());
        Ok(client)
    }

    /// The client whose every connection goes to `envoyAddress`; the URI of a request then names the virtual host.
    ///
    /// `None` when the configuration has no `envoyAddress`.
    pub fn envoy(&self) -> Result<Option<HttpClient>, TlsError> {
        let mut state = self.inner.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.envoy.is_none() && state.trust.envoy.is_some() {
            let roots = state.trust.roots(&self.inner.system, None)?;
            let fixed = state.trust.envoy.clone();
            state.envoy = Some(HttpClient::new(roots, state.trust.connect_within, fixed)?);
        }
        Ok(state.envoy.clone())
    }
}
