//! A real Envoy with a bootstrap of the test's.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::program::Program;
use super::scratch::Scratch;
use super::tools::tool;
use super::wait::PATIENCE;

/// A running Envoy whose listener takes connections.
pub struct Envoy {
    program: Program,
    _bootstrap: Scratch,
}

impl Envoy {
    /// Starts Envoy and waits until `listener`, which the bootstrap must name, takes connections.
    pub async fn start(bootstrap: &str, listener: SocketAddr) -> Self {
        let folder = Scratch::new("envoy-bootstrap");
        let file = folder.write("envoy.yaml", bootstrap);
        let arguments = [
            // Two Envoys of two tests must not take each other for their own earlier selves.
            "--disable-hot-restart",
            "--concurrency",
            "1",
            "--log-level",
            "warning",
            "-c",
            &file.display().to_string(),
        ]
        .map(str::to_owned);
        let mut program = Program::start("envoy", &tool("envoy"), &arguments, &[]);
        program.ready(PATIENCE, async || TcpStream::connect(listener).await.ok().map(drop)).await;
        Self { program, _bootstrap: folder }
    }

    /// Returns what Envoy has logged.
    pub fn log(&self) -> String {
        self.program.stderr()
    }
}
