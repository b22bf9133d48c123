//! One way, set up: the gateway and Envoy as the way needs them, each in a process of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::files::{Addresses, SIGNING_KEY, configuration, without_gateway};
use crate::level::{Level, Receiver};
use crate::load::{Session, get};
use crate::process::{Program, Programs, output};
use crate::spans::Spans;
use crate::way::Way;

/// How long something may take until it is ready, or done.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time between two looks whether it is.
const LOOK: Duration = Duration::from_millis(20);

/// One way, ready to be measured.
pub(crate) struct Setup {
    pub(crate) way: Way,
    /// Where its client connects.
    pub(crate) address: SocketAddr,
    /// One session for each connection.
    pub(crate) sessions: Vec<Session>,
    admin: SocketAddr,
    gateway: Option<Program>,
    envoy: Option<Program>,
    _receiver: Option<Program>,
    /// A receiver that takes connections, as far as the system does that for it, and never reads.
    _silent: Option<TcpListener>,
}

/// Something that the gateway and Envoy each have some of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Share<T> {
    pub(crate) gateway: T,
    pub(crate) envoy: T,
}

impl Share<Duration> {
    /// What was added since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            gateway: self.gateway.saturating_sub(earlier.gateway),
            envoy: self.envoy.saturating_sub(earlier.envoy),
        }
    }
}

impl Setup {
    /// Sets ways up, one after another, with `sessions` sessions each.
    pub(crate) async fn start_all(
        programs: &Programs,
        ways: &[Way],
        server: SocketAddr,
        sessions: u16,
    ) -> anyhow::Result<Vec<Self>> {
        let mut setups = Vec::new();
        for way in ways.iter().copied() {
            eprintln!("starting: {}", way.name());
            let setup = Self::start(programs, way, server, sessions).await;
            let context = || format!("{} does not start; see {}", way.name(), programs.folder());
            setups.push(setup.with_context(context)?);
        }
        Ok(setups)
    }

    async fn start(
        programs: &Programs,
        way: Way,
        server: SocketAddr,
        sessions: u16,
    ) -> anyhow::Result<Self> {
        let at = addresses(server)?;
        let folder = programs.subfolder(&folder_name(way))?;
        fs::write(folder.join("config.yaml"), configuration(way, &at))?;
        let level = way.level();
        let (mut receiver, mut silent) = (None, None);
        match level.map_or(Receiver::None, Level::receiver) {
            Receiver::None | Receiver::Closed => {}
            Receiver::Real => {
                receiver = Some(start_receiver(programs, &at, &folder)?);
                listens(at.otlp_http).await?;
            }
            Receiver::Silent => silent = Some(TcpListener::bind(at.otlp_http)?),
        }
        let gateway = level.map(|level| gateway(programs, level, &at, &folder)).transpose()?;
        let envoy = way.has_envoy().then(|| envoy(programs, way, &folder)).transpose()?;
        if envoy.is_some() {
            listens(at.envoy).await?;
        }
        if gateway.is_some() {
            until("the gateway is ready", async || {
                get(at.admin, "/readyz").await.is_ok_and(|answer| answer.status == 200)
            })
            .await?;
        }
        let address = match (&envoy, &gateway) {
            (Some(_), _) => at.envoy,
            (None, Some(_)) => at.gateway,
            (None, None) => at.server,
        };
        let sessions = try_join_all((0..sessions).map(|_| Session::open(address))).await?;
        Ok(Self {
            way,
            address,
            sessions,
            admin: at.admin,
            gateway,
            envoy,
            _receiver: receiver,
            _silent: silent,
        })
    }

    /// The time that the way's programs have spent on a core.
    pub(crate) fn cpu(&self) -> anyhow::Result<Share<Duration>> {
        self.share(Program::cpu)
    }

    /// The bytes of memory that the way's programs occupy.
    pub(crate) fn memory(&self) -> anyhow::Result<Share<u64>> {
        self.share(Program::memory)
    }

    fn share<T: Default>(
        &self,
        of: impl Fn(&Program) -> anyhow::Result<T>,
    ) -> anyhow::Result<Share<T>> {
        let part = |program: &Option<Program>| {
            program.as_ref().map(&of).transpose().map(Option::unwrap_or_default)
        };
        Ok(Share { gateway: part(&self.gateway)?, envoy: part(&self.envoy)? })
    }

