//! `mcp-gateway serve`: the gateway from its configuration to an orderly end.
//!
//! Everything that can be wrong is looked for before anything is bound, and told in one message on stderr. From then
//! on the process speaks through log lines only.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use mcp_gateway_core::config::{Config, Loaded, Problem};
use mcp_gateway_dataplane::gateway::{self, Addresses, Handles, RunningGateway};
use mcp_gateway_telemetry::log::{self, LogHandle};
use mcp_gateway_telemetry::{Metrics, Notice, SHUTDOWN_DEADLINE, Telemetry};

use crate::build_info;
use crate::cli::ServeArgs;
use crate::command::signal::{Signals, Wish};
use crate::command::watch::ConfigWatch;
use crate::command::{counted, print_problems};
use crate::observability;
use crate::output::Out;

/// How much longer than `limits.drainTimeout` the whole stop may take: sessions with servers are closed after it.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// Runs the gateway until it is told to stop.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    let mut watch = ConfigWatch::new(args.source.clone());
    let prepared = prepare(&mut watch);
    match prepared {
        Ok(prepared) => crate::on_runtime(serve(args, watch, prepared)),
        Err(problems) => {
            print_problems(&mut Out::stderr(), &args.source, &problems);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What a start needs, all of it checked.
struct Prepared {
    loaded: Loaded,
    telemetry: Telemetry,
    notices: Vec<Notice>,
}

/// Reads the configuration and the environment of telemetry. The problems of both come back together.
fn prepare(watch: &mut ConfigWatch) -> Result<Prepared, Vec<Problem>> {
    match (watch.load(), observability::telemetry(None)) {
        (Ok(loaded), Ok((telemetry, notices))) => Ok(Prepared { loaded, telemetry, notices }),
        (loaded, telemetry) => {
            Err(loaded.err().into_iter().chain(telemetry.err()).flatten().collect())
        }
    }
}

async fn serve(
    args: &ServeArgs,
    mut watch: ConfigWatch,
    prepared: Prepared,
) -> anyhow::Result<ExitCode> {
    let Prepared { loaded: Loaded { config, warnings }, telemetry, notices } = prepared;
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let (format, filter) = observability::log_settings(config.log)?;
    let log = log::init(format, filter)?;
    notices.iter().for_each(Notice::log);
    warn_of(&warnings);
    let status = telemetry.status();
    let handles = Handles {
        tracer: telemetry.tracer(),
        metrics: Metrics::new(status.clone()),
        version: build_info::VERSION,
        status_extra: observability::status_extra(status, Some(args.source.config.clone())),
    };
    let running = Running {
        mode: config.mode.as_str(),
        servers: config.servers.len(),
        drain_timeout: config.limits.drain_timeout,
        gateway: gateway::start(config, handles).await.context("the gateway did not start")?,
        telemetry,
        log,
    };
    running.announce();
    while running.wait(&mut signals, &mut watch).await? == Wish::Reload {
        running.reload(&mut watch);
    }
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = signals.stop() => {
            tracing::warn!("Stopping at once, because a second signal said so.");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A gateway at work, and what it was started with.
struct Running {
    mode: &'static str,
    servers: usize,
    drain_timeout: Duration,
    gateway: RunningGateway,
    telemetry: Telemetry,
    log: LogHandle,
}

impl Running {
    /// Writes the one line that says what is listening where.
    fn announce(&self) {
        let Addresses { client, admin, ext_proc } = self.gateway.addresses();
        let servers = counted(self.servers, "server");
        let mode = self.mode;
        let ext_proc = ext_proc.as_ref().map(ToString::to_string);
        let envoy = ext_proc.as_ref().map_or_else(String::new, |it| format!(", Envoy on {it}"));
        tracing::info!(
            mode,
            listen = %client,
            admin_listen = %admin,
            ext_proc_listen = ext_proc,
            version = build_info::VERSION,
            revision = build_info::REVISION,
            "Ready for {servers} in {mode} mode: MCP on {client}{envoy}, admin on {admin}."
        );
    }

    /// Waits until somebody wants something: by a signal, or by changing the configuration.
    async fn wait(&self, signals: &mut Signals, watch: &mut ConfigWatch) -> anyhow::Result<Wish> {
        tokio::select! {
            wish = signals.next() => Ok(wish),
            changed = watch.changed() => changed.map(|()| Wish::Reload),
        }
    }

    /// Takes over the configuration as it is now, or says why that is not possible and stays as it is.
    fn reload(&self, watch: &mut ConfigWatch) {
        match tokio::task::block_in_place(|| watch.load()) {
            Ok(Loaded { config, warnings }) => {
                self.take_over(config);
                warn_of(&warnings);
            }
            Err(problems) => {
                let count = counted(problems.len(), "problem");
                let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
                let problems = problems.join("; ");
                tracing::error!(
                    problems,
                    "The configuration has changed and cannot be used, so the old one stays: {count}."
                );
            }
        }
    }

    fn take_over(&self, config: Config) {
        let servers = counted(config.servers.len(), "server");
        if let Ok((_format, filter)) = observability::log_settings(config.log) {
            self.log.set(filter);
        }
        self.gateway.reload(config);
        tracing::info!("The configuration was read again: {servers}.");
    }

    /// Ends everything in its order; each part has a deadline.
    async fn stop(self) {
        tracing::info!(
            drain_timeout_s = self.drain_timeout.as_secs(),
            "Stopping: no new requests are taken, those under way are finished."
        );
        let deadline = self.drain_timeout + STOP_MARGIN;
        if tokio::time::timeout(deadline, self.gateway.stop()).await.is_err() {
            tracing::warn!("Not everything came to an end in time.");
        }
        self.telemetry.shutdown(SHUTDOWN_DEADLINE).await.log();
        tracing::info!("Stopped.");
    }
}

fn warn_of(warnings: &[Problem]) {
    for Problem { path, message } in warnings {
        tracing::warn!(path, "{path}: {message}.");
    }
}
