//! The attributes of one span while they are collected.
//!
//! A caller fills [`Attributes`] in a closure that runs only when the span is recorded. Values that several spans share
//! are made once per request as `Arc<str>` and counted, not copied.

use std::sync::Arc;

use opentelemetry::{Array, Key, KeyValue, StringValue, Value};

/// Longest string value of an attribute when the environment says nothing, in bytes; the rest is cut off at a character.
///
/// Much of what spans say comes from clients (paths, tool names).
pub const VALUE_BYTES_MAX: usize = 4096;

/// Room for the attributes of a usual router span, so that collecting them allocates once.
const CAPACITY: usize = 20;

/// How many attributes a span may have, and how long their values may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) count_max: usize,
    /// Longest text in characters, within [`VALUE_BYTES_MAX`]; absent when that bound alone counts.
    pub(crate) value_chars_max: Option<usize>,
}

impl Default for Bounds {
    /// The values of the specification.
    fn default() -> Self {
        Self { count_max: 128, value_chars_max: None }
    }
}

/// Collects the attributes of one span. A name that is set again gets the new value.
#[derive(Clone, Debug, Default)]
pub struct Attributes {
    list: Vec<KeyValue>,
    /// Attributes that were left out because there were too many.
    dropped: u32,
    bounds: Bounds,
}

impl Attributes {
    /// Makes an empty collection without room.
    pub(crate) const fn new(bounds: Bounds) -> Self {
        Self { list: Vec::new(), dropped: 0, bounds }
    }

    /// Makes an empty collection with room for a usual span.
    pub(crate) fn with_room(bounds: Bounds) -> Self {
        Self { list: Vec::with_capacity(CAPACITY), dropped: 0, bounds }
    }

    /// Sets one attribute. Strings that are too long are cut; an attribute too many is left out and counted.
    pub fn put(&mut self, name: impl Into<Key>, value: impl Into<Value>) {
        self.set(KeyValue::new(name, bounded(value.into(), self.bounds.value_chars_max)));
    }

    /// Sets one attribute whose text is shared with others; nothing is copied unless it is too long.
    pub fn put_shared(&mut self, name: &'static str, value: &Arc<str>) {
        self.put(name, StringValue::from(Arc::clone(value)));
    }

    /// Sets one attribute whose name is not known when the gateway is built: that of a baggage entry.
    pub fn put_named(&mut self, name: &Arc<str>, value: impl Into<Value>) {
        self.put(Key::from(Arc::clone(name)), value);
    }

    /// Sets one attribute to a text that has a bound of its own; only what the environment says of lengths counts besides.
    pub fn put_long(&mut self, name: &'static str, text: String) {
        let text = match self.bounds.value_chars_max {
            Some(chars_max) => text.chars().take(chars_max).collect(),
            None => text,
        };
        self.set(KeyValue::new(name, text));
    }

    /// Sets one attribute when there is a value.
    pub fn put_some(&mut self, name: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// Sets everything that `later` has.
    pub(crate) fn merge(&mut self, later: Self) {
        self.dropped += later.dropped;
        for attribute in later.list {
            self.set(attribute);
        }
    }

    /// The attributes, and how many were left out.
    pub(crate) fn as_list(&self) -> (&[KeyValue], u32) {
        (&self.list, self.dropped)
    }

    /// Hands over the attributes, and how many were left out.
    pub(crate) fn into_list(self) -> (Vec<KeyValue>, u32) {
        (self.list, self.dropped)
    }

    fn set(&mut self, attribute: KeyValue) {
        let name = attribute.key.as_str();
        if let Some(known) = self.list.iter_mut().find(|known| known.key.as_str() == name) {
            known.value = attribute.value;
        } else if self.list.len() < self.bounds.count_max {
            self.list.push(attribute);
        } else {
            self.dropped += 1;
        }
    }
}

/// Cuts string values to their bound.
fn bounded(value: Value, chars_max: Option<usize>) -> Value {
    match value {
        Value::String(text) => Value::String(cut(text, chars_max)),
        Value::Array(Array::String(texts)) => {
            let texts = texts.into_iter().map(|text| cut(text, chars_max)).collect();
            Value::Array(Array::String(texts))
        }
        Value::Bool(_) | Value::I64(_) | Value::F64(_) | Value::Array(_) | _ => value,
    }
}

fn cut(text: StringValue, chars_max: Option<usize>) -> StringValue {
    let whole = text.as_str();
    let mut kept = truncate(whole, VALUE_BYTES_MAX);
    if let Some(chars_max) = chars_max.filter(|chars_max| kept.len() > *chars_max) {
        let end = kept.char_indices().nth(chars_max).map_or(kept.len(), |(at, _)| at);
        kept = kept.get(..end).unwrap_or_default();
    }
    if kept.len() == whole.len() { text } else { StringValue::from(kept.to_owned()) }
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

    use opentelemetry::{Array, KeyValue, Value};

    use super::{Attributes, Bounds, VALUE_BYTES_MAX, truncate};

    #[test]
    fn shared_text_is_not_copied() {
        let shared: Arc<str> = Arc::from("tools/call");
        let mut attributes = Attributes::default();
        attributes.put_shared("a", &shared);
        attributes.put_shared("b", &shared);
        assert_eq!(Arc::strong_count(&shared), 3);
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let mut attributes = Attributes::default();
        attributes.put("a", "é".repeat(VALUE_BYTES_MAX));
        attributes.put_shared("b", &Arc::from("x".repeat(VALUE_BYTES_MAX + 1)));
        for attribute in attributes.as_list().0 {
            let Value::String(text) = &attribute.value else { panic!("{attribute:?}") };
            assert_eq!(text.as_str().len(), VALUE_BYTES_MAX);
        }
        assert_eq!(truncate("aé", 2), "a");
        assert_eq!(truncate("aé", 3), "aé");
    }

    #[test]
    fn text_in_lists_is_cut_too() {
        let mut attributes = Attributes::new(Bounds { count_max: 9, value_chars_max: Some(2) });
        attributes.put("a", Value::Array(Array::String(vec!["löng".into(), "b".into()])));
        attributes.put("b", "öö");
        attributes.put("c", "ööö");
        let expect = Value::Array(Array::String(vec!["lö".into(), "b".into()]));
        let expect =
            [KeyValue::new("a", expect), KeyValue::new("b", "öö"), KeyValue::new("c", "öö")];
        assert_eq!(attributes.as_list().0, expect);
    }

    #[test]
    fn a_name_that_is_set_again_gets_the_new_value() {
        let mut attributes = Attributes::default();
        attributes.put("a", 1);
        attributes.put("b", 2);
        let mut later = Attributes::default();
        later.put("a".to_owned(), 3);
        later.put("c", 4);
        attributes.merge(later);
        let expect = [KeyValue::new("a", 3), KeyValue::new("b", 2), KeyValue::new("c", 4)];
        assert_eq!(attributes.as_list(), (&expect[..], 0));
    }

    #[test]
    fn attributes_over_the_bound_are_counted() {
        let mut attributes = Attributes::new(Bounds { count_max: 2, value_chars_max: None });
        for (name, value) in [("a", 1), ("b", 2), ("c", 3), ("a", 4), ("d", 5)] {
            attributes.put(name, value);
        }
        let expect = [KeyValue::new("a", 4), KeyValue::new("b", 2)];
        assert_eq!(attributes.as_list(), (&expect[..], 2));
    }
}
