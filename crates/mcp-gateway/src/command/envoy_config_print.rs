//! `mcp-gateway envoy-config`: prints the bootstrap that [`envoy_config`](super::envoy_config) makes.
//!
//! The bootstrap goes to stdout and everything else to stderr, so that the output can be given to Envoy as it is.

use std::process::ExitCode;

use anyhow::Context;
use mcp_gateway_core::config::SecretMode;

use crate::cli::{BUFFERED, EnvoyConfigArgs};
use crate::command::envoy_config::{Options, RequestBody, bootstrap};
use crate::command::{load, print_problems};
use crate::output::Out;

/// Prints the bootstrap, or what is wrong with the configuration.
pub(crate) fn run(args: &EnvoyConfigArgs) -> anyhow::Result<ExitCode> {
    let mut errors = Out::stderr();
    let loaded = match load(&args.source, SecretMode::Skip) {
        Ok(loaded) => loaded,
        Err(problems) => {
            print_problems(&mut errors, &args.source, &problems);
            return Ok(ExitCode::FAILURE);
        }
    };
    let options = Options {
        envoy_admin: args.envoy_admin,
        request_body: match args.request_body.as_str() {
            BUFFERED => RequestBody::Buffered,
            _ => RequestBody::Duplex,
        },
        tracing: args.envoy_tracing.clone(),
        gateway_host: args.gateway_host.clone(),
        system_ca_file: args.system_ca_file.clone(),
    };
    let bootstrap = bootstrap(&loaded.config, &options)?;
    let text = serde_yaml_ng::to_string(&bootstrap).context("cannot write the bootstrap")?;
    let mut out = Out::stdout();
    out.text(text);
    out.finish().context("cannot print the bootstrap")?;
    Ok(ExitCode::SUCCESS)
}
