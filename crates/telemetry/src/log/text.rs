//! One readable line: `2026-11-22T21:47:03.123456Z  INFO The message. server=demo count=2 trace_id=… span_id=…`.
//!
//! The part of the gateway that speaks stands before the message of debug and trace lines.

use std::error::Error;
use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::chain::Chain;
use super::value::{Bounded, Escape, FIELD_BYTES_MAX, MESSAGE_BYTES_MAX, TraceIds, current};
use crate::name::attribute as name;

/// Writes one event as a line of text.
pub(super) fn write(writer: &mut Writer<'_>, event: &Event<'_>) -> fmt::Result {
    let metadata = event.metadata();
    SystemTime.format_time(writer)?;
    write!(writer, " {:>5} ", metadata.level().as_str())?;
    if *metadata.level() > Level::INFO {
        write!(writer, "{}: ", metadata.target())?;
    }
    let mut line = Line { writer, wants_message: true, result: Ok(()) };
    event.record(&mut line);
    line.wants_message = false;
    event.record(&mut line);
    line.result?;
    if let Some(TraceIds { trace_id, span_id, .. }) = current() {
        write!(writer, " {}={trace_id}", name::TRACE_ID)?;
        write!(writer, " {}={span_id}", name::SPAN_ID)?;
    }
    writer.write_char('\n')
}

struct Line<'a, 'w> {
    writer: &'a mut Writer<'w>,
    /// The message comes first, then the fields.
    wants_message: bool,
    result: fmt::Result,
}

impl Line<'_, '_> {
    fn field(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.result.is_ok() && (field.name() == "message") == self.wants_message {
            self.result = if self.wants_message {
                let mut bounded = Bounded::new(self.writer, Escape::Text, MESSAGE_BYTES_MAX);
                bounded.write_fmt(value).and_then(|()| bounded.finish())
            } else {
                write!(self.writer, " {}=", field.name()).and_then(|()| self.value(value))
            };
        }
    }

    fn value(&mut self, value: fmt::Arguments<'_>) -> fmt::Result {
        // A value is looked at before it is written, to know whether it needs quotes.
        let mut probe = Probe { is_bare: true, is_empty: true };
        probe.write_fmt(value)?;
        let quoted = probe.is_empty || !probe.is_bare;
        let escape = if quoted { Escape::QuotedText } else { Escape::Text };
        if quoted {
            self.writer.write_char('"')?;
        }
        let mut bounded = Bounded::new(self.writer, escape, FIELD_BYTES_MAX);
        bounded.write_fmt(value)?;
        bounded.finish()?;
        if quoted {
            self.writer.write_char('"')?;
        }
        Ok(())
    }
}

/// Looks whether text can stand without quotes.
struct Probe {
    is_bare: bool,
    is_empty: bool,
}

impl fmt::Write for Probe {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.is_empty &= text.is_empty();
        let needs_quotes = |c: char| c.is_whitespace() || c.is_control() || "\"=\\".contains(c);
        self.is_bare &= !text.contains(needs_quotes);
        Ok(())
    }
}

impl Visit for Line<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, format_args!("{value}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.field(field, format_args!("{}", Chain(value)));
    }
}
