//! What the environment says about spans: exporters, sampler, limits.

use super::batch::{self, Batch};
use super::exporters::Chosen;
use super::limits::SpanLimits;
use super::otlp::Otlp;
use super::reader::Reader;
use crate::signal::Signal;

/// What the environment says about spans.
#[derive(Debug)]
pub(crate) struct Traces {
    /// Spans go to a receiver.
    pub(crate) otlp: Option<Otlp>,
    /// Spans go to standard output.
    pub(crate) console: bool,
    pub(crate) batch: Batch,
    pub(crate) sampler: Sampler,
    pub(crate) limits: SpanLimits,
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

impl Traces {
    /// Reads everything about spans.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let chosen = Chosen::read(reader, Signal::Traces);
        Self {
            otlp: if chosen.otlp { Otlp::read(reader, Signal::Traces) } else { None },
            console: chosen.console,
            batch: Batch::read(reader, &batch::SPANS),
            sampler: Sampler::read(reader),
            limits: SpanLimits::read(reader),
        }
    }
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
