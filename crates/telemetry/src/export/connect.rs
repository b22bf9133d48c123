//! The connection to a receiver: name, TCP, TLS, and for `rpc://` with INSECURE the step back to plain text.
//!
//! Every step has its own deadline and its own error, so that a log line says where it failed.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::Service;

use super::health::FailureReason;

/// The time to find the addresses of a name.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(5);
/// The time to reach one address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The time for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Connects to receivers; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Connector(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Absent for plain text.
    tls: Option<Arc<ClientConfig>>,
    /// Plain text is taken when the receiver does not speak TLS.
    may_fall_back: bool,
    /// The last connection had to be plain text; only for the log, because every connection begins with TLS.
    is_plain: AtomicBool,
}

/// Why there is no connection.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The name has no address.
    #[error("the name {host} cannot be resolved")]
    Resolve {
        /// The name.
        host: String,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// No address took the connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// The last address that was tried.
        address: SocketAddr,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The TLS handshake failed.
    #[error("TLS with {host} failed")]
    Tls {
        /// The name.
        host: String,
        /// What went wrong.
        source: Arc<io::Error>,
    },
}

impl ConnectError {
    /// The reason for counters.
    pub(crate) const fn reason(&self) -> FailureReason {
        match self {
            Self::Resolve { .. } => FailureReason::NameResolution,
            Self::Connect { .. } => FailureReason::Connection,
            Self::Tls { .. } => FailureReason::Tls,
        }
    }

    /// Says whether it may work a little later; a certificate does not become right by waiting.
    pub(crate) const fn is_transient(&self) -> bool {
        match self {
            Self::Resolve { .. } | Self::Connect { .. } => true,
            Self::Tls { .. } => false,
        }
    }
}

impl Connector {
    /// Makes a connector; with `may_fall_back` a receiver that does not speak TLS gets plain text.
    pub(crate) fn new(tls: Option<Arc<ClientConfig>>, may_fall_back: bool) -> Self {
        Self(Arc::new(Inner { tls, may_fall_back, is_plain: AtomicBool::new(false) }))
    }

    async fn connect(self, uri: Uri) -> Result<Stream, ConnectError> {
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let is_plain = uri.scheme_str() == Some("http");
        let port = uri.port_u16().unwrap_or(if is_plain { 80 } else { 443 });
        let tcp = reach(&host, port).await?;
        let Some(tls) = &self.0.tls else {
            return Ok(Stream::new(tcp));
        };
        match handshake(Arc::clone(tls), &host, tcp).await {
            Ok(stream) => {
                self.0.is_plain.store(false, Ordering::Relaxed);
                Ok(stream)
            }
            // Only for this connection: a receiver that hung up once, as it does when it restarts, may speak TLS after all.
            Err(error) if self.0.may_fall_back && is_not_tls(&error) => {
                if !self.0.is_plain.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        host = %host,
                        port,
                        "The receiver {host}:{port} does not speak TLS on this connection; telemetry goes over it in plain text."
                    );
                }
                Ok(Stream::new(reach(&host, port).await?))
            }
            Err(error) => Err(ConnectError::Tls { host, source: Arc::new(error) }),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// Connects to the first address of `host` that takes the connection.
async fn reach(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let unresolved =
        |source| ConnectError::Resolve { host: host.to_owned(), source: Arc::new(source) };
    let addresses = within(RESOLVE_TIMEOUT, lookup_host((host, port))).await.map_err(unresolved)?;
    let mut last = unresolved(io::Error::new(io::ErrorKind::NotFound, "no address"));
    for address in addresses.take(ADDRESSES_MAX) {
        match within(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(stream) => {
                // Without it a small batch may wait for the acknowledgement of the one before.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(error = %error, "TCP_NODELAY is not set.");
                }
                return Ok(stream);
            }
            Err(source) => last = ConnectError::Connect { address, source: Arc::new(source) },
        }
    }
    Err(last)
}

async fn handshake(tls: Arc<ClientConfig>, host: &str, tcp: TcpStream) -> io::Result<Stream> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = within(HANDSHAKE_TIMEOUT, TlsConnector::from(tls).connect(name, tcp)).await?;
    Ok(Stream::new(stream))
}

/// Waits for one step; a step that takes too long is an error like any other.
async fn within<T>(deadline: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(deadline, step).await.unwrap_or_else(|_| {
        let message = format!("no answer within {deadline:?}");
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    })
}

/// Says whether a handshake failed because the other side does not speak TLS: it sent something else, or hung up.
///
/// An alert is TLS, and silence proves nothing.
fn is_not_tls(error: &io::Error) -> bool {
    let rustls = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    if let Some(error) = rustls {
        return matches!(error, rustls::Error::InvalidMessage(_));
    }
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}

/// A connection, with TLS or without.
pub(crate) struct Stream(TokioIo<Pin<Box<dyn Duplex>>>);

trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

impl Stream {
    fn new(stream: impl Duplex + 'static) -> Self {
        Self(TokioIo::new(Box::pin(stream)))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
