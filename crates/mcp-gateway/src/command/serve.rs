//! `mcp-gateway serve`: the gateway from its configuration to an orderly end.
//!
//! Everything that can be wrong is looked for before anything is bound, and told in one message on stderr. From then
//! on the process speaks through log lines only.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use mcp_gateway_core::config::{Config, Loaded, Problem, SecretMode};
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::gateway::{self, Addresses, Handles, RunningGateway};
use mcp_gateway_dataplane::measure;
use mcp_gateway_dataplane::reload::{Reload, ReloadHandle, ReloadParts, Timing};
use mcp_gateway_telemetry::log::{self, LogHandle};
use mcp_gateway_telemetry::name::event;
use mcp_gateway_telemetry::{Notice, SHUTDOWN_DEADLINE, Telemetry};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::build_info;
use crate::cli::{ConfigArgs, ServeArgs};
use crate::command::signal::{Signals, Wish};
use crate::command::{counted, load, overrides, print_problems};
use crate::environment::Environment;
use crate::observability;
use crate::output::Out;

/// How much longer than `limits.drainTimeout` the whole stop may take: sessions with servers are closed after it.
const STOP_MARGIN: Duration = Duration::from_secs(5);

/// Runs the gateway until it is told to stop.
pub(crate) fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    match prepare(&args.source) {
        Ok(prepared) => crate::on_runtime(serve(&args.source, prepared)),
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
fn prepare(args: &ConfigArgs) -> Result<Prepared, Vec<Problem>> {
    match (load(args, SecretMode::Resolve), observability::telemetry(None)) {
        (Ok(loaded), Ok((telemetry, notices))) => Ok(Prepared { loaded, telemetry, notices }),
        (loaded, telemetry) => {
            Err(loaded.err().into_iter().chain(telemetry.err()).flatten().collect())
        }
    }
}

async fn serve(args: &ConfigArgs, prepared: Prepared) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::listen().context("cannot listen for signals")?;
    let running = Running::start(args, prepared).await?;
    running.announce();
    running.work(&mut signals).await;
    tokio::select! {
        () = running.stop() => Ok(ExitCode::SUCCESS),
        () = signals.stop() => {
            tracing::warn!("Stopping at once, because a second signal said so.");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// A gateway at work, and what belongs to it.
struct Running {
    /// What it was started with.
    config: Config,
    gateway: RunningGateway,
    telemetry: Telemetry,
    log: LogHandle,
    reload: ReloadHandle,
    reload_task: JoinHandle<()>,
    stop_reload: CancellationToken,
}

impl Running {
    async fn start(args: &ConfigArgs, prepared: Prepared) -> anyhow::Result<Self> {
        let Prepared { loaded: Loaded { config, warnings }, telemetry, notices } = prepared;
        let (format, filter) = observability::log_settings(config.log, &telemetry)?;
        let log = log::init(format, filter, telemetry.log_records())?;
        notices.iter().for_each(Notice::log);
        for warning in &warnings {
            tracing::warn!(config.key = %warning.path, "In the configuration file, {warning}");
        }
        let parts = ReloadParts {
            path: args.config.clone(),
            source: Arc::new(Environment::new(&args.config, SecretMode::Resolve)),
            overrides: overrides(args),
            running: config.clone(),
            clock: Clock::system(),
        };
        let (task, reload) = Reload::new(parts, Timing::default());
        let metrics = measure::metrics(telemetry.status(), &config.telemetry.metrics);
        telemetry.start_metrics(&metrics);
        let handles = Handles {
            tracer: telemetry.tracer(),
            metrics,
            version: build_info::VERSION,
            status_extra: observability::status_extra(telemetry.status(), Some(reload.clone())),
        };
        let gateway = gateway::start(config.clone(), handles);
        let gateway = gateway.await.context("the gateway did not start")?;
        let stop_reload = CancellationToken::new();
        let reload_task = tokio::spawn(task.run(stop_reload.clone()));
        Ok(Self { config, gateway, telemetry, log, reload, reload_task, stop_reload })
    }

    /// Writes the one line that says what is listening where, and one for each receiver of telemetry.
    fn announce(&self) {
        let Addresses { client, admin, ext_proc } = self.gateway.addresses();
        let servers = counted(self.config.servers.len(), "server");
        let mode = self.config.mode.as_str();
        let ext_proc = ext_proc.as_ref().map(ToString::to_string);
        let envoy = ext_proc.as_ref().map_or_else(String::new, |it| format!(", Envoy on {it}"));
        tracing::info!(
            name: event::READY,
            mode,
            listen = %client,
            admin_listen = %admin,
            ext_proc_listen = ext_proc,
            version = build_info::VERSION,
            revision = build_info::REVISION,
            "Ready for {servers} in {mode} mode: MCP on {client}{envoy}, admin on {admin}."
        );
        for exporter in self.telemetry.status().exporters() {
            let (signal, items, target) =
                (exporter.signal.as_str(), exporter.items, exporter.target);
            tracing::info!(signal, target = %target, "Exporting {items} to {target}.");
        }
    }

    /// Follows the configuration until somebody wants the gateway to stop.
    async fn work(&self, signals: &mut Signals) {
        let mut configs = self.reload.configs();
        loop {
            tokio::select! {
                wish = signals.next() => match wish {
                    Wish::Stop => return,
                    Wish::Reload => {
                        tracing::info!("Reading the configuration file again, because a signal said so.");
                        self.reload.wake();
                    }
                },
                Ok(()) = configs.changed() => {
                    let config = configs.borrow_and_update().as_ref().clone();
                    self.take_over(config);
                }
            }
        }
    }

    fn take_over(&self, config: Config) {
        if let Ok((_format, filter)) = observability::log_settings(config.log, &self.telemetry) {
            self.log.set(filter);
        }
        self.gateway.reload(config);
    }

    /// Ends everything in its order; each part has a deadline.
    async fn stop(self) {
        let drain_timeout = self.config.limits.drain_timeout;
        tracing::info!(
            name: event::STOPPING,
            drain_timeout_s = drain_timeout.as_secs(),
            "Stopping: no new requests are taken, those under way are finished."
        );
        self.stop_reload.cancel();
        let stopped = tokio::time::timeout(drain_timeout + STOP_MARGIN, self.gateway.stop()).await;
        if stopped.is_err() {
            tracing::warn!("Not everything came to an end in time.");
        }
        // A read that hangs in a file system holds nothing that is needed any more.
        self.reload_task.abort();
        self.telemetry.shutdown(SHUTDOWN_DEADLINE).await.log();
        tracing::info!("Stopped.");
    }
}
