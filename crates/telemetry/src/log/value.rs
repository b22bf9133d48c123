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
            // Terminals act on control characters, U+2028 breaks lines in some viewers, and direction marks turn text around.
            (Escape::Json, c) if !is_printable(c) => {
                let mut units = [0; 2];
                c.encode_utf16(&mut units)
                    .iter()
                    .try_for_each(|unit| write!(self.writer, "\\u{unit:04x}"))
            }
            (Escape::Text | Escape::QuotedText, c) if !is_printable(c) => {
                write!(self.writer, "\\u{{{:x}}}", u32::from(c))
            }
            (_, c) => self.writer.write_char(c),
        }
    }
}

/// Says whether a character shows what it is; as in the texts of audit events.
fn is_printable(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\') || c.escape_debug().len() == 1
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::{Bounded, Escape};

    fn written(text: &str, escape: Escape) -> String {
        let mut out = String::new();
        let mut bounded = Bounded::new(&mut out, escape, 1000);
        bounded.write_str(text).unwrap();
        bounded.finish().unwrap();
        out
    }

    #[test]
    fn what_is_not_printable_is_shown() {
        for c in [
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{200b}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{e0041}',
        ] {
            let text = format!("a{c}b");
            let shown = format!("a\\u{{{:x}}}b", u32::from(c));
            assert_eq!(written(&text, Escape::Text), shown);
            assert_eq!(written(&text, Escape::QuotedText), shown);
            let json = written(&text, Escape::Json);
            assert!(json.is_ascii() && !json.contains(char::is_control), "{json:?}");
            assert_eq!(serde_json::from_str::<String>(&format!("\"{json}\"")).unwrap(), text);
        }
        let harmless = "é ü 天気 ☂ 'x' – …";
        for escape in [Escape::Text, Escape::QuotedText, Escape::Json] {
            assert_eq!(written(harmless, escape), harmless);
        }
    }
}
