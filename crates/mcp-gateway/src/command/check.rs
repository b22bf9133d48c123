//! `mcp-gateway check`: is a configuration file usable, and what will it do.
//!
//! The report goes to stdout, because it is what was asked for. Secrets are not resolved and nothing is connected to.

use std::process::ExitCode;

use mcp_gateway_core::config::{Config, Loaded, Problem, SecretMode};

use crate::cli::CheckArgs;
use crate::command::{counted, load, print_problems, problem_line};
use crate::observability;
use crate::output::{Ink, Out};

/// Prints every problem, or a summary; says by the exit code which it was.
pub(crate) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let mut out = Out::stdout();
    let code = match load(&args.source, SecretMode::Skip) {
        Ok(loaded) => {
            print_summary(&mut out, args, &loaded);
            ExitCode::SUCCESS
        }
        Err(problems) => {
            print_problems(&mut out, &args.source, &problems);
            ExitCode::FAILURE
        }
    };
    out.finish()?;
    Ok(code)
}

fn print_summary(out: &mut Out, args: &CheckArgs, loaded: &Loaded) {
    let Loaded { config, warnings } = loaded;
    let style = out.style();
    let mut parts =
        vec![format!("{} mode", config.mode.as_str()), counted(config.servers.len(), "server")];
    if !config.virtual_servers.is_empty() {
        parts.push(counted(config.virtual_servers.len(), "virtual server"));
    }
    let verdict = format!("{} is usable: {}", args.source.config.display(), parts.join(", "));
    out.line(style.paint(Ink::Good, verdict));
    print_servers(out, config);
    let warnings: Vec<Problem> = warnings.iter().cloned().chain(telemetry_problems()).collect();
    if !warnings.is_empty() {
        out.line(style.paint(Ink::Strong, counted(warnings.len(), "warning")));
        for warning in &warnings {
            out.text(problem_line(warning, out));
        }
    }
}

/// What would keep `serve` from starting in this environment. It is no fault of the file, and the file may be meant for
/// another environment: a warning.
fn telemetry_problems() -> Vec<Problem> {
    observability::telemetry(None).err().unwrap_or_default()
}

fn print_servers(out: &mut Out, config: &Config) {
    let style = out.style();
    let names = config.servers.iter().map(|server| server.name.chars().count());
    let name_columns = names.max().unwrap_or_default();
    for server in &config.servers {
        let prefix = match server.prefix.as_str() {
            "" => "no prefix".to_owned(),
            prefix => format!("prefix {prefix}"),
        };
        let disabled = if server.enabled { "" } else { ", disabled" };
        out.line(format_args!(
            "  {:<name_columns$}  {}  {prefix}{disabled}",
            server.name,
            style.paint(Ink::Value, &server.url),
        ));
    }
}
