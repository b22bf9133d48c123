//! One event of a stream.

use std::borrow::Cow;
use std::fmt;

/// An event as it was read, or as it is to be written.
#[derive(Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// The event's name, `message` by default.
    pub name: Cow<'a, str>,
    /// The content: the `data` lines joined by line feeds. Usually JSON, which has a reader of its own to check
    /// it, so these are bytes that need not be UTF-8.
    pub data: &'a [u8],
    /// The id that this event gives. Empty means that there is no id any more from here on.
    pub id: Option<&'a str>,
    /// How long to wait before connecting again, in milliseconds, when this event says so.
    pub retry_ms: Option<u64>,
}

impl<'a> Event<'a> {
    /// An event of the default name, with no id.
    pub fn message(data: &'a [u8]) -> Event<'a> {
        Event { name: Cow::Borrowed(super::DEFAULT_NAME), data, id: None, retry_ms: None }
    }
}

/// Says how much data there is. What it says may be a secret.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Event");
        text.field("name", &self.name).field("data_bytes", &self.data.len());
        text.field("id", &self.id).field("retry_ms", &self.retry_ms).finish()
    }
}
