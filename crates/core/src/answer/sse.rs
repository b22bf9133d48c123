//! An event stream on its way to the client: complete events pass at once, only the one under way is held.

use bytes::{Bytes, BytesMut};

use crate::sse::Decoder;

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

    /// Returns the bytes to send on now, and calls `on_data` with the data of each complete `message` event.
    pub(super) fn push(&mut self, chunk: Bytes, on_data: &mut dyn FnMut(&[u8])) -> Bytes {
        if self.blind {
            return chunk;
        }
        let mut safe = 0;
        let mut start = 0;
        // Line by line, so that the last place between two events is known.
        while start < chunk.len() {
            let rest = chunk.get(start..).unwrap_or_default();
            let end = start + rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |at| at + 1);
            let line = chunk.get(start..end).unwrap_or_default();
            let read = self.decoder.push(line, &mut |event| on_data(event.data));
            if read.is_err() {
                self.blind = true;
                return self.release(&chunk, chunk.len());
            }
            if self.decoder.is_between_events() {
                safe = end;
            }
            start = end;
        }
        let out = if safe > 0 { self.release(&chunk, safe) } else { Bytes::new() };
        self.held.extend_from_slice(chunk.get(safe..).unwrap_or_default());
        if self.held.len() > self.bytes_max {
            self.blind = true;
            return [out, self.held.split().freeze()].concat().into();
        }
        out
    }

    /// Returns what is held, when the stream passes unread; the rest of a broken-off event is dropped.
    pub(super) fn finish(&mut self) -> Bytes {
        if self.blind { self.held.split().freeze() } else { Bytes::new() }
    }

    /// Says whether the stream passes unread.
    pub(super) fn is_blind(&self) -> bool {
        self.blind
    }

    fn release(&mut self, chunk: &Bytes, end: usize) -> Bytes {
        if self.held.is_empty() {
            return chunk.slice(..end);
        }
        self.held.extend_from_slice(chunk.get(..end).unwrap_or_default());
        self.held.split().freeze()
    }
}
