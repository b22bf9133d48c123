//! `mcp-gateway demo`: sample servers, a gateway in front of them, a tour, and then a place to try things out.
//!
//! It is the gateway of `serve` in standalone mode, with a configuration that is made here and a recorder that keeps
//! the latest spans in memory. The gateway's own environment variables are not read, so that the demo is the same
//! everywhere; those of OpenTelemetry are, so that the spans can be exported as well.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use mcp_gateway_core::config::{
    self, ADMIN_LISTEN_DEFAULT, Config, Loaded, Mode, Overrides, Problem, SecretMode, Source,
};
use mcp_gateway_dataplane::gateway::{self, Handles, RunningGateway, StartError};
use mcp_gateway_dataplane::upstream::ServerState;
use mcp_gateway_telemetry::log::subscriber;
use mcp_gateway_telemetry::{Metrics, Notice, SHUTDOWN_DEADLINE, SpanRecorder, Telemetry};

use crate::build_info;
use crate::cli::DemoArgs;
use crate::command::signal::Signals;
use crate::demo::log::HeldLog;
use crate::demo::sample::SampleServer;
use crate::demo::story::{self, Place, PlacedServer};
use crate::demo::tour::{CALCULATOR_PREFIX, Tour, WEATHER_PREFIX};
use crate::demo::traces::Traces;
use crate::observability;
use crate::output::Out;

/// Spans that are kept: those of some hundred calls.
const SPANS_MAX: usize = 2_000;
/// How long the gateway may take to connect to two servers on the same machine.
const CONNECTED_TIMEOUT: Duration = Duration::from_secs(10);
/// How often it is asked whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How long the gateway may take to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the demo; without `--once` until it is told to stop.
pub(crate) async fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut out = Out::stdout();
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let demo = Demo::start(args).await?;
    let mut traces = Traces::new(demo.recorder.clone());
    let told = tokio::select! {
        told = demo.tell(&mut out, &mut traces) => told,
        () = signals.stop() => Err(anyhow!("the tour was interrupted")),
    };
    Out::stderr().text(demo.log.release());
    if told.is_ok() && args.once {
        story::end_of_tour(&mut out);
    } else if told.is_ok() {
        story::invitation(&mut out, &demo.place());
        tokio::select! {
            () = draw_further_calls(&mut out, &mut traces) => {}
            () = signals.stop() => out.line(""),
        }
    }
    demo.stop().await;
    told?;
    out.finish().context("cannot print")?;
    Ok(ExitCode::SUCCESS)
}

/// Everything that runs.
struct Demo {
    weather: SampleServer,
    calculator: SampleServer,
    gateway: RunningGateway,
    telemetry: Telemetry,
    recorder: SpanRecorder,
    log: HeldLog,
}

impl Demo {
    /// Starts the servers and the gateway, and waits until they are connected.
    async fn start(args: &DemoArgs) -> anyhow::Result<Self> {
        let recorder = SpanRecorder::new(SPANS_MAX);
        let (telemetry, notices) = observability::telemetry(Some(recorder.clone()))
            .map_err(|problems| unusable(&problems))?;
        let weather = SampleServer::weather().await.context("cannot start a sample server")?;
        let calculator =
            SampleServer::calculator().await.context("cannot start a sample server")?;
        let config = configuration(args, &weather, &calculator)?;
        let log = start_log(&config, &telemetry)?;
        notices.iter().for_each(Notice::log);
        let gateway = start_gateway(config, &telemetry).await?;
        let demo = Self { weather, calculator, gateway, telemetry, recorder, log };
        demo.connected().await?;
        Ok(demo)
    }

