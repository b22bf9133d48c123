//! One module for each command of the command line, and what they share: loading a configuration.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod envoy_config;
pub(crate) mod envoy_config_print;
pub(crate) mod serve;
mod signal;

use mcp_gateway_core::config::{self, Loaded, Overrides, Problem, SecretMode};
use mcp_gateway_dataplane::reload::read_config;

use crate::cli::ConfigArgs;
use crate::environment::Environment;
use crate::output::{Ink, Out};

/// Reads and checks the configuration that `args` name. All problems come back at once.
pub(crate) fn load(args: &ConfigArgs, secrets: SecretMode) -> Result<Loaded, Vec<Problem>> {
    let text =
        read_config(&args.config).map_err(|message| vec![Problem::new("--config", message)])?;
    config::load(&text, &Environment::new(&args.config, secrets), &overrides(args))
}

/// What the flags say.
pub(crate) fn overrides(args: &ConfigArgs) -> Overrides {
    Overrides {
        mode: args.mode.clone(),
        listen: args.listen.clone(),
        admin_listen: args.admin_listen.clone(),
        ext_proc_listen: args.ext_proc_listen.clone(),
        public_host: args.public_host.clone(),
        log_level: args.log_level.clone(),
        log_format: args.log_format.clone(),
    }
}

/// Prints problems, each with its path, below one sentence that counts them.
pub(crate) fn print_problems(out: &mut Out, args: &ConfigArgs, problems: &[Problem]) {
    let style = out.style();
    let file = args.config.display();
    let sentence = format!("{file} cannot be used: {}", counted(problems.len(), "problem"));
    let mut text = format!("{}\n", style.paint(Ink::Bad, sentence));
    for problem in problems {
        text.push_str(&problem_line(problem, out));
    }
    // In one piece: nothing of another process gets in between.
    out.text(text);
}

/// `  path: message`, the path marked.
pub(crate) fn problem_line(problem: &Problem, out: &Out) -> String {
    if problem.path.is_empty() {
        return format!("  {}\n", problem.message);
    }
    format!("  {}: {}\n", out.style().paint(Ink::Strong, &problem.path), problem.message)
}

/// `1 problem`, `2 problems`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}
