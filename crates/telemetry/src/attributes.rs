//! The attributes of one span while they are collected.
//!
//! A caller fills [`Attributes`] in a closure that runs only when the span is recorded. Values that several spans share
//! are made once per request as `Arc<str>` and counted, not copied.

use std::sync::Arc;

use opentelemetry::{Key, KeyValue, StringValue, Value};

/// Longest string value of an attribute, in bytes; the rest is cut off at a character.
///
/// Much of what spans say comes from clients (paths, tool names), and the SDK has no limit of its own.
pub const VALUE_BYTES_MAX: usize = 4096;

/// Room for the attributes of a usual router span, so that collecting them allocates once.
const CAPACITY: usize = 20;

/// Collects the attributes of one span.
#[derive(Debug, Default)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// Makes an empty collection with room for a usual span.
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(CAPACITY))
    }

    /// Adds one attribute. Strings longer than [`VALUE_BYTES_MAX`] are cut.
    pub fn put(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push(KeyValue::new(Key::from_static_str(name), bounded(value.into())));
    }

    /// Adds one attribute whose text is shared with others; nothing is copied unless it is longer than [`VALUE_BYTES_MAX`].
    pub fn put_shared(&mut self, name: &'static str, value: &Arc<str>) {
        self.put(name, StringValue::from(Arc::clone(value)));
    }

    /// Adds one attribute whose name is not known when the gateway is built: that of a baggage entry.
    pub fn put_named(&mut self, name: &Arc<str>, value: impl Into<Value>) {
        self.0.push(KeyValue::new(Key::from(Arc::clone(name)), bounded(value.into())));
    }

    /// Adds one attribute when there is a value.
    pub fn put_some(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Hands the attributes over.
    pub(crate) fn into_vec(self) -> Vec<KeyValue> {
        self.0
    }
}

/// Cuts a string value to its bound.
fn bounded(value: Value) -> Value {
    let Value::String(text) = &value else {
        return value;
    };
    if text.as_str().len() <= VALUE_BYTES_MAX {
        return value;
    }
    Value::from(truncate(text.as_str(), VALUE_BYTES_MAX).to_owned())
}

/// The longest beginning of `text` that has at most `bytes_max` bytes and ends at a character.
pub(crate) fn truncate(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use opentelemetry::Value;

    use super::{Attributes, VALUE_BYTES_MAX, truncate};

    #[test]
    fn shared_text_is_not_copied() {
        let shared: Arc<str> = Arc::from("tools/call");
        let mut attributes = Attributes::new();
        attributes.put_shared("a", &shared);
        attributes.put_shared("b", &shared);
        assert_eq!(Arc::strong_count(&shared), 3);
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let mut attributes = Attributes::new();
        attributes.put("a", "é".repeat(VALUE_BYTES_MAX));
        attributes.put_shared("b", &Arc::from("x".repeat(VALUE_BYTES_MAX + 1)));
        for attribute in attributes.into_vec() {
            let Value::String(text) = attribute.value else { panic!("{attribute:?}") };
            assert_eq!(text.as_str().len(), VALUE_BYTES_MAX);
        }
        assert_eq!(truncate("aé", 2), "a");
        assert_eq!(truncate("aé", 3), "aé");
    }
}
