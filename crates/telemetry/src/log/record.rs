//! One log event as a record of OpenTelemetry: made where the event happens, written by `export::log`.
//!
//! What is cut is cut here, so that a queue of records has a known size: the message like on standard output, each attribute at
//! [`FIELD_BYTES_MAX`] or at the limits of the environment, whichever is less.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::{Key, KeyValue, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata};

use super::chain::Chain;
use super::value::{Bounded, Escape, FIELD_BYTES_MAX, MESSAGE_BYTES_MAX, TraceIds, current};
use crate::settings::limits::AttributeLimits;

/// The field that names an event: `mcp.audit`.
const EVENT_NAME: &str = "event.name";
/// What `tracing` calls an event that nobody named; a file and a line follow.
const UNNAMED: &str = "event ";

/// One log event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LogRecord {
    /// When it happened, in nanoseconds since 1970.
    pub(crate) time_unix_nano: u64,
    pub(crate) level: Level,
    /// The part of the gateway that speaks.
    pub(crate) target: &'static str,
    /// What kind of event it is, for those that have a name. Never a file or a line.
    pub(crate) event_name: Option<Cow<'static, str>>,
    /// The message.
    pub(crate) body: String,
    pub(crate) attributes: Vec<KeyValue>,
    /// How many attributes were over the limit.
    pub(crate) dropped_attributes: u32,
    pub(crate) trace: Option<TraceIds>,
}

impl LogRecord {
    /// Makes the record of an event that happens now, in the current span.
    pub(super) fn new(event: &Event<'_>, limits: AttributeLimits) -> Self {
        let metadata = event.metadata();
        let mut record = Self {
            time_unix_nano: now(),
            level: *metadata.level(),
            target: metadata.target(),
            event_name: given_name(metadata),
            body: String::new(),
            attributes: Vec::with_capacity(metadata.fields().len().saturating_sub(1)),
            dropped_attributes: 0,
            trace: current(),
        };
        event.record(&mut Fields { record: &mut record, limits });
        record
    }
}

/// Nanoseconds since 1970; enough of them until 2554.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// The name that `tracing::info!(name: "…", …)` gives.
fn given_name(metadata: &Metadata<'static>) -> Option<Cow<'static, str>> {
    let name = metadata.name();
    (!name.starts_with(UNNAMED)).then_some(Cow::Borrowed(name))
}

struct Fields<'a> {
    record: &'a mut LogRecord,
    limits: AttributeLimits,
}

impl Fields<'_> {
    fn attribute(&mut self, field: &Field, value: impl Into<Value>) {
        if u32::try_from(self.record.attributes.len()).is_ok_and(|len| len < self.limits.count) {
            let key = Key::from_static_str(field.name());
            self.record.attributes.push(KeyValue::new(key, value));
        } else {
            self.record.dropped_attributes += 1;
        }
    }

    fn text(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        match field.name() {
            "message" => {
                let bounded =
                    Bounded::new(&mut self.record.body, Escape::Nothing, MESSAGE_BYTES_MAX);
                // Writing to a string cannot fail; a value that fails to show itself is kept as far as it came.
                fill(bounded, value).and_then(Bounded::finish).ok();
            }
            EVENT_NAME => self.record.event_name = Some(Cow::Owned(bounded(value, self.limits))),
            _ => self.attribute(field, bounded(value, self.limits)),
        }
    }
}

/// The text of a value, cut at what is allowed.
fn bounded(value: fmt::Arguments<'_>, limits: AttributeLimits) -> String {
    let mut text = String::new();
    fill(Bounded::new(&mut text, Escape::Nothing, FIELD_BYTES_MAX), value).ok();
    let end = limits.value_chars_max.and_then(|most| text.char_indices().nth(most));
    if let Some((end, _)) = end {
        text.truncate(end);
    }
    text
}

fn fill<'a>(
    mut writer: Bounded<'a, String>,
    value: fmt::Arguments<'_>,
) -> Result<Bounded<'a, String>, fmt::Error> {
    writer.write_fmt(value).map(|()| writer)
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, format_args!("{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.attribute(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.attribute(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.attribute(field, value),
            // OTLP has no larger integers.
            Err(_) => self.text(field, format_args!("{value}")),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.attribute(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.text(field, format_args!("{}", Chain(value)));
    }
}
