//! Two small MCP servers for the demo, on loopback ports that the system picks.
//!
//! They are ordinary servers made with the official SDK and speak different revisions of the protocol: `weather`
//! goes no further than 2025-06-18, `calculator` speaks 2025-11-25. Their only peculiarity is that each remembers
//! the trace context of the last tool call, so that the tour can show that it arrived.

mod calculator;
mod weather;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::serve::ListenerExt;
use rmcp::handler::server::ServerHandler;
use rmcp::service::{RequestContext, RoleServer};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use self::calculator::Calculator;
pub(crate) use self::weather::Weather;

/// A sample server that is running.
pub(crate) struct SampleServer {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    received: Received,
    shutdown: CancellationToken,
    task: JoinHandle<io::Result<()>>,
}

/// The trace context that came with a tool call, each part as it was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ReceivedContext {
    /// The `traceparent` header.
    pub(crate) header: Option<String>,
    /// `params._meta.traceparent`.
    pub(crate) meta: Option<String>,
}

/// The trace context of the last tool call; shared by all sessions of a server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received(Arc<Mutex<ReceivedContext>>);

impl Received {
    /// Remembers what came with `context`.
    fn remember(&self, context: &RequestContext<RoleServer>) {
        let header = context
            .extensions
            .get::<axum::http::request::Parts>()
            .and_then(|parts| parts.headers.get("traceparent"))
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let meta = context.meta.get_traceparent().map(str::to_owned);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = ReceivedContext { header, meta };
    }
}

impl SampleServer {
    /// Starts `weather` on a free loopback port.
    pub(crate) async fn weather() -> io::Result<Self> {
        Self::start(Weather::new).await
    }

    /// Starts `calculator` on a free loopback port.
    pub(crate) async fn calculator() -> io::Result<Self> {
        Self::start(Calculator::new).await
    }

    /// Where the server is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// What came with the last tool call; empty before the first.
    pub(crate) fn received(&self) -> ReceivedContext {
        self.received.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the server and its sessions.
    pub(crate) async fn stop(self) -> io::Result<()> {
        self.shutdown.cancel();
        // Everything is on loopback and nothing waits: cutting what is still open hurts nobody.
        self.task.abort();
        match self.task.await {
            Ok(result) => result,
            Err(_aborted) => Ok(()),
        }
    }

    async fn start<S: ServerHandler>(
        handler: impl Fn(Received) -> S + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let received = Received::default();
        let shutdown = CancellationToken::new();
        let service = {
            let received = received.clone();
            let config = StreamableHttpServerConfig::default()
                .with_cancellation_token(shutdown.child_token())
                .enforce_origin_validation();
            StreamableHttpService::new(
                move || Ok(handler(received.clone())),
                Arc::new(LocalSessionManager::default()),
                config,
            )
        };
        // An event stream is many small writes, which Nagle's algorithm would hold back for 40 ms each.
        let listener = listener.tap_io(|stream| {
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%error, "A sample server could not set TCP_NODELAY.");
            }
        });
        let app = Router::new().nest_service("/mcp", service);
        let task = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { address, received, shutdown, task })
    }
}

#[cfg(test)]
mod tests;
