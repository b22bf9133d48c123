//! How much one span or one log record may say: the `OTEL_*_LIMIT` variables.

use super::reader::{Found, Reader};

/// Most attributes or links that the environment may ask for.
const COUNT_MAX: u64 = 1024;
/// Most of each thing when the environment says nothing, from the specification.
const COUNT: u32 = 128;
/// Longest value that the environment may ask for, in characters; a longer one would be cut at the gateway's own bound,
/// [`crate::VALUE_BYTES_MAX`], anyway.
const VALUE_CHARS_MAX: u64 = 4096;

/// What the gateway does not write needs no limit.
const WITHOUT_EFFECT: [(&str, &str); 3] = [
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", NO_EVENTS),
    ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", NO_EVENTS),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "the gateway's links have no attributes"),
];
const NO_EVENTS: &str = "the gateway's spans have no events";

/// The limits of a set of attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AttributeLimits {
    /// Most attributes; what comes later is dropped.
    pub(crate) count: u32,
    /// Longest text in characters, the rest is cut off; absent when only the gateway's own bound counts.
    pub(crate) value_chars_max: Option<usize>,
}

/// The limits of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpanLimits {
    pub(crate) attributes: AttributeLimits,
    pub(crate) links: u32,
}

impl Default for AttributeLimits {
    /// The values of the specification.
    fn default() -> Self {
        Self { count: COUNT, value_chars_max: None }
    }
}

impl Default for SpanLimits {
    /// The values of the specification.
    fn default() -> Self {
        Self { attributes: AttributeLimits::default(), links: COUNT }
    }
}

impl AttributeLimits {
    /// Reads the limits of log records: `OTEL_LOGRECORD_ATTRIBUTE_*`, else `OTEL_ATTRIBUTE_*`.
    pub(super) fn of_log_records(reader: &mut Reader<'_>) -> Self {
        Self::read(reader, "logs", "LOGRECORD")
    }

    fn read(reader: &mut Reader<'_>, setting: &str, what: &str) -> Self {
        let count = format!("OTEL_{what}_ATTRIBUTE_COUNT_LIMIT");
        let length = format!("OTEL_{what}_ATTRIBUTE_VALUE_LENGTH_LIMIT");
        let count = [count.as_str(), "OTEL_ATTRIBUTE_COUNT_LIMIT"];
        let length = [length.as_str(), "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"];
        Self {
            count: self::count(reader, &format!("{setting}.attribute_count_limit"), &count),
            value_chars_max: value_length(
                reader,
                &format!("{setting}.attribute_value_length_limit"),
                &length,
            ),
        }
    }
}

impl SpanLimits {
    /// Reads `OTEL_SPAN_*_LIMIT`; what is about attributes also as `OTEL_ATTRIBUTE_*`.
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        for (variable, why) in WITHOUT_EFFECT {
            if reader.text(variable).is_some() {
                reader.info(variable, format!("has no effect: {why}"));
            }
        }
        Self {
            attributes: AttributeLimits::read(reader, "traces", "SPAN"),
            links: count(reader, "traces.link_count_limit", &["OTEL_SPAN_LINK_COUNT_LIMIT"]),
        }
    }
}

/// A number of things from the first variable that has one.
fn count(reader: &mut Reader<'_>, setting: &str, variables: &[&str]) -> u32 {
    let found = first(reader, variables, COUNT_MAX);
    let value = found.as_ref().and_then(|found| u32::try_from(found.value).ok()).unwrap_or(COUNT);
    reader.note(setting, value, found.as_ref().map(|found| found.variable.as_str()));
    value
}

/// A length in characters from the first variable that has one.
fn value_length(reader: &mut Reader<'_>, setting: &str, variables: &[&str]) -> Option<usize> {
    let found = first(reader, variables, VALUE_CHARS_MAX)?;
    reader.note(setting, found.value, Some(&found.variable));
    usize::try_from(found.value).ok()
}

fn first(reader: &mut Reader<'_>, variables: &[&str], most: u64) -> Option<Found<u64>> {
    variables.iter().find_map(|variable| {
        let value = reader.number(variable, 0..=most)?;
        Some(Found { variable: (*variable).to_owned(), value })
    })
}
