//! The command line: commands, flags and the environment variables behind them.
//!
//! It only says what was typed. Values are checked where the configuration is, so that a bad flag is reported
//! together with everything else that is wrong. Where a value comes from: the flag, else the environment variable
//! named beside it, else the file, else the default. An empty variable counts as unset.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use url::Url;

use crate::build_info;
use crate::command::envoy_config::SYSTEM_CA_FILE;

/// One MCP endpoint for many MCP servers, with one true trace for every call.
#[derive(Debug, Parser)]
#[command(
    name = "mcp-gateway",
    version = build_info::VERSION,
    long_version = build_info::LONG_VERSION,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows the gateway at work: two sample MCP servers, a short tour, the trace of each call
    #[command(long_about = DEMO)]
    Demo(DemoArgs),

    /// Runs the gateway with a configuration file
    #[command(long_about = SERVE)]
    Serve(ServeArgs),

    /// Checks a configuration file and lists every problem with its path
    #[command(long_about = CHECK)]
    Check(CheckArgs),

    /// Prints a complete Envoy bootstrap for a configuration file of envoy mode
    #[command(long_about = ENVOY_CONFIG)]
    EnvoyConfig(EnvoyConfigArgs),

    /// Finds out whether telemetry reaches its receiver and whether the servers can be reached
    #[command(long_about = DOCTOR)]
    Doctor(DoctorArgs),
}

const DEMO: &str = "\
Shows the gateway at work: two sample MCP servers, a short tour, the trace of each call.

Starts two small MCP servers and a gateway in front of them, all on loopback ports of this machine, takes a short tour \
through an ordinary MCP client and prints the traces of its calls. Then it stays up and draws the trace of every \
further tool call, so that an agent can be connected and watched. Nothing is written to disk. With \
OTEL_EXPORTER_OTLP_ENDPOINT set, the same spans are exported as well.";

const SERVE: &str = "\
Runs the gateway with a configuration file.

Exit codes: 0 after a graceful stop; 1 when the configuration cannot be used (one message lists every problem, nothing \
is bound) or the gateway could not run; 2 for a wrong command line.

Signals: SIGTERM and SIGINT stop it gracefully, a second one at once; SIGHUP reads the configuration again.

A flag overrides its environment variable, which overrides the file.";

const CHECK: &str = "\
Checks a configuration file and lists every problem with its path.

Opens no port and needs no secret: references like ${NAME} and {file: …} are checked for their form only.

Exit codes: 0 when the file can be used, with or without warnings; 1 when it cannot; 2 for a wrong command line.";

const ENVOY_CONFIG: &str = "\
Prints a complete Envoy bootstrap for a configuration file of envoy mode, as YAML on stdout.

Envoy listens on the port of envoyAddress and accepts publicHost with and without that port. It has no admin listener \
unless asked. Opens no port and needs no secret.";

const DOCTOR: &str = "\
Finds out whether telemetry reaches its receiver and whether the servers can be reached.

Sends a test span, a test log record and a test metric the way that OTEL_* asks for, and waits for the receiver to take \
them. With a configuration file it also opens and closes a session with every server, and in envoy mode reaches each \
through Envoy as well, which needs a running gateway beside Envoy. Says where it died and what to do about it.

Exit codes: 0 when everything that is asked for works; 1 when something does not, or the configuration cannot be used; \
2 for a wrong command line.";

/// Flags of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Exit when the tour is over: 0 when all of it went as it should, 1 otherwise
    #[arg(long)]
    pub(crate) once: bool,

    /// Which log lines of the gateway to show, on stderr
    #[arg(
        long,
        value_name = "LEVEL",
        default_value = "warn",
        value_parser = ["error", "warn", "info", "debug", "trace"]
    )]
    pub(crate) log_level: String,
}

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) source: ConfigArgs,
}

/// Flags of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) source: ConfigArgs,
}

/// Values of `--request-body`.
pub(crate) const DUPLEX: &str = "duplex";
pub(crate) const BUFFERED: &str = "buffered";

