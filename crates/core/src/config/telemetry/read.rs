//! Reads the `telemetry` section. What is absent or wrong keeps its default; what is wrong has been reported.

use std::time::Duration;

use super::{
    AuditSettings, Capture, CaptureMode, CaptureRule, JsonPath, KeepUnsampledErrors,
    MetricsSettings, Pattern, RULES_MAX, Sampling, SamplingRule, TelemetrySettings, Trust,
    TrustMode,
};
use crate::config::address::parse_network;
use crate::config::limits::read_size;
use crate::config::quantity::parse_duration;
use crate::config::reader::Section;
use crate::config::tree::Node;

/// Series that one metric may have at most; each is a few hundred bytes.
const SERIES_MAX: u64 = 100_000;
/// Bytes that one captured value may have at most: what receivers still take.
const CAPTURE_BYTES_MAX: u64 = 64 << 10;
/// Keys of baggage that are kept at most. A span has 128 attributes by default, and the first ones stay.
const BAGGAGE_KEYS_MAX: usize = 32;
/// Traces a second that callers may have sampled at most.
const CALLER_SAMPLED_MAX: u64 = 1_000_000;

/// Reads the section.
pub(in crate::config) fn read_telemetry(section: &Section<'_>) -> TelemetrySettings {
    TelemetrySettings {
        trust: read_trust(&section.section("trust")),
        baggage: read_baggage(section),
        trace_response: flag(section, "traceResponse", false),
        server_timing: flag(section, "serverTiming", false),
        sampling: read_sampling(&section.section("sampling")),
        audit: AuditSettings { enabled: flag(&section.section("audit"), "enabled", true) },
        metrics: read_metrics(&section.section("metrics")),
        capture: read_capture(&section.section("capture")),
    }
}

/// More keys than that are reported: each is an attribute of a span, which has room for some of the gateway's own, too.
fn read_baggage(section: &Section<'_>) -> Vec<String> {
    let mut keys = section.parse_list("baggage", parse_baggage_key);
    if keys.len() > BAGGAGE_KEYS_MAX {
        section.problem(
            "baggage",
            format!("has {} keys; {BAGGAGE_KEYS_MAX} are the most", keys.len()),
        );
        keys.truncate(BAGGAGE_KEYS_MAX);
    }
    keys
}

fn read_trust(section: &Section<'_>) -> Trust {
    let read = |name| section.parse(name, parse_trust).value().unwrap_or_default();
    Trust { listen: read("listen"), ext_proc_listen: read("extProcListen") }
}

fn read_sampling(section: &Section<'_>) -> Sampling {
    let default = Sampling::default();
    let slower = section.parse("keepSlowerThan", parse_slower_than).value();
    let most = number(section, "callerSampledPerSecondMax", 0, CALLER_SAMPLED_MAX);
    Sampling {
        rules: section.sections("rules", RULES_MAX).iter().map(read_rule).collect(),
        keep_errors: flag(section, "keepErrors", default.keep_errors),
        keep_slower_than: slower.unwrap_or(default.keep_slower_than),
        keep_unsampled_errors: section
            .parse("keepUnsampledErrors", parse_keep_unsampled)
            .value()
            .unwrap_or_default(),
        force_from: section.parse_list("forceFrom", parse_network),
        caller_sampled_per_second_max: most
            .and_then(|most| u32::try_from(most).ok())
            .unwrap_or(default.caller_sampled_per_second_max),
    }
}

fn read_rule(section: &Section<'_>) -> SamplingRule {
    let text = |name| section.text(name).value().map(str::to_owned);
    SamplingRule {
        method: text("method"),
        server: text("server"),
        tool: text("tool"),
        ratio: read_ratio(section).unwrap_or_default(),
    }
}

