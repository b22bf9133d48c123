//! Opens connections: name, TCP, TLS, each failure told apart, all of it within one deadline.
//!
//! Does not pool and does not speak HTTP; the pool of [`client`](super::client) calls it for every new connection.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::{Authority, PathAndQuery};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::net::TcpStream;
use tower::Service;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
type Plain = TokioIo<TcpStream>;

/// Silence on a connection after which the kernel asks whether the peer still lives.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);

/// Why no connection could be opened.
#[derive(Debug, Error)]
pub(crate) enum ConnectError {
    /// The host has no address.
    #[error("the host name cannot be resolved")]
    Dns(#[source] BoxError),
    /// No address of the host accepts a connection.
    #[error("the connection is refused or unreachable")]
    Tcp(#[source] BoxError),
    /// The TLS handshake failed: certificate, name, version.
    #[error("the tls handshake failed")]
    Tls(#[source] BoxError),
    /// Name, TCP and TLS together took too long.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
}

/// Opens plain and TLS connections.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<Tcp>,
    within: Duration,
}

impl Connector {
    /// Makes a connector for one TLS identity.
    ///
    /// `fixed` is the only address that is ever called, whatever a request's URI says (the URI then only
    /// gives `Host`, `:authority` and the TLS server name); without it the URI's own authority is called.
    pub(crate) fn new(tls: ClientConfig, within: Duration, fixed: Option<Authority>) -> Self {
        let mut http = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(TCP_KEEPALIVE));
        // Shared out over the addresses of the host, so that one dead address leaves time for the next.
        http.set_connect_timeout(Some(within));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Tcp { http, fixed });
        Self { https, within }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<Plain>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response, ConnectError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.https.poll_ready(context).map_err(own_error)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, within) = (self.https.call(uri), self.within);
        Box::pin(async move {
            match tokio::time::timeout(within, connecting).await {
                Ok(connected) => connected.map_err(own_error),
                Err(_elapsed) => Err(ConnectError::Timeout(within)),
            }
        })
    }
}

/// Errors of [`Tcp`] come back as they went in; whatever else the TLS connector reports is its own.
fn own_error(error: BoxError) -> ConnectError {
    match error.downcast::<ConnectError>() {
        Ok(own) => *own,
        Err(other) => ConnectError::Tls(other),
    }
}

/// Opens TCP connections.
#[derive(Clone)]
struct Tcp {
    http: HttpConnector<Resolver>,
    fixed: Option<Authority>,
}

impl Tcp {
    /// The address to call for `uri`: the scheme stays, because it gives the default port.
    fn target(&self, uri: Uri) -> Result<Uri, http::uri::InvalidUriParts> {
        let Some(fixed) = &self.fixed else { return Ok(uri) };
        let mut parts = uri.into_parts();
        parts.authority = Some(fixed.clone());
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        Uri::from_parts(parts)
    }
}

impl Service<Uri> for Tcp {
    type Response = Plain;
    type Error = ConnectError;
    type Future = Connecting<Plain, ConnectError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        self.http.poll_ready(context).map_err(|error| ConnectError::Tcp(error.into()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.target(uri).map(|target| self.http.call(target));
        Box::pin(async move {
            let connected = connecting.map_err(|error| ConnectError::Tcp(error.into()))?.await;
            connected.map_err(|error| {
                let dns = error.source().is_some_and(<dyn StdError>::is::<DnsError>);
                if dns { ConnectError::Dns(error.into()) } else { ConnectError::Tcp(error.into()) }
            })
        })
    }
}

/// The resolver of the system; its errors keep a type of their own, so that they can be told from TCP's.
#[derive(Clone)]
struct Resolver(GaiResolver);

#[derive(Debug, Error)]
#[error("the resolver found no address")]
struct DnsError(#[source] io::Error);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = DnsError;
    type Future = Connecting<GaiAddrs, DnsError>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), DnsError>> {
        self.0.poll_ready(context).map_err(DnsError)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolving = self.0.call(name);
        Box::pin(async move { resolving.await.map_err(DnsError) })
    }
}
