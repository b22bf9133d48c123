//! The accept loop of every HTTP listener: connections in, requests to an axum router, an orderly end.
//!
//! HTTP/1.1 with keep-alive. It decides nothing about requests; it bounds what a connection may cost (how many there
//! are, how long and how large a head may be, how long a client may not read) and gives open requests time to finish when the gateway stops. The
//! peer's address is in each request's extensions as [`ConnectInfo`].

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use mcp_gateway_telemetry::Metrics;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::stuck::Unstuck;

/// What a client gets that comes when there are too many connections.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n";
/// How long accepting pauses when the system has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most header fields of a request.
const HEADERS_MAX: usize = 128;

/// Bounds of one listener.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// What log lines call the listener: `client`, `admin`.
    pub name: &'static str,
    /// Connections open at once; further ones are answered with 503 and closed.
    pub connections_max: usize,
    /// How long a connection may take, from its start or from the end of its last response, until the next head has
    /// been read whole. It ends idle connections and slow heads alike.
    pub head_timeout: Duration,
    /// Bytes of a request line and its header fields; longer ones are answered with 431.
    pub head_bytes_max: usize,
    /// How long a client may take no byte of an answer that is ready for it; its connection is cut then.
    pub write_timeout: Duration,
    /// How long open requests have to finish once the listener stops.
    pub drain_timeout: Duration,
    /// Counts connections that were refused.
    pub metrics: Metrics,
}

impl ServerOptions {
    /// The usual bounds: clients keep connections for well under a minute, and 64 KiB hold a session token,
    /// a large bearer token and whatever proxies add.
    pub fn new(name: &'static str, connections_max: usize, metrics: Metrics) -> Self {
        Self {
            name,
            connections_max,
            head_timeout: Duration::from_secs(60),
            head_bytes_max: 64 * 1_024,
            write_timeout: Duration::from_mins(1),
            drain_timeout: Duration::from_secs(20),
            metrics,
        }
    }
}

/// How a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because they were not done in time.
    pub aborted: usize,
}

/// Serves `app` on `listener` until `shutdown`, and then until every open request has finished or the drain timeout
/// is over. Idle connections are closed at once; whoever holds an endless response has to end it on `shutdown`.
pub async fn run(
    listener: TcpListener,
    app: Router,
    options: ServerOptions,
    shutdown: CancellationToken,
) -> Drained {
    let slots = Arc::new(Semaphore::new(options.connections_max));
    let mut connections = JoinSet::new();
    let mut full = false;
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            Some(ended) = connections.join_next() => {
                log_end(options.name, ended);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(options.name, &error).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            refuse(&stream, &options, &mut full);
            continue;
        };
        full = false;
        let connection = Connection { app: app.clone(), peer, slot };
        connections.spawn(connection.serve(stream, options.clone(), shutdown.clone()));
    }
    drop(listener);
    drain(connections, &options).await
}

/// Waits for the open connections, and cuts those that are not done in time.
async fn drain(mut connections: JoinSet<()>, options: &ServerOptions) -> Drained {
    let all = async {
        while let Some(ended) = connections.join_next().await {
            log_end(options.name, ended);
        }
    };
    if tokio::time::timeout(options.drain_timeout, all).await.is_ok() {
        return Drained { aborted: 0 };
    }
    let aborted = connections.len();
    warn!(
        listener = options.name,
        aborted, "Open requests were not done in time; their connections are cut."
    );
    connections.shutdown().await;
    Drained { aborted }
}

/// One accepted connection.
struct Connection {
    app: Router,
    peer: SocketAddr,
    /// Given back when the connection ends.
    slot: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: TcpStream, options: ServerOptions, shutdown: CancellationToken) {
        // Event streams are many small writes: with Nagle's algorithm each waits for the acknowledgement of the last.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(listener = options.name, peer = %self.peer, %error, "A connection ended at once.");
            return;
        }
        let service = PeerService { app: TowerToHyperService::new(self.app), peer: self.peer };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(options.head_timeout)
            .max_header_size(options.head_bytes_max)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(Unstuck::new(stream, options.write_timeout)), service);
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            result = &mut connection => result,
            () = shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            // Clients that leave and heads that take too long end here; neither is anybody's business.
            debug!(listener = options.name, peer = %self.peer, %error, "A connection broke.");
        }
        drop(self.slot);
    }
}

/// Puts the peer's address into each request.
struct PeerService {
    app: TowerToHyperService<Router>,
    peer: SocketAddr,
}

impl Service<Request<Incoming>> for PeerService {
    type Response = Response;
    type Error = Infallible;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.app.call(request)
    }
}

/// Turns a connection away. `full` is whether the last one was, too: the log gets one line for each time it fills up.
fn refuse(stream: &TcpStream, options: &ServerOptions, full: &mut bool) {
    options.metrics.limit_reached("connections_max");
    if !std::mem::replace(full, true) {
        warn!(
            listener = options.name,
            connections_max = options.connections_max,
            "Too many connections; new ones are refused."
        );
    }
    // The send buffer of a new connection is empty, so this takes everything or the client has gone.
    if let Err(error) = stream.try_write(TOO_MANY) {
        debug!(listener = options.name, %error, "A refused connection was gone already.");
    }
}

/// Logs why a connection could not be accepted, and pauses when the next one could not be either.
pub(crate) async fn pause_after(listener: &'static str, error: &io::Error) {
    let of_connection = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    );
    if !of_connection {
        error!(listener, %error, "Connections cannot be accepted; trying again.");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

fn log_end(listener: &'static str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(listener, %error, "A connection's task ended abnormally.");
    }
}