    /// Waits until the gateway has read the lists of both servers.
    async fn connected(&self) -> anyhow::Result<()> {
        let all_up = async {
            while self.gateway.servers().iter().any(|server| server.state != ServerState::Up) {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        if tokio::time::timeout(CONNECTED_TIMEOUT, all_up).await.is_ok() {
            return Ok(());
        }
        let servers = self.gateway.servers();
        let states =
            servers.iter().map(|server| format!("{} is {}", server.name, server.state.as_str()));
        bail!("the servers are not connected: {}", states.collect::<Vec<_>>().join(", "))
    }

    /// Tells what there is, then takes the tour.
    async fn tell(&self, out: &mut Out, traces: &mut Traces) -> anyhow::Result<()> {
        let place = self.place();
        story::introduction(out, &place);
        Tour { out, url: &place.url, weather: &self.weather, traces }.run().await
    }

    /// What is where.
    fn place(&self) -> Place {
        let addresses = self.gateway.addresses();
        let server = |sample: &SampleServer, name: &str, prefix| {
            let servers = self.gateway.servers();
            let status = servers.into_iter().find(|server| server.name == name);
            let version = status.and_then(|status| status.protocol_version).unwrap_or_default();
            PlacedServer { name: name.to_owned(), url: sample.url(), version, prefix }
        };
        let exporters = self.telemetry.status().exporters();
        Place {
            url: format!("http://{}/mcp", addresses.client),
            admin_url: format!("http://{}", addresses.admin),
            servers: vec![
                server(&self.weather, WEATHER, WEATHER_PREFIX),
                server(&self.calculator, CALCULATOR, CALCULATOR_PREFIX),
            ],
            moved: [
                (Mode::Standalone.default_listen(), addresses.client),
                (ADMIN_LISTEN_DEFAULT, addresses.admin),
            ]
            .into_iter()
            .filter(|(wanted, got)| wanted != got)
            .collect(),
            exported_to: exporters.into_iter().map(|exporter| exporter.target).collect(),
        }
    }

    /// Stops everything, the gateway first so that it can close its sessions with the servers.
    async fn stop(self) {
        if tokio::time::timeout(STOP_TIMEOUT, self.gateway.stop()).await.is_err() {
            tracing::warn!("The gateway did not stop in time.");
        }
        self.telemetry.shutdown(SHUTDOWN_DEADLINE).await.log();
        for server in [self.weather, self.calculator] {
            if let Err(error) = server.stop().await {
                tracing::warn!(%error, "A sample server ended with an error.");
            }
        }
    }
}

/// Draws the calls of whoever connects, until the process ends.
async fn draw_further_calls(out: &mut Out, traces: &mut Traces) {
    while let Ok(calls) = traces.next_calls().await {
        story::further_calls(out, &calls);
    }
}

/// The names of the servers in the configuration.
const WEATHER: &str = "demo/weather";
const CALCULATOR: &str = "demo/calculator";

/// Makes the configuration: the text that somebody would write, loaded as a file is.
///
/// Audit events would stand between the traces, and say the same: the level of the log does not hide them.
fn configuration(
    args: &DemoArgs,
    weather: &SampleServer,
    calculator: &SampleServer,
) -> anyhow::Result<Config> {
    let text = format!(
        "\
listen: {listen}
adminListen: {admin}
telemetry: {{audit: {{enabled: false}}}}
servers:
  - {{name: {WEATHER}, url: '{weather}', prefix: {WEATHER_PREFIX}}}
  - {{name: {CALCULATOR}, url: '{calculator}', prefix: {CALCULATOR_PREFIX}}}
",
        listen = free_or_any_port(Mode::Standalone.default_listen()),
        admin = free_or_any_port(ADMIN_LISTEN_DEFAULT),
        weather = weather.url(),
        calculator = calculator.url(),
    );
    let overrides = Overrides { log_level: Some(args.log_level.clone()), ..Overrides::default() };
    let Loaded { config, warnings: _ } =
        config::load(&text, &NoEnvironment, &overrides).map_err(|problems| unusable(&problems))?;
    Ok(config)
}

/// Starts the gateway; on any free ports when somebody took the wanted ones in the last moment.
async fn start_gateway(config: Config, telemetry: &Telemetry) -> anyhow::Result<RunningGateway> {
    let metrics = Metrics::new(telemetry.status());
    telemetry.start_metrics(&metrics);
    let handles = || {
        let status = telemetry.status();
        Handles {
            tracer: telemetry.tracer(),
            metrics: metrics.clone(),
            version: build_info::VERSION,
            status_extra: observability::status_extra(status, None),
        }
    };
    let mut on_any_port = config.clone();
    on_any_port.listen.set_port(0);
    on_any_port.admin_listen.set_port(0);
    let started = match gateway::start(config, handles()).await {
        Err(StartError::Bind { .. }) => gateway::start(on_any_port, handles()).await,
        started => started,
    };
    started.context("the gateway did not start")
}

/// Returns `wanted` when nobody listens there, else the same address with any free port.
fn free_or_any_port(wanted: SocketAddr) -> SocketAddr {
    match TcpListener::bind(wanted) {
        Ok(_closed_again) => wanted,
        Err(_taken) => SocketAddr::new(wanted.ip(), 0),
    }
}

/// A configuration that depends on nothing but its text.
struct NoEnvironment;

impl Source for NoEnvironment {
    fn env(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("{path} is not read by the demo"))
    }

    fn secrets(&self) -> SecretMode {
        SecretMode::Resolve
    }
}

/// Starts the log in a place where it does not mix with the tour.
fn start_log(config: &Config, telemetry: &Telemetry) -> anyhow::Result<HeldLog> {
    let (format, filter) = observability::log_settings(config.log, telemetry)?;
    let log = HeldLog::new();
    let writer = log.clone();
    let (subscriber, _handle) =
        subscriber(format, filter, move || writer.clone(), telemetry.log_records());
    tracing::subscriber::set_global_default(subscriber).context("cannot start the log")?;
    Ok(log)
}

fn unusable(problems: &[Problem]) -> anyhow::Error {
    let problems: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    anyhow!("cannot start the demo:{}", problems.concat())
}