    /// What became of what the gateway exports, once nothing is under way; `None` when nothing is exported.
    ///
    /// With a receiver that does not do its part there is always something under way: then it is what it is.
    pub(crate) async fn spans(&self) -> anyhow::Result<Option<Spans>> {
        let read = async || -> anyhow::Result<Spans> {
            let metrics = get(self.admin, "/metrics").await?;
            Spans::read(std::str::from_utf8(&metrics.body)?)
        };
        match self.way.level().map_or(Receiver::None, Level::receiver) {
            Receiver::None => return Ok(None),
            Receiver::Closed | Receiver::Silent => {}
            Receiver::Real => {
                until("everything is exported", async || {
                    read().await.is_ok_and(|spans| spans.under_way == 0)
                })
                .await?;
            }
        }
        read().await.map(Some)
    }
}

/// A name that a folder can have.
fn folder_name(way: Way) -> String {
    way.name().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
}

fn gateway(
    programs: &Programs,
    level: Level,
    at: &Addresses,
    folder: &Path,
) -> anyhow::Result<Program> {
    let collector = format!("http://{}", at.otlp_http);
    let mut environment = vec![("GATEWAY_SIGNING_KEY", SIGNING_KEY)];
    environment.extend(level.environment());
    if level.receiver() != Receiver::None {
        environment.push(("OTEL_EXPORTER_OTLP_ENDPOINT", &collector));
    }
    let executable = match level {
        Level::CompiledOut => {
            programs.compiled_out.as_ref().context("no gateway without telemetry")?
        }
        Level::Off
        | Level::Metrics
        | Level::Usual
        | Level::TracesOnePercent
        | Level::Traces
        | Level::TracesAndLogs
        | Level::Refusing
        | Level::Hanging => &programs.gateway,
    };
    let arguments = ["serve", "--config", "config.yaml"];
    Program::start(executable, &arguments, &environment, (folder, programs.core))
}

/// Envoy with as many threads as there are cores, as the gateway has.
fn envoy(programs: &Programs, way: Way, folder: &Path) -> anyhow::Result<Program> {
    let request_body = if way.is_buffered() { "buffered" } else { "duplex" };
    let config = folder.join("config.yaml").display().to_string();
    let arguments = ["envoy-config", "--config", &config, "--request-body", request_body];
    let mut bootstrap = output(&programs.gateway, &arguments)?;
    if way.level().is_none() {
        bootstrap = without_gateway(&bootstrap)?;
    }
    fs::write(folder.join("envoy.yaml"), bootstrap)?;
    let arguments =
        ["--disable-hot-restart", "--log-level", "warning", "--config-path", "envoy.yaml"];
    Program::start(&programs.envoy, &arguments, &[], (folder, programs.core))
}

/// A real receiver, which throws away what it has received.
fn start_receiver(programs: &Programs, at: &Addresses, folder: &Path) -> anyhow::Result<Program> {
    let endpoints = [at.otlp_http, at.otlp_grpc].map(|address| address.to_string());
    let [http, grpc] = endpoints.each_ref().map(String::as_str);
    let mut arguments = vec!["start", "--exporter", "blackhole"];
    arguments.extend(["--otlp-http-endpoint", http, "--otlp-grpc-endpoint", grpc]);
    arguments.extend(["--pid-file", "rotel.pid", "--log-file", "rotel-messages.log"]);
    Program::start(&programs.rotel, &arguments, &[], (folder, None))
}

/// Finds a free port for everybody. They are held until all are found, so that none is found twice.
fn addresses(server: SocketAddr) -> anyhow::Result<Addresses> {
    let held = [(); 6].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
    let mut free = Vec::new();
    for listener in &held {
        match listener {
            Ok(listener) => free.push(listener.local_addr()?),
            Err(error) => anyhow::bail!("no free port: {error}"),
        }
    }
    let [gateway, admin, ext_proc, envoy, otlp_http, otlp_grpc] = free.as_slice() else {
        anyhow::bail!("not enough free ports");
    };
    Ok(Addresses {
        server,
        gateway: *gateway,
        admin: *admin,
        ext_proc: *ext_proc,
        envoy: *envoy,
        otlp_http: *otlp_http,
        otlp_grpc: *otlp_grpc,
    })
}

/// Waits until an address takes connections.
async fn listens(address: SocketAddr) -> anyhow::Result<()> {
    until(&format!("{address} takes connections"), async || {
        TcpStream::connect(address).await.is_ok()
    })
    .await
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) -> anyhow::Result<()> {
    let started = Instant::now();
    while !is_so().await {
        ensure!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        sleep(LOOK).await;
    }
    Ok(())
}
