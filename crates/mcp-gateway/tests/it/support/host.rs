//! HTTP servers inside the test program that can die like a process and come back on the same port.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::port::Port;
use super::wait::{PATIENCE, until};

/// Time that tasks have to end when their server dies; they end at their next await.
const DEATH: Duration = Duration::from_secs(5);

/// A place for one server: an address, and a runtime that holds all its tasks and sockets while it runs.
pub struct Host {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Host {
    /// Serves `app` on a port of its own.
    pub async fn start(app: Router) -> Self {
        let mut host = Self { address: Port::take().release(), runtime: None };
        host.restart(app).await;
        host
    }

    /// Returns where it listens, while it runs and before and after.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of its MCP endpoint.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Dies as a killed process does: connections are cut, nothing is said.
    pub async fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(DEATH)).await.unwrap();
        }
    }

    /// Serves `app` on the same port, in place of what it served before.
    pub async fn restart(&mut self, app: Router) {
        self.stop().await;
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let address = self.address;
        let listener = until("the port is free again", PATIENCE, async || {
            // Bound inside its own runtime, so that the socket dies with it.
            runtime.spawn(TcpListener::bind(address)).await.unwrap().ok()
        })
        .await;
        // Without it an event stream waits for the peer's delayed acknowledgements.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        runtime.spawn(async move { axum::serve(listener, app).await });
        self.runtime = Some(runtime);
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
