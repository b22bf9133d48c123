//! The `mcp-gateway` program: reads the command line, runs one command, says by its exit code how that went.
//!
//! 0: as it should. 1: the configuration cannot be used, or something failed; why is on stderr. 2: the command line is
//! wrong.

mod build_info;
mod cli;
mod command;
mod demo;
mod environment;
mod observability;
mod output;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;

use crate::cli::{Cli, Command};
use crate::output::{Ink, Out};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Every TLS client of the process uses this provider. It is refused only when one is there already.
    let _refused = rustls::crypto::ring::default_provider().install_default();
    run(&cli.command).unwrap_or_else(|error| {
        let mut errors = Out::stderr();
        let label = errors.style().paint(Ink::Bad, "error:");
        errors.line(format_args!("{label} {error:#}"));
        ExitCode::FAILURE
    })
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Demo(args) => on_runtime(command::demo::run(args)),
        Command::Serve(args) => command::serve::run(args),
        Command::Check(args) => command::check::run(args),
        Command::Doctor(args) => on_runtime(command::doctor::run(args)),
        Command::EnvoyConfig(args) => command::envoy_config_print::run(args),
    }
}

/// Runs `work` on a runtime with a thread for each core.
fn on_runtime(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(work);
    // A read that hangs in a file system must not keep the process from ending.
    runtime.shutdown_background();
    result
}
