//! What the environment says about spans: exporters, sampler, limits.

use opentelemetry_sdk::trace::{Sampler as SdkSampler, SpanLimits};

use super::batch::Batch;
use super::otlp::Otlp;
use super::reader::Reader;
use crate::signal::Signal;

/// Most attributes, events or links of one span that the environment may ask for.
const COUNT_MAX: u64 = 1024;

/// What the environment says about spans.
#[derive(Debug)]
pub(crate) struct Traces {
    /// Spans go to a receiver.
    pub(crate) otlp: Option<Otlp>,
    /// Spans go to standard output.
    pub(crate) console: bool,
    pub(crate) batch: Batch,
    pub(crate) sampler: Sampler,
    pub(crate) counts: SpanCounts,
}

/// `OTEL_TRACES_SAMPLER` with its argument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampler {
    /// The decision of a caller counts.
    pub(crate) parent_based: bool,
    /// The decision for a trace that begins here.
    pub(crate) root: Root,
}

/// The decision for a trace that begins here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Root {
    /// Every trace is recorded.
    On,
    /// No trace is.
    Off,
    /// This part of all traces, from 0 to 1, by trace id.
    Ratio(f64),
}

/// The most of each thing on one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanCounts {
    pub(crate) attributes: u32,
    pub(crate) events: u32,
    pub(crate) links: u32,
}

impl Traces {
    /// Reads everything about spans.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let (wants_otlp, console) = exporters(reader);
        let otlp = if wants_otlp { Otlp::read(reader, Signal::Traces) } else { None };
        Self {
            otlp,
            console,
            batch: Batch::read(reader),
            sampler: Sampler::read(reader),
            counts: SpanCounts::read(reader),
        }
    }
}

/// Reads `OTEL_TRACES_EXPORTER`: whether spans go over OTLP (when there is an endpoint), and whether to standard output.
fn exporters(reader: &mut Reader<'_>) -> (bool, bool) {
    let variable = "OTEL_TRACES_EXPORTER";
    let Some(list) = reader.text(variable) else {
        return (true, false);
    };
    let (mut otlp, mut console, mut none) = (false, false, false);
    for word in list.split(',').map(|word| word.trim().to_ascii_lowercase()) {
        match word.as_str() {
            "" => {}
            "otlp" => otlp = true,
            "console" => console = true,
            "none" => none = true,
            _ => reader.warn(variable, format!("`{word}` is none of otlp, console, none, ignored")),
        }
    }
    reader.note("traces.exporter", &list, Some(variable));
    if otlp && reader.otlp_text(Signal::Traces, "ENDPOINT").is_none() {
        let message = "is otlp, but OTEL_EXPORTER_OTLP_ENDPOINT is not set, so nothing is sent";
        reader.warn(variable, message.to_owned());
    }
    if !otlp && !console && !none {
        return (true, false);
    }
    (otlp, console)
}

impl Sampler {
    /// Reads `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    fn read(reader: &mut Reader<'_>) -> Self {
        let variable = "OTEL_TRACES_SAMPLER";
        let found = reader.text(variable);
        let word = found.as_deref().unwrap_or("parentbased_always_on").to_ascii_lowercase();
        let (parent_based, rest) = match word.strip_prefix("parentbased_") {
            Some(rest) => (true, rest),
            None => (false, word.as_str()),
        };
        let root = match rest {
            "always_on" => Some(Root::On),
            "always_off" => Some(Root::Off),
            "traceidratio" => Some(Root::Ratio(ratio(reader))),
            _ => None,
        };
        let Some(root) = root else {
            let message = format!(
                "`{word}` is not a sampler that is built in (always_on, always_off, traceidratio, each also \
                 with parentbased_), taken as parentbased_always_on"
            );
            reader.warn(variable, message);
            reader.note("traces.sampler", "parentbased_always_on", None);
            return Self { parent_based: true, root: Root::On };
        };
        reader.note("traces.sampler", &word, found.as_ref().map(|_| variable));
        Self { parent_based, root }
    }
}

/// Reads the part of all traces that is recorded; 1 when it is not said.
fn ratio(reader: &mut Reader<'_>) -> f64 {
    let variable = "OTEL_TRACES_SAMPLER_ARG";
    let Some(text) = reader.text(variable) else {
        return 1.0;
    };
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    if ratio.is_none() {
        reader.warn(variable, format!("`{text}` is not a number from 0 to 1, taken as 1"));
    }
    let ratio = ratio.unwrap_or(1.0);
    reader.note("traces.sampler_arg", ratio, Some(variable));
    ratio
}

/// Makes the sampler of the SDK.
pub(crate) fn sampler(sampler: Sampler) -> SdkSampler {
    let root = match sampler.root {
        Root::On => SdkSampler::AlwaysOn,
        Root::Off => SdkSampler::AlwaysOff,
        Root::Ratio(ratio) => SdkSampler::TraceIdRatioBased(ratio),
    };
    if sampler.parent_based { SdkSampler::ParentBased(Box::new(root)) } else { root }
}

impl Default for SpanCounts {
    /// The values of the specification.
    fn default() -> Self {
        Self { attributes: 128, events: 128, links: 128 }
    }
}

impl SpanCounts {
    /// Reads `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `_EVENT_` and `_LINK_`; attributes also as `OTEL_ATTRIBUTE_COUNT_LIMIT`.
    fn read(reader: &mut Reader<'_>) -> Self {
        let defaults = Self::default();
        let mut read = |variables: &[&str], default: u32| {
            variables
                .iter()
                .find_map(|variable| reader.number(variable, 0..=COUNT_MAX))
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(default)
        };
        let attributes = ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"];
        Self {
            attributes: read(&attributes, defaults.attributes),
            events: read(&["OTEL_SPAN_EVENT_COUNT_LIMIT"], defaults.events),
            links: read(&["OTEL_SPAN_LINK_COUNT_LIMIT"], defaults.links),
        }
    }

    /// The limits of the SDK.
    pub(crate) fn limits(self) -> SpanLimits {
        SpanLimits {
            max_attributes_per_span: self.attributes,
            max_events_per_span: self.events,
            max_links_per_span: self.links,
            ..SpanLimits::default()
        }
    }
}
