//! A JSON answer: held whole up to a bound, passed on unread beyond it.

use bytes::Bytes;

#[derive(Debug)]
pub(super) struct JsonAnswer {
    held: Option<Vec<u8>>,
    bytes_max: usize,
}

impl JsonAnswer {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { held: Some(Vec::new()), bytes_max }
    }

    /// An answer that passes unread from its first byte.
    pub(super) fn unread() -> Self {
        Self { held: None, bytes_max: 0 }
    }

    /// Returns the bytes to send on now: none while holding, everything once the bound was passed.
    pub(super) fn push(&mut self, chunk: Bytes) -> Bytes {
        let Some(held) = &mut self.held else { return chunk };
        held.extend_from_slice(&chunk);
        if held.len() <= self.bytes_max {
            return Bytes::new();
        }
        self.held.take().unwrap_or_default().into()
    }

    /// The whole answer, or `None` when it was too long to hold.
    pub(super) fn take_held(&mut self) -> Option<Vec<u8>> {
        self.held.take()
    }
}
