//! What was measured, and on which machine: without it figures say nothing.

use std::fmt::Write;
use std::fs;

use crate::process::{Programs, output};

/// Describes the machine and the programs as a Markdown list.
pub(crate) fn description(programs: &Programs) -> anyhow::Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    // Those of the machine, wherever this program is bound to.
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.unwrap_or("of an unknown model").trim_start_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    let gateway = output(&programs.gateway, &["--version"])?;
    let envoy = output(&programs.envoy, &["--version"])?;
    // path, `version: `, commit, version, state, build; with slashes between
    let envoy = envoy.rsplit('/').nth(3).unwrap_or_default();
    let mut text = String::new();
    writeln!(
        text,
        "- Machine: {cores} cores, {model}, Linux {}; load before the run {load}",
        kernel.trim()
    )?;
    writeln!(text, "- Gateway: {}", gateway.trim())?;
    writeln!(text, "- Envoy: {envoy}")?;
    Ok(text)
}
