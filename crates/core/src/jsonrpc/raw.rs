//! One JSON value as it stands in its text.
//!
//! A [`Raw`] is only made from text that was checked, so its accessors need not say that the text could be broken.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::error::ParseErrorKind;
use super::index;
use super::object::Object;
use super::scan::Scanner;
use super::{ARRAY_ITEMS_MAX, string};

/// The six kinds of JSON values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, of any size and precision.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// A JSON value as it stands in a message, with its place there.
#[derive(Clone, Copy)]
pub struct Raw<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Raw<'a> {
    /// `text` from `start` to `end` must be one value that was checked.
    pub(super) fn new(text: &'a [u8], start: usize, end: usize) -> Self {
        Self { text, start, end }
    }

    /// The value as written, without white space around it.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text.get(self.start..self.end).unwrap_or_default()
    }

    /// Where the value stands in the text that was parsed.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Which kind of value it is; its first byte tells.
    pub fn kind(&self) -> RawKind {
        match self.text.get(self.start) {
            Some(b'{') => RawKind::Object,
            Some(b'[') => RawKind::Array,
            Some(b'"') => RawKind::String,
            Some(b't' | b'f') => RawKind::Bool,
            Some(b'n') | None => RawKind::Null,
            Some(_) => RawKind::Number,
        }
    }

    /// True for `null`.
    pub fn is_null(&self) -> bool {
        self.kind() == RawKind::Null
    }

    /// True for an object.
    pub fn is_object(&self) -> bool {
        self.kind() == RawKind::Object
    }

    /// True for an array.
    pub fn is_array(&self) -> bool {
        self.kind() == RawKind::Array
    }

    /// The string, decoded; borrowed when it holds no escape.
    ///
    /// `None` when the value is no string, or one with half a surrogate pair, which no Rust string can hold.
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        string::decode(self.as_bytes())
    }

    /// The number, when it is written as an integer (no fraction, no exponent) that fits.
    pub fn as_i64(&self) -> Option<i64> {
        if self.kind() != RawKind::Number {
            return None;
        }
        std::str::from_utf8(self.as_bytes()).ok()?.parse().ok()
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_bytes() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The members of an object. Ranges stay those of the text that was parsed.
    ///
    /// Errors: not an object, duplicate members, more than [`MEMBERS_MAX`](super::MEMBERS_MAX) of them.
    pub fn object(&self) -> Result<Object<'a>, ParseErrorKind> {
        if !self.is_object() {
            return Err(ParseErrorKind::NotAnObject { at: self.start });
        }
        let mut scanner = self.scanner();
        let object = index::object(&mut scanner, 1)?;
        object.check()?;
        Ok(object)
    }

    /// The items of an array. Ranges stay those of the text that was parsed.
    ///
    /// Errors: not an array, more than [`ARRAY_ITEMS_MAX`] items.
    pub fn array(&self) -> Result<Vec<Raw<'a>>, ParseErrorKind> {
        if !self.is_array() {
            return Err(ParseErrorKind::NotAnArray { at: self.start });
        }
        let mut scanner = self.scanner();
        let mut items = Vec::new();
        scanner.step();
        scanner.space();
        while scanner.peek() != Some(b']') {
            if items.len() == ARRAY_ITEMS_MAX {
                return Err(ParseErrorKind::TooManyItems { at: self.start });
            }
            let start = scanner.at();
            scanner.value(1)?;
            items.push(Raw::new(self.text, start, scanner.at()));
            scanner.space();
            if scanner.peek() == Some(b',') {
                scanner.step();
                scanner.space();
            }
        }
        Ok(items)
    }

    fn scanner(&self) -> Scanner<'a> {
        Scanner::new(self.text.get(..self.end).unwrap_or_default(), self.start)
    }
}

/// Says where the value stands. What it says may be a secret.
impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}..{}", self.kind(), self.start, self.end)
    }
}
