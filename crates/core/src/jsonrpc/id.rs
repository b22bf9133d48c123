//! Ids of requests, kept as their sender wrote them.
//!
//! An answer must carry the id of its request unchanged, and numbers do not survive being read: `1e3`, `-0`, 2^80.

use std::borrow::Cow;
use std::fmt;

use super::raw::{Raw, RawKind};
use super::write;

/// An id as written, owned: `7`, `"a"`, `1e3`, `{"x":1}`.
///
/// Two ids are equal when they are written alike.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Id(Box<[u8]>);

impl Id {
    /// Copies the value of an `id` member.
    pub fn from_raw(raw: Raw<'_>) -> Id {
        Id(raw.as_bytes().into())
    }

    /// The id as JSON text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The id for spans and logs: a string without its quotes and escapes, anything else as written.
    pub fn text(&self) -> Cow<'_, str> {
        let raw = Raw::new(&self.0, 0, self.0.len());
        raw.as_str().unwrap_or_else(|| String::from_utf8_lossy(&self.0))
    }

    /// True when `other` is this id, perhaps written another way: a peer that reads `1e3` or `"a\/b"` may well
    /// answer with `1000` or `"a/b"`.
    ///
    /// Strings are compared decoded, numbers by value (in double precision unless both are integers of 64 bits),
    /// anything else as written.
    pub fn matches(&self, other: Raw<'_>) -> bool {
        let own = Raw::new(&self.0, 0, self.0.len());
        if own.as_bytes() == other.as_bytes() {
            return true;
        }
        match (own.kind(), other.kind()) {
            (RawKind::String, RawKind::String) => {
                own.as_str().is_some_and(|own| Some(own) == other.as_str())
            }
            (RawKind::Number, RawKind::Number) => same_number(own, other),
            _ => false,
        }
    }
}

impl From<u64> for Id {
    fn from(number: u64) -> Id {
        Id(number.to_string().into_bytes().into())
    }
}

/// The id that is the given string.
impl From<&str> for Id {
    fn from(text: &str) -> Id {
        Id(write::quote(text).into())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

fn same_number(a: Raw<'_>, b: Raw<'_>) -> bool {
    if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
        return a == b;
    }
    let double = |raw: Raw<'_>| std::str::from_utf8(raw.as_bytes()).ok()?.parse::<f64>().ok();
    match (double(a), double(b)) {
        // `partial_cmp` says the same as `==`, and that the comparison of doubles is meant.
        (Some(a), Some(b)) => {
            a.is_finite() && a.partial_cmp(&b).is_some_and(std::cmp::Ordering::is_eq)
        }
        _ => false,
    }
}
