//! What the configuration file says about sampling.

use std::time::Duration;

/// What the configuration file says about sampling. The default adds nothing to what the environment says.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingPolicy {
    /// The first rule that a message matches counts; without one, the environment's sampler.
    pub rules: Vec<SamplingRule>,
    /// Traces that are not sampled are kept when a span failed.
    pub keep_errors: bool,
    /// Traces that are not sampled are kept when they took so long.
    pub keep_slower_than: Option<Duration>,
    /// Both also for traces whose caller said `sampled=0`.
    pub keep_unsampled_errors: bool,
    /// How often in a second a caller's `sampled=1` is believed where the gateway would say no; `u32::MAX` is always.
    pub caller_sampled_per_second_max: u32,
}

/// Which part of the traces of some messages is recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SamplingRule {
    /// The MCP method; absent for all.
    pub method: Option<String>,
    /// The name of the server; absent for all.
    pub server: Option<String>,
    /// The tool as clients name it, or the beginning of such names before a final `*`; absent for all.
    pub tool: Option<String>,
    /// From 0 to 1.
    pub ratio: f64,
}

/// What is known about the message of a request. What a message does not have is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The MCP method.
    pub method: Option<&'a str>,
    /// The name of the server that answers.
    pub server: Option<&'a str>,
    /// The tool as clients name it.
    pub tool: Option<&'a str>,
}

impl Default for SamplingPolicy {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            keep_errors: false,
            keep_slower_than: None,
            keep_unsampled_errors: false,
            caller_sampled_per_second_max: u32::MAX,
        }
    }
}

impl SamplingPolicy {
    /// The rule that a message matches.
    pub(super) fn rule(&self, facts: &Facts<'_>) -> Option<&SamplingRule> {
        self.rules.iter().find(|rule| rule.matches(facts))
    }

    /// Says whether a trace that is not sampled may be kept at its end.
    pub(super) const fn keeps_some(&self) -> bool {
        self.keep_errors || self.keep_slower_than.is_some()
    }
}

impl SamplingRule {
    fn matches(&self, facts: &Facts<'_>) -> bool {
        is_same(self.method.as_deref(), facts.method)
            && is_same(self.server.as_deref(), facts.server)
            && is_like(self.tool.as_deref(), facts.tool)
    }
}

fn is_same(wanted: Option<&str>, found: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| found == Some(wanted))
}

fn is_like(pattern: Option<&str>, found: Option<&str>) -> bool {
    let Some(pattern) = pattern else { return true };
    let Some(found) = found else { return false };
    match pattern.strip_suffix('*') {
        Some(beginning) => found.starts_with(beginning),
        None => found == pattern,
    }
}
