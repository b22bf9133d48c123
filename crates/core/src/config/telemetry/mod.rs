//! The `telemetry` section: what the `OTEL_*` environment cannot say.
//!
//! - `read`: from the file to these types.
//! - `keys`: the keys and what each means.
//!
//! Nothing here knows how spans are made: whoever makes them takes these values over, at the start and at each reload.

mod keys;
mod pattern;
mod read;

use std::time::Duration;

use ipnet::IpNet;

pub(super) use keys::KEYS;
pub use pattern::{JsonPath, JsonPathStep, Pattern};
pub(super) use read::read_telemetry;

/// Rules of one list of the section: each is tried for every request.
pub const RULES_MAX: usize = 1_000;

/// What the `OTEL_*` environment cannot say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TelemetrySettings {
    /// What becomes of the trace context that callers send.
    pub trust: Trust,
    /// The baggage that is kept: keys, as callers write them.
    pub baggage: Vec<String>,
    /// Whether responses carry `traceresponse`.
    pub trace_response: bool,
    /// Whether responses carry `Server-Timing`.
    pub server_timing: bool,
    /// Which requests are traced.
    pub sampling: Sampling,
    /// Events about each call.
    pub audit: AuditSettings,
    /// Figures.
    pub metrics: MetricsSettings,
    /// Arguments and results on spans.
    pub capture: Capture,
}

/// What becomes of the trace context that callers send, by listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// Requests at `listen`, in standalone mode.
    pub listen: TrustMode,
    /// Requests that Envoy tells of at `extProcListen`.
    pub ext_proc_listen: TrustMode,
}

/// What becomes of a caller's trace context.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrustMode {
    /// The caller's span is the parent.
    #[default]
    Parent,
    /// A trace of the gateway's own begins, with a link to the caller's span.
    Link,
    /// A trace of the gateway's own begins, and the caller's is forgotten.
    Restart,
}

impl TrustMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Parent, Self::Link, Self::Restart];

    /// Returns the mode as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Link => "link",
            Self::Restart => "restart",
        }
    }
}

/// Which requests are traced.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Asked in their order; where none fits, `OTEL_TRACES_SAMPLER` decides. At most [`RULES_MAX`].
    pub rules: Vec<SamplingRule>,
    /// Whether a request that failed is kept although it was not sampled.
    pub keep_errors: bool,
    /// A request that took at least this long is kept although it was not sampled; `None` keeps none.
    pub keep_slower_than: Option<Duration>,
    /// Whether what a caller marked as not sampled may be kept, too.
    pub keep_unsampled_errors: KeepUnsampledErrors,
    /// Clients whose `x-mcp-trace: 1` makes a request traced.
    pub force_from: Vec<IpNet>,
    /// Traces a second that callers can have sampled although the gateway itself would not.
    pub caller_sampled_per_second_max: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            keep_errors: true,
            keep_slower_than: Some(Duration::from_secs(5)),
            keep_unsampled_errors: KeepUnsampledErrors::Never,
            force_from: Vec::new(),
            caller_sampled_per_second_max: 100,
        }
    }
}

/// One rule of sampling. What it leaves out fits everything.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingRule {
    /// The MCP method.
    pub method: Option<String>,
    /// The server's name.
    pub server: Option<String>,
    /// The tool as clients see it; `*` at its end stands for any rest.
    pub tool: Option<String>,
    /// The part of all traces that is recorded, from 0 to 1.
    pub ratio: f64,
}

/// Whether what a caller marked as not sampled (`sampled=0`) may be kept when it fails or is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeepUnsampledErrors {
    /// The caller's word counts.
    #[default]
    Never,
    /// Failed and slow requests are kept whatever the caller said.
    Always,
}

impl KeepUnsampledErrors {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Never, Self::Always];

    /// Returns the choice as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Always => "always",
        }
    }
}

/// Events about each call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// Whether they are written.
    pub enabled: bool,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// Figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsSettings {
    /// Whether requests are counted and timed.
    pub enabled: bool,
    /// Series of one metric; what comes beyond goes to one series.
    pub series_max: usize,
}

impl Default for MetricsSettings {
    fn default() -> Self {
        Self { enabled: true, series_max: 2_000 }
    }
}

/// Arguments and results on spans. Nothing is, unless a rule says so.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Asked in their order; the first that fits counts. At most [`RULES_MAX`].
    pub tools: Vec<CaptureRule>,
    /// Bytes of one captured value.
    pub bytes_max: usize,
    /// Where values are blacked out, whatever they are.
    pub redact_paths: Vec<JsonPath>,
    /// What is blacked out, wherever it stands.
    pub redact_patterns: Vec<Pattern>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            tools: Vec::new(),
            bytes_max: 8 << 10,
            redact_paths: Vec::new(),
            redact_patterns: Vec::new(),
        }
    }
}

/// What is captured of the calls of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureRule {
    /// The tool as clients see it; `*` at its end stands for any rest.
    pub name: String,
    /// The arguments.
    pub arguments: CaptureMode,
    /// The result.
    pub result: CaptureMode,
}

/// In which form something is captured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureMode {
    /// Not at all.
    #[default]
    Off,
    /// As a digest, by which equal values are known.
    Hash,
    /// As it is, without what is blacked out.
    Value,
}

impl CaptureMode {
    /// Every form.
    pub const ALL: [Self; 3] = [Self::Off, Self::Hash, Self::Value];

    /// Returns the form as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Hash => "hash",
            Self::Value => "value",
        }
    }
}

/// Says whether `name` is what `pattern` stands for: the same text, or any that begins with what is before a last `*`.
pub fn name_fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::name_fits;

    #[test]
    fn a_star_at_the_end_stands_for_any_rest() {
        for (pattern, name, fits) in [
            ("weather_forecast", "weather_forecast", true),
            ("weather_forecast", "weather_forecast2", false),
            ("weather_*", "weather_forecast", true),
            ("weather_*", "weather_", true),
            ("weather_*", "calc_add", false),
            ("*", "anything", true),
            ("a*b", "a*b", true),
            ("a*b", "axb", false),
        ] {
            assert_eq!(name_fits(pattern, name), fits, "{pattern} {name}");
        }
    }
}
