//! What both formats share: bounded, escaped text, and the ids of the trace.

use std::fmt::{self, Write};

use opentelemetry::{SpanId, TraceFlags, TraceId};

use crate::span;

/// Longest message of a line, in bytes; the rest is cut off and counted.
pub const MESSAGE_BYTES_MAX: usize = 8192;
/// Longest value of one field, in bytes; the rest is cut off and counted.
pub const FIELD_BYTES_MAX: usize = 4096;

/// The trace that a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceIds {
    pub(crate) trace_id: TraceId,
    pub(crate) span_id: SpanId,
    pub(crate) flags: TraceFlags,
}

/// The trace that the current line belongs to.
pub(super) fn current() -> Option<TraceIds> {
    span::current().map(|(trace_id, span_id, flags)| TraceIds { trace_id, span_id, flags })
}

/// How characters are written that would break the line or the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As in a JSON string.
    Json,
    /// As a reader of text expects it: quotes as they are, control characters visible.
    Text,
    /// Text between quotes.
    QuotedText,
    /// Not at all.
    Nothing,
}

/// Writes text escaped and at most so many bytes of it.
pub(super) struct Bounded<'a, W> {
    writer: &'a mut W,
    escape: Escape,
    left: usize,
    cut: usize,
}

impl<'a, W: Write> Bounded<'a, W> {
    pub(super) fn new(writer: &'a mut W, escape: Escape, bytes_max: usize) -> Self {
        Self { writer, escape, left: bytes_max, cut: 0 }
    }

    /// Says how much was cut off, at the end of what was written.
    pub(super) fn finish(self) -> fmt::Result {
        if self.cut > 0 {
            write!(self.writer, "… ({} bytes more)", self.cut)?;
        }
        Ok(())
    }

    fn write_escaped(&mut self, c: char) -> fmt::Result {
        match (self.escape, c) {
            (Escape::Nothing, c) => self.writer.write_char(c),
            (Escape::Json | Escape::QuotedText, '"') => self.writer.write_str("\\\""),
            (Escape::Json | Escape::QuotedText, '\\') => self.writer.write_str("\\\\"),
            (_, '\n') => self.writer.write_str("\\n"),
            (_, '\r') => self.writer.write_str("\\r"),
            (_, '\t') => self.writer.write_str("\\t"),
            (Escape::Json, c) if c < ' ' => write!(self.writer, "\\u{:04x}", u32::from(c)),
            // Terminals act on control characters, and U+2028 breaks lines in some viewers.
            (Escape::Text | Escape::QuotedText, c) if c.is_control() || c == '\u{2028}' => {
                write!(self.writer, "\\u{{{:x}}}", u32::from(c))
            }
            (_, c) => self.writer.write_char(c),
        }
    }
}

impl<W: Write> Write for Bounded<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.cut > 0 {
            self.cut += text.len();
            return Ok(());
        }
        let kept = crate::attributes::truncate(text, self.left);
        self.left -= kept.len();
        self.cut = text.len() - kept.len();
        let is_plain = |byte: &u8| *byte >= b' ' && *byte < 0x7f && *byte != b'"' && *byte != b'\\';
        if self.escape == Escape::Nothing || kept.as_bytes().iter().all(is_plain) {
            return self.writer.write_str(kept);
        }
        kept.chars().try_for_each(|c| self.write_escaped(c))
    }
}
