//! The incremental reader of `text/event-stream`.
//!
//! It holds at most one unfinished event, bounded in bytes. Lines that arrive whole are read where they are.

use std::borrow::Cow;
use std::fmt;
use std::mem;

use memchr::{memchr, memchr2};

use super::event::Event;
use super::{DEFAULT_NAME, EVENT_BYTES_MAX};

/// The mark that a stream may begin with; it means nothing.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How much memory of an event's size is kept for the next one: a stream may be idle for hours after a large event.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// Why a stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event, or one line of the stream, is longer than the decoder's bound.
    #[error("an event of the stream has more than {max} bytes")]
    EventTooLong {
        /// The bound.
        max: usize,
    },
}

impl SseError {
    /// The name of the problem for `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EventTooLong { .. } => "event_too_long",
        }
    }
}

/// Reads a stream of events from chunks that end anywhere.
pub struct Decoder {
    event_bytes_max: usize,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    /// The last line ended in CR: an LF right behind it belongs to it.
    after_cr: bool,
    /// No line has ended yet, so a byte order mark may be found.
    at_start: bool,
    pending: Pending,
    last_event_id: Option<String>,
    retry_ms: Option<u64>,
    failed: Option<SseError>,
}

/// The fields of the event that is being read.
#[derive(Default)]
struct Pending {
    /// Some field was seen.
    started: bool,
    name: String,
    /// The lines so far, each followed by a line feed.
    data: Vec<u8>,
    id: Option<String>,
    retry_ms: Option<u64>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(EVENT_BYTES_MAX)
    }
}

impl Decoder {
    /// A decoder at the start of a stream. `event_bytes_max` bounds what is held of one event.
    pub fn new(event_bytes_max: usize) -> Self {
        Self {
            event_bytes_max,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            pending: Pending::default(),
            last_event_id: None,
            retry_ms: None,
            failed: None,
        }
    }

    /// Reads the next bytes of the stream and hands out each event that they complete.
    ///
    /// Errors: an event is too long. The stream is lost then, and each further call says so again.
    pub fn push(
        &mut self,
        chunk: &[u8],
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), SseError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let result = self.read(chunk, on_event);
        if let Err(error) = result {
            self.failed = Some(error);
            self.line = Vec::new();
            self.pending = Pending::default();
        }
        result
    }

    /// Says that the stream has ended. True when it ended within an event, which is lost then, as the rules demand.
    pub fn finish(&mut self) -> bool {
        let line = mem::take(&mut self.line);
        let pending = mem::take(&mut self.pending);
        let comment = line.first().is_none_or(|first| *first == b':');
        pending.started || !comment
    }

    /// Says whether the bytes so far end between two events: what comes next starts something new.
    pub fn is_between_events(&self) -> bool {
        self.line.is_empty() && !self.pending.started
    }

    /// The id to resume the stream from, when one was given and not taken back.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// How long the server wants a client to wait before it connects again, in milliseconds.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn read(&mut self, chunk: &[u8], on_event: &mut dyn FnMut(Event<'_>)) -> Result<(), SseError> {
        let mut rest = chunk;
        loop {
            if self.after_cr && !rest.is_empty() {
                self.after_cr = false;
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else { break };
            let (start, after) = rest.split_at_checked(end).unwrap_or_default();
            self.after_cr = after.first() == Some(&b'\r');
            rest = after.get(1..).unwrap_or_default();
            if self.line.is_empty() {
                self.take_line(start, on_event)?;
            } else {
                self.hold(start)?;
                let mut line = mem::take(&mut self.line);
                let result = self.take_line(&line, on_event);
                line.clear();
                line.shrink_to(KEPT_BYTES_MAX);
                self.line = line;
                result?;
            }
        }
        self.hold(rest)
    }

    /// Keeps the start of a line.
    fn hold(&mut self, bytes: &[u8]) -> Result<(), SseError> {
        self.room(self.line.len() + bytes.len())?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// Refuses to hold `more` bytes beside what the event has already.
    fn room(&self, more: usize) -> Result<(), SseError> {
        let id = self.pending.id.as_ref().map_or(0, String::len);
        let held = self.pending.data.len() + self.pending.name.len() + id;
        if held.saturating_add(more) > self.event_bytes_max {
            return Err(SseError::EventTooLong { max: self.event_bytes_max });
        }
        Ok(())
    }

    fn take_line(
        &mut self,
        line: &[u8],
        on_event: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), SseError> {
        // The line counts as it came, so that the bound does not depend on where chunks end.
        self.room(line.len())?;
        let mut line = line;
        if mem::take(&mut self.at_start) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        if line.is_empty() {
            self.dispatch(on_event);
            return Ok(());
        }
        let (name, value) = match memchr(b':', line) {
            Some(colon) => {
                let (name, rest) = line.split_at_checked(colon).unwrap_or_default();
                let value = rest.get(1..).unwrap_or_default();
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
            None => (line, &[][..]),
        };
        self.take_field(name, value);
        Ok(())
    }

    fn take_field(&mut self, name: &[u8], value: &[u8]) {
        let pending = &mut self.pending;
        match name {
            b"data" => {
                pending.data.extend_from_slice(value);
                pending.data.push(b'\n');
            }
            b"event" => {
                pending.name.clear();
                pending.name.push_str(&String::from_utf8_lossy(value));
            }
            b"id" if !value.contains(&0) => {
                pending.id = Some(String::from_utf8_lossy(value).into_owned());
            }
            b"retry" => match decimal(value) {
                Some(retry_ms) => {
                    pending.retry_ms = Some(retry_ms);
                    self.retry_ms = Some(retry_ms);
                }
                None => return,
            },
            // Comments (their name is empty) and fields that nobody defined.
            _ => return,
        }
        self.pending.started = true;
    }

    /// Ends the event. One without data is none, but its id counts.
    fn dispatch(&mut self, on_event: &mut dyn FnMut(Event<'_>)) {
        let pending = &mut self.pending;
        if let Some(data) = pending.data.strip_suffix(b"\n") {
            let name = if pending.name.is_empty() { DEFAULT_NAME } else { &pending.name };
            on_event(Event {
                name: Cow::Borrowed(name),
                data,
                id: pending.id.as_deref(),
                retry_ms: pending.retry_ms,
            });
        }
        if let Some(id) = pending.id.take() {
            self.last_event_id = Some(id).filter(|id| !id.is_empty());
        }
        pending.started = false;
        pending.name.clear();
        pending.data.clear();
        pending.data.shrink_to(KEPT_BYTES_MAX);
        pending.retry_ms = None;
    }
}

/// Says how much is held. What it says may be a secret.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Decoder");
        text.field("line_bytes", &self.line.len()).field("data_bytes", &self.pending.data.len());
        text.field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// A number of digits only. One that is too large for 64 bits is as good as none.
fn decimal(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}