/// Flags of `envoy-config`.
#[derive(Debug, Args)]
pub(crate) struct EnvoyConfigArgs {
    #[command(flatten)]
    pub(crate) source: ConfigArgs,

    /// Where Envoy serves its admin interface, such as 127.0.0.1:9901; nowhere unless given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) envoy_admin: Option<SocketAddr>,

    /// How request bodies reach the gateway: as they arrive, or held by Envoy until they are complete
    #[arg(long, value_name = "HOW", default_value = DUPLEX, value_parser = [DUPLEX, BUFFERED])]
    pub(crate) request_body: String,

    /// Where Envoy sends spans of its own: http, https (OTLP over HTTP) or rpc (OTLP over gRPC)
    #[arg(long, value_name = "URL")]
    pub(crate) envoy_tracing: Option<Url>,

    /// The host at which Envoy reaches the gateway, when it runs on another machine or in another container
    #[arg(long, value_name = "HOST")]
    pub(crate) gateway_host: Option<String>,

    /// The certificates that Envoy trusts where the configuration names none: a PEM file on Envoy's machine
    #[arg(long, value_name = "FILE", default_value = SYSTEM_CA_FILE)]
    pub(crate) system_ca_file: PathBuf,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// The configuration file, YAML; without one only telemetry is looked at
    #[arg(long, value_name = "FILE", env = "MCP_GATEWAY_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
}

/// Where the configuration comes from: a file, and what overrides it.
///
/// The environment variables in the help texts are read by the core, which knows their names as
/// `mcp_gateway_core::config::SETTINGS`.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file, YAML
    #[arg(long, value_name = "FILE", env = "MCP_GATEWAY_CONFIG", hide_env_values = true)]
    pub(crate) config: PathBuf,

    #[arg(
        long,
        value_name = "MODE",
        help = "\
        standalone (the gateway is the proxy) or envoy (it stands beside Envoy) [env: MCP_GATEWAY_MODE]"
    )]
    pub(crate) mode: Option<String>,

    #[arg(
        long,
        value_name = "ADDRESS",
        help = "\
        Where clients connect, such as 127.0.0.1:8080 [env: MCP_GATEWAY_LISTEN]"
    )]
    pub(crate) listen: Option<String>,

    #[arg(
        long,
        value_name = "ADDRESS",
        help = "\
        Where health, metrics and status are served, such as 127.0.0.1:9090 \
        [env: MCP_GATEWAY_ADMIN_LISTEN]"
    )]
    pub(crate) admin_listen: Option<String>,

    #[arg(
        long,
        value_name = "ADDRESS",
        help = "\
        Where Envoy connects in envoy mode, such as 0.0.0.0:50051 or unix:/run/mcp-gateway.sock \
        [env: MCP_GATEWAY_EXT_PROC_LISTEN]"
    )]
    pub(crate) ext_proc_listen: Option<String>,

    #[arg(
        long,
        value_name = "HOST",
        help = "\
        What clients call, host or host:port [env: MCP_GATEWAY_PUBLIC_HOST]"
    )]
    pub(crate) public_host: Option<String>,

    #[arg(
        long,
        value_name = "LEVEL",
        help = "\
        Which log lines to write: error, warn, info, debug, trace [env: MCP_GATEWAY_LOG_LEVEL]"
    )]
    pub(crate) log_level: Option<String>,

    #[arg(
        long,
        value_name = "FORMAT",
        help = "\
        How log lines look: text or json [env: MCP_GATEWAY_LOG_FORMAT]"
    )]
    pub(crate) log_format: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use mcp_gateway_core::config::SETTINGS;

    use super::Cli;

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_setting_has_a_flag_that_names_its_variable() {
        for command in ["serve", "check", "envoy-config"] {
            let cli = Cli::command();
            let command = cli.find_subcommand(command).unwrap();
            for setting in SETTINGS {
                let flag = setting.flag.trim_start_matches('-');
                let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag));
                let help = arg.and_then(clap::Arg::get_help).unwrap().to_string();
                assert!(help.ends_with(&format!("[env: {}]", setting.env)), "{flag}: {help}");
            }
        }
    }
}
