//! What the tests share: an environment, a receiver, certificates, log lines.

pub(crate) mod certificates;
pub(crate) mod log;
pub(crate) mod received;
pub(crate) mod receiver;
pub(crate) mod rotel;
pub(crate) mod send;

use std::future::Future;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use mcp_gateway_telemetry::status::ExporterStatus;
use mcp_gateway_telemetry::{
    BuildInfo, EnvProblem, Notice, RemoteContext, Span, SpanKind, Telemetry,
};
use tokio::net::TcpSocket;

/// The longest that a test waits for something that should come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The build that tests pretend to be.
pub(crate) fn build() -> BuildInfo {
    BuildInfo {
        version: "9.8.7".to_owned(),
        revision: "0123abc".to_owned(),
        rust_version: "1.95.0".to_owned(),
    }
}

/// Makes telemetry from a table of variables.
pub(crate) fn try_telemetry(
    variables: &[(&str, &str)],
) -> Result<(Telemetry, Vec<Notice>), Vec<EnvProblem>> {
    let env = |name: &str| {
        let found = variables.iter().rev().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    Telemetry::from_env(&env, &build(), Vec::new())
}

/// Makes telemetry that must work, and that sends spans soon; logs and metrics only when the table asks for them.
pub(crate) fn telemetry(variables: &[(&str, &str)]) -> Telemetry {
    let soon = [
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_LOGS_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let all: Vec<_> = soon.iter().chain(variables).copied().collect();
    let (telemetry, _) = try_telemetry(&all).unwrap_or_else(|problems| panic!("{problems:?}"));
    telemetry
}

/// A root span without attributes.
pub(crate) fn root(telemetry: &Telemetry, name: &'static str) -> Span {
    telemetry.tracer().start(name, SpanKind::Server, &RemoteContext::none(), |_| {})
}

/// The state of the one exporter.
pub(crate) fn exporter(telemetry: &Telemetry) -> ExporterStatus {
    let mut exporters = telemetry.status().exporters();
    assert_eq!(exporters.len(), 1, "{exporters:#?}");
    exporters.remove(0)
}

/// Says whether every item of an exporter is accounted for.
pub(crate) fn assert_balanced(status: &ExporterStatus) {
    let settled = status.exported + status.failed_total() + status.dropped_total();
    let waiting = status.in_flight + status.queued;
    assert_eq!(status.created, settled + waiting, "{status:#?}");
}

/// Waits until `state` says yes; fails with what `describe` says.
pub(crate) async fn eventually(mut state: impl FnMut() -> bool, describe: impl Fn() -> String) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !state() {
        assert!(tokio::time::Instant::now() < deadline, "not within {PATIENCE:?}: {}", describe());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs an async test on threads like those of the gateway.
pub(crate) fn run<F: Future>(test: F) -> F::Output {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test)
}

/// A port that refuses connections for as long as this lives: taken, but nobody listens.
pub(crate) struct Refusing {
    pub(crate) port: u16,
    _socket: TcpSocket,
}

impl Refusing {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let port = socket.local_addr().expect("an address").port();
        Self { port, _socket: socket }
    }
}

/// A port for a program that cannot choose one itself, outside the range from which the system gives ports to others.
pub(crate) fn free_port() -> u16 {
    let ports = std::iter::repeat_with(|| rand::random_range(20_000..30_000));
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(1000).find(is_free).expect("a free port")
}

/// A directory that is removed at the end of the test.
pub(crate) struct TempDir(pub(crate) PathBuf);

impl TempDir {
    pub(crate) fn new() -> Self {
        let name = format!("mcp-gateway-telemetry-{}", uuid::Uuid::new_v4());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    /// Writes a file and says where it is.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What is left in the temporary directory harms nobody.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
