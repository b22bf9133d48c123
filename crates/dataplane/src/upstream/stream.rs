//! The messages of one event stream of a server, one after the other.
//!
//! Knows events, not what the messages say. Used for answers that come as a stream and for the stream of changes.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use mcp_gateway_core::sse::{DEFAULT_NAME, Decoder};
use tokio::time::Instant;

use super::error::UpstreamError;
use crate::http::body::next_data;

/// Reads messages from the body of a `text/event-stream` answer.
pub(super) struct MessageStream {
    body: Incoming,
    decoder: Decoder,
    /// Messages of the last chunk that were not taken yet: no more than one chunk can hold.
    inbox: VecDeque<Bytes>,
}

impl MessageStream {
    /// Reads `body`; a single event may have `event_bytes_max` bytes.
    pub(super) fn new(body: Incoming, event_bytes_max: usize) -> Self {
        Self { body, decoder: Decoder::new(event_bytes_max), inbox: VecDeque::new() }
    }

    /// The next message, `None` when the stream has ended. Dropping the future loses nothing.
    ///
    /// Events without data, and those with a name other than `message`, are skipped.
    pub(super) async fn next(&mut self, deadline: Instant) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Ok(Some(message));
            }
            let data = next_data(&mut self.body, deadline).await.map_err(UpstreamError::Body)?;
            let Some(chunk) = data else { return Ok(None) };
            let inbox = &mut self.inbox;
            let pushed = self.decoder.push(&chunk, &mut |event| {
                if event.name == DEFAULT_NAME && !event.data.is_empty() {
                    inbox.push_back(Bytes::copy_from_slice(event.data));
                }
            });
            // What came whole before the fault is still handed out; the fault shows at the next chunk again.
            if let Err(error) = pushed
                && self.inbox.is_empty()
            {
                return Err(UpstreamError::InvalidStream(error));
            }
        }
    }

    /// The id from which the server can resume this stream, when it gave one.
    pub(super) fn last_event_id(&self) -> Option<&str> {
        self.decoder.last_event_id()
    }

    /// How long the server wants a client to wait before it connects again.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.decoder.retry_ms().map(Duration::from_millis)
    }
}
