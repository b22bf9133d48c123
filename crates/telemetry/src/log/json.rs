//! One JSON object per line: `{"timestamp":…,"level":…,"message":…,"target":…,"trace_id":…,"span_id":…, fields…}`.
//!
//! Fields stand beside the fixed members and keep their types. A field with the name of a fixed member is written as
//! `field.<name>`, so that no name occurs twice.

use std::error::Error;
use std::fmt::{self, Write as _};

use tracing::Event;
use tracing::field::{Field, Visit};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::chain::Chain;
use super::value::{Bounded, Escape, FIELD_BYTES_MAX, MESSAGE_BYTES_MAX, TraceIds, current};
use crate::name::attribute as name;

/// Members that every line may have.
const FIXED: [&str; 6] = ["timestamp", "level", "message", "target", name::TRACE_ID, name::SPAN_ID];

/// Writes one event as a JSON object and a line feed.
pub(super) fn write(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    writer.write_str("{\"timestamp\":\"")?;
    SystemTime.format_time(writer)?;
    write!(writer, "\",\"level\":\"{}\",\"message\":\"", metadata.level())?;
    let mut message = Members::new(writer, Part::Message);
    event.record(&mut message);
    message.result?;
    write!(writer, "\",\"target\":\"{}\"", metadata.target())?;
    if let Some(TraceIds { trace_id, span_id, .. }) = current() {
        write!(writer, ",\"{}\":\"{trace_id}\"", name::TRACE_ID)?;
        write!(writer, ",\"{}\":\"{span_id}\"", name::SPAN_ID)?;
    }
    let mut fields = Members::new(writer, Part::Fields);
    event.record(&mut fields);
    fields.result?;
    writer.write_str("}\n")
}

/// Which members of an event are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The text of the message alone.
    Message,
    /// All other fields, each with a comma before it.
    Fields,
}

struct Members<'a, 'w> {
    writer: &'a mut Writer<'w>,
    part: Part,
    result: fmt::Result,
}

impl<'a, 'w> Members<'a, 'w> {
    fn new(writer: &'a mut Writer<'w>, part: Part) -> Self {
        Self { writer, part, result: Ok(()) }
    }

    /// Writes a value that needs no quotes.
    fn plain(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.member(field, |writer| writer.write_fmt(value));
    }

    /// Writes a value between quotes.
    fn quoted(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        self.member(field, |writer| {
            writer.write_char('"')?;
            escaped(writer, FIELD_BYTES_MAX, value)?;
            writer.write_char('"')
        });
    }

    fn member(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'w>) -> fmt::Result) {
        if self.result.is_err() || self.part != Part::Fields {
            return;
        }
        let key = field.name();
        let prefix = if FIXED.contains(&key) { "field." } else { "" };
        self.result = write!(self.writer, ",\"{prefix}{key}\":").and_then(|()| value(self.writer));
    }

    /// Writes the message when it is its turn. Says whether the field is the message.
    fn message(&mut self, field: &Field, value: fmt::Arguments<'_>) -> bool {
        if field.name() != "message" {
            return false;
        }
        if self.part == Part::Message && self.result.is_ok() {
            self.result = escaped(self.writer, MESSAGE_BYTES_MAX, value);
        }
        true
    }
}

fn escaped(writer: &mut Writer<'_>, bytes_max: usize, value: fmt::Arguments<'_>) -> fmt::Result {
    let mut bounded = Bounded::new(writer, Escape::Json, bytes_max);
    bounded.write_fmt(value)?;
    bounded.finish()
}

impl Visit for Members<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !self.message(field, format_args!("{value:?}")) {
            self.quoted(field, format_args!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !self.message(field, format_args!("{value}")) {
            self.quoted(field, format_args!("{value}"));
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, format_args!("{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field, format_args!("{value:?}"));
        } else {
            self.quoted(field, format_args!("{value}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.quoted(field, format_args!("{}", Chain(value)));
    }
}
