//! An event stream on its way to the client: complete events pass at once, only the one under way is held.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use crate::sse::{Decoder, Event};

#[derive(Debug)]
pub(super) struct SseAnswer {
    decoder: Decoder,
    held: BytesMut,
    bytes_max: usize,
    /// Set once an event outgrew the bound: from there on bytes pass unread.
    blind: bool,
}

impl SseAnswer {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { decoder: Decoder::new(bytes_max), held: BytesMut::new(), bytes_max, blind: false }
    }

    /// Returns the bytes to send on now. `passes` is asked about each complete event; the bytes of one that does not
    /// pass are left out.
    pub(super) fn push(
        &mut self,
        chunk: &Bytes,
        passes: &mut dyn FnMut(&Event<'_>) -> bool,
    ) -> Bytes {
        if self.blind {
            return chunk.clone();
        }
        // What stood before an event that was left out; the usual chunk has none and is sliced, not copied.
        let mut before = BytesMut::new();
        let (mut start, mut complete, mut at) = (0, 0, 0);
        // Line by line, so that the last place between two events is known.
        while at < chunk.len() {
            let rest = chunk.get(at..).unwrap_or_default();
            let end = at + memchr2(b'\n', b'\r', rest).map_or(rest.len(), |place| place + 1);
            let mut keep = true;
            let line = chunk.get(at..end).unwrap_or_default();
            if self.decoder.push(line, &mut |event| keep = passes(&event)).is_err() {
                self.blind = true;
                return join(before, self.release(&chunk.slice(start..)));
            }
            at = end;
            if !self.decoder.is_between_events() {
                continue;
            }
            if !keep {
                if complete > start {
                    before.extend_from_slice(&self.release(&chunk.slice(start..complete)));
                }
                self.held.clear();
                start = end;
            }
            complete = end;
        }
        let mut out = Bytes::new();
        if complete > start {
            out = self.release(&chunk.slice(start..complete));
        }
        self.held.extend_from_slice(chunk.get(complete..).unwrap_or_default());
        if self.held.len() > self.bytes_max {
            self.blind = true;
            out = join(out.into(), self.held.split().freeze());
        }
        join(before, out)
    }

    /// Returns what is held, when the stream passes unread; the rest of a broken-off event is dropped.
    pub(super) fn finish(&mut self) -> Bytes {
        if self.blind { self.held.split().freeze() } else { Bytes::new() }
    }

    /// Says whether the stream passes unread.
    pub(super) fn is_blind(&self) -> bool {
        self.blind
    }

    /// Returns what is held, and `more` behind it.
    fn release(&mut self, more: &Bytes) -> Bytes {
        if self.held.is_empty() {
            return more.clone();
        }
        self.held.extend_from_slice(more);
        self.held.split().freeze()
    }
}

fn join(mut first: BytesMut, second: Bytes) -> Bytes {
    if first.is_empty() {
        return second;
    }
    first.extend_from_slice(&second);
    first.freeze()
}
