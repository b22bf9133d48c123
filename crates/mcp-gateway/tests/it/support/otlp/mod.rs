//! A real OTLP receiver in a process of its own, over HTTP and gRPC, and what it received.

mod dump;
mod records;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

pub use records::{LogRecord, Point};

use super::port::Port;
use super::program::Program;
use super::span::Span;
use super::tools::tool;
use super::tree;
use super::wait::PATIENCE;

/// Time between two looks at what was received: longer than a pause of the receiver in the middle of one span.
const LOOK: Duration = Duration::from_millis(30);

/// A running receiver. Killed when dropped.
pub struct OtlpReceiver {
    program: Program,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl OtlpReceiver {
    /// Starts a receiver that writes down spans, and waits until it takes connections on both ports.
    pub async fn start() -> Self {
        Self::writing("traces").await
    }

    /// Starts a receiver that writes down one signal: `traces`, `logs` or `metrics`. It takes all of them.
    pub async fn writing(signal: &str) -> Self {
        Self::launch(&[signal]).await
    }

    /// Starts a receiver that writes down all three signals.
    pub async fn writing_all() -> Self {
        Self::launch(&["traces", "logs", "metrics"]).await
    }

    async fn launch(signals: &[&str]) -> Self {
        let (http, grpc) = (Port::take(), Port::take());
        let address = [http.address(), grpc.address()].map(|address| address.to_string());
        let arguments = [
            "start",
            "--otlp-http-endpoint",
            &address[0],
            "--otlp-grpc-endpoint",
            &address[1],
            // What is received is written down at once and goes nowhere else.
            "--debug-log-verbosity",
            "detailed",
            "--disable-batching",
            "--exporter",
            "blackhole",
            // In the program's own folder.
            "--pid-file",
            "rotel.pid",
            "--log-file",
            "rotel.log",
        ]
        .map(str::to_owned);
        let written = signals.iter().flat_map(|signal| ["--debug-log", signal].map(str::to_owned));
        let arguments: Vec<String> = arguments.into_iter().chain(written).collect();
        let (http, grpc) = (http.release(), grpc.release());
        let mut program = Program::start("rotel", &tool("rotel"), &arguments, &[]);
        for address in [http, grpc] {
            program
                .ready(PATIENCE, async || TcpStream::connect(address).await.ok().map(drop))
                .await;
        }
        Self { program, http, grpc }
    }

    /// Returns where it takes OTLP over HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Returns where it takes OTLP over gRPC.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Returns what it has written down.
    pub fn dump(&self) -> String {
        self.program.stdout()
    }

    /// Returns the spans that it has received.
    pub fn spans(&self) -> Vec<Span> {
        dump::parse(&self.program.stdout())
    }

    /// Returns the log records that it has received. The last may not be whole yet.
    pub fn log_records(&self) -> Vec<LogRecord> {
        records::log_records(&self.dump())
    }

    /// Returns the points of metrics that it has received. The last may not be whole yet.
    pub fn points(&self) -> Vec<Point> {
        records::points(&self.dump())
    }

    /// Waits until the spans received so far fit, and returns them. Panics with what there is after `within`.
    pub async fn wait_for(
        &self,
        what: &str,
        within: Duration,
        fits: impl Fn(&[Span]) -> bool,
    ) -> Vec<Span> {
        self.settled(within, fits).await.unwrap_or_else(|spans| {
            panic!("{what}: not within {within:?}; received:\n{}", tree::print(&spans))
        })
    }

    /// Waits until the spans received so far fit, and returns them; the error is what there is after `within`.
    pub async fn settled(
        &self,
        within: Duration,
        fits: impl Fn(&[Span]) -> bool,
    ) -> Result<Vec<Span>, Vec<Span>> {
        let deadline = Instant::now() + within;
        let mut before = String::new();
        loop {
            // The receiver writes line by line: only what has stopped growing is whole.
            let dump = self.program.stdout();
            if dump == before {
                let spans = dump::parse(&dump);
                if fits(&spans) {
                    return Ok(spans);
                }
                if Instant::now() >= deadline {
                    return Err(spans);
                }
            }
            before = dump;
            sleep(LOOK).await;
        }
    }

    /// Waits until a trace has a span of each of these names, and returns all its spans.
    pub async fn trace(&self, trace_id: &str, names: &[&str]) -> Vec<Span> {
        let of_trace = |spans: &[Span]| -> Vec<Span> {
            spans.iter().filter(|span| span.trace_id == trace_id).cloned().collect()
        };
        let what = format!("trace {trace_id} has {names:?}");
        let spans = self
            .wait_for(&what, PATIENCE, |spans| {
                let spans = of_trace(spans);
                names.iter().all(|name| spans.iter().any(|span| span.name == *name))
            })
            .await;
        of_trace(&spans)
    }
}