fn read_ratio(section: &Section<'_>) -> Option<f64> {
    let ratio = match section.node("ratio") {
        Some(Node::Float(ratio)) => Some(*ratio),
        Some(Node::Integer(0)) => Some(0.0),
        Some(Node::Integer(1)) => Some(1.0),
        Some(_) => None,
        None => {
            section.problem("ratio", "is missing");
            return None;
        }
    };
    let ratio = ratio.filter(|ratio| (0.0..=1.0).contains(ratio));
    if ratio.is_none() {
        section.problem("ratio", "must be a number from 0 to 1");
    }
    ratio
}

fn read_metrics(section: &Section<'_>) -> MetricsSettings {
    let default = MetricsSettings::default();
    let series_max = number(section, "seriesMax", 1, SERIES_MAX);
    MetricsSettings {
        enabled: flag(section, "enabled", default.enabled),
        series_max: series_max
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(default.series_max),
    }
}

fn read_capture(section: &Section<'_>) -> Capture {
    let redact = section.section("redact");
    let bytes_max = read_bytes_max(section).and_then(|most| usize::try_from(most).ok());
    Capture {
        tools: section.sections("tools", RULES_MAX).iter().filter_map(read_capture_rule).collect(),
        bytes_max: bytes_max.unwrap_or(Capture::default().bytes_max),
        redact_paths: redact.parse_list("paths", JsonPath::parse),
        redact_patterns: redact.parse_list("patterns", Pattern::parse),
    }
}

fn read_bytes_max(section: &Section<'_>) -> Option<u64> {
    let size = read_size(section.node("bytesMax")?);
    match size {
        Ok(bytes) if (1..=CAPTURE_BYTES_MAX).contains(&bytes) => Some(bytes),
        Ok(_) => {
            section.problem("bytesMax", "must be from 1 to 64KiB");
            None
        }
        Err(message) => {
            section.problem("bytesMax", message);
            None
        }
    }
}

fn read_capture_rule(section: &Section<'_>) -> Option<CaptureRule> {
    let mode = |name| section.parse(name, parse_capture_mode).value().unwrap_or_default();
    let (arguments, result) = (mode("arguments"), mode("result"));
    let name = section.require("name", |name| Ok(name.to_owned()))?;
    Some(CaptureRule { name, arguments, result })
}

fn flag(section: &Section<'_>, name: &str, default: bool) -> bool {
    section.flag(name).value().unwrap_or(default)
}

fn number(section: &Section<'_>, name: &str, least: u64, most: u64) -> Option<u64> {
    let node = section.node(name)?;
    let value = if let Node::Integer(value) = node { u64::try_from(*value).ok() } else { None };
    let value = value.filter(|value| (least..=most).contains(value));
    if value.is_none() {
        section.problem(name, format!("must be a whole number from {least} to {most}"));
    }
    value
}

fn parse_trust(text: &str) -> Result<TrustMode, String> {
    TrustMode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| "must be parent, link or restart".to_owned())
}

fn parse_keep_unsampled(text: &str) -> Result<KeepUnsampledErrors, String> {
    KeepUnsampledErrors::ALL
        .into_iter()
        .find(|choice| choice.as_str() == text)
        .ok_or_else(|| "must be never or always".to_owned())
}

fn parse_capture_mode(text: &str) -> Result<CaptureMode, String> {
    CaptureMode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| "must be off, hash or value".to_owned())
}

fn parse_slower_than(text: &str) -> Result<Option<Duration>, String> {
    if text == "never" {
        return Ok(None);
    }
    match parse_duration(text) {
        Ok(time) if time.is_zero() => Err("must not be zero; `never` keeps none".to_owned()),
        Ok(time) => Ok(Some(time)),
        Err(message) => Err(format!("{message}, or never")),
    }
}

/// A key of the W3C Baggage header: a token of HTTP.
fn parse_baggage_key(text: &str) -> Result<String, String> {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !text.is_empty() && text.chars().all(is_token) {
        Ok(text.to_owned())
    } else {
        Err("must be a key of baggage: letters, digits and !#$%&'*+-.^_`|~".to_owned())
    }
}
