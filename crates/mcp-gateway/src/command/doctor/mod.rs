//! `mcp-gateway doctor`: does what is configured work, and if not, where did it die.
//!
//! It goes the same ways as `serve`, with the same exporters and clients, and changes nothing: a test item for each signal
//! of telemetry, a session with each server that is closed again. The report goes to stdout, because it is what was
//! asked for.

mod envoy;
mod receiver;
mod report;
mod server;
mod telemetry;
mod tls;

use std::path::Path;
use std::process::ExitCode;

use mcp_gateway_core::config::{Config, Loaded, Mode, SecretMode};

use self::report::{Finding, print};
use crate::cli::{ConfigArgs, DoctorArgs};
use crate::command::{counted, load, print_problems, problem_line};
use crate::output::{Ink, Out};

/// Prints what works and what does not; says by the exit code which it was.
pub(crate) async fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let mut out = Out::stdout();
    let checked = telemetry::check().await;
    print(&mut out, "Telemetry", &checked.findings);
    for notice in &checked.notices {
        out.line(format_args!("  {notice}"));
    }
    let mut failed = failures(&checked.findings);
    if let Some(file) = &args.config {
        failed += check_config(&mut out, file).await;
    } else {
        out.line(out.style().paint(Ink::Heading, "MCP servers"));
        out.line("  Not looked at: no configuration file was named (--config FILE).");
    }
    let summary = match failed {
        0 => out.style().paint(Ink::Good, "Everything that is asked for works."),
        1 => out.style().paint(Ink::Bad, "1 thing does not work."),
        _ => out.style().paint(Ink::Bad, format_args!("{failed} things do not work.")),
    };
    out.line(summary);
    out.finish()?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Looks at everything that a configuration file names; returns how many things do not work.
async fn check_config(out: &mut Out, file: &Path) -> usize {
    let args = ConfigArgs { config: file.to_path_buf(), ..ConfigArgs::default() };
    let config = match load(&args, SecretMode::Resolve) {
        Ok(Loaded { config, warnings }) => {
            for warning in &warnings {
                out.text(problem_line(warning, out));
            }
            config
        }
        Err(problems) => {
            print_problems(out, &args, &problems);
            return problems.len();
        }
    };
    let rules = &config.telemetry.sampling.rules;
    let dropping = rules.iter().filter(|rule| rule.ratio <= 0.0).count();
    if dropping > 0 {
        let rules = counted(dropping, "rule");
        out.line(format_args!(
            "  telemetry.sampling: {rules} with ratio 0: what it matches is not sampled."
        ));
    }
    failed_of(out, config).await
}

async fn failed_of(out: &mut Out, config: Config) -> usize {
    let mut failed = 0;
    let servers = server::check_all(&config).await;
    print(out, &format!("MCP servers ({})", counted(servers.len(), "server")), &servers);
    failed += failures(&servers);
    if config.mode == Mode::Envoy {
        let findings = envoy::check(&config).await;
        print(out, "Through Envoy", &findings);
        failed += failures(&findings);
    }
    failed
}

fn failures(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| !finding.is_good()).count()
}
