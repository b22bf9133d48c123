//! Serves an axum application so that stopping it closes every connection, as the death of a process does.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// A port of the loopback interface that the system chooses.
pub(crate) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// Serves `app` on `address` until `stop`; returns the address that was bound.
pub(crate) async fn serve(
    address: SocketAddr,
    app: Router,
    stop: &CancellationToken,
) -> SocketAddr {
    start(address, app, stop, None).await
}

/// The same over TLS.
pub(crate) async fn serve_tls(
    app: Router,
    stop: &CancellationToken,
    tls: rustls::ServerConfig,
) -> SocketAddr {
    start(any_port(), app, stop, Some(TlsAcceptor::from(Arc::new(tls)))).await
}

async fn start(
    address: SocketAddr,
    app: Router,
    stop: &CancellationToken,
    tls: Option<TlsAcceptor>,
) -> SocketAddr {
    let listener = TcpListener::bind(address).await.unwrap();
    let bound = listener.local_addr().unwrap();
    let stop = stop.clone();
    tokio::spawn(async move { stop.run_until_cancelled(accept(listener, app, tls)).await });
    bound
}

/// Ends with all its connections when dropped.
async fn accept(listener: TcpListener, app: Router, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let app = app.clone();
        let tls = tls.clone();
        connections.spawn(async move {
            match tls {
                // A failed handshake is what some tests want.
                Some(tls) => {
                    if let Ok(socket) = tls.accept(socket).await {
                        connection(socket, app).await;
                    }
                }
                None => connection(socket, app).await,
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(socket: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, app: Router) {
    let service = TowerToHyperService::new(app);
    let server = auto::Builder::new(TokioExecutor::new());
    // Errors are those of clients that went away.
    drop(server.serve_connection(TokioIo::new(socket), service).await);
}
