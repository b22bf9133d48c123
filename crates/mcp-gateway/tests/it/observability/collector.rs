//! A real OpenTelemetry Collector with the example's configuration.

use std::net::SocketAddr;

use tokio::net::TcpStream;

use super::{path, read};
use crate::support::port::Port;
use crate::support::program::Program;
use crate::support::tools::tool;
use crate::support::wait::PATIENCE;

/// A running Collector. Killed when dropped.
pub struct Collector {
    _program: Program,
    http: SocketAddr,
    grpc: SocketAddr,
    metrics: SocketAddr,
}

impl Collector {
    /// Starts it in front of `backend`, which takes OTLP over HTTP in the place of Tempo and Loki.
    pub async fn start(backend: SocketAddr) -> Self {
        let [http, grpc, metrics] = [Port::take(), Port::take(), Port::take()].map(Port::release);
        let backend = format!("http://{backend}");
        let variables = [
            ("OTLP_HTTP_LISTEN", http.to_string()),
            ("OTLP_GRPC_LISTEN", grpc.to_string()),
            ("COLLECTOR_METRICS_HOST", metrics.ip().to_string()),
            ("COLLECTOR_METRICS_PORT", metrics.port().to_string()),
            ("TEMPO_OTLP_ENDPOINT", backend.clone()),
            ("LOKI_OTLP_ENDPOINT", backend),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        let config = format!("--config={}", path("collector.yaml").display());
        let mut program = Program::start("otelcol", &tool("otelcol"), &[config], &variables);
        for address in [http, grpc, metrics] {
            program
                .ready(PATIENCE, async || TcpStream::connect(address).await.ok().map(drop))
                .await;
        }
        Self { _program: program, http, grpc, metrics }
    }

    /// Returns where it takes OTLP over HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Returns where it takes OTLP over gRPC.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Returns where it serves metrics about itself.
    pub fn metrics(&self) -> SocketAddr {
        self.metrics
    }
}

#[tokio::test]
async fn the_collector_accepts_its_configuration() {
    let arguments =
        ["validate".to_owned(), format!("--config={}", path("collector.yaml").display())];
    let checked =
        Program::start("otelcol", &tool("otelcol"), &arguments, &[]).finished(PATIENCE).await;
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}

/// What is tested is what the image of the example runs.
#[test]
fn the_collector_has_the_version_of_the_image() {
    let source = include_str!("../../../../../scripts/otelcol/main.go");
    let modules = include_str!("../../../../../scripts/otelcol/go.mod");
    let (_, version) = source.split_once("const version = \"").unwrap();
    let version = version.split('"').next().unwrap();
    assert!(modules.contains(&format!("go.opentelemetry.io/collector/otelcol v{version}\n")));
    let image = format!("image: otel/opentelemetry-collector-contrib:{version}\n");
    assert!(read("compose.yaml").contains(&image), "{image}");
}
