//! The strict reader of JSON text (RFC 8259) that everything else of this module stands on.
//!
//! It checks and skips; it builds nothing and never recurses. Which members are worth remembering is decided in `index`.

use super::error::ParseErrorKind;
use super::string::{self, Span};
use super::{DEPTH_MAX, RawKind};

/// A place in a text, with everything before it checked.
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the text first went deeper than [`DEPTH_MAX`]. The scan goes on, because whoever sent this wants to be
    /// told with his own id, which may stand behind.
    too_deep_at: Option<usize>,
}

impl<'a> Scanner<'a> {
    /// Starts at the offset `at` of a text.
    pub(super) fn new(text: &'a [u8], at: usize) -> Self {
        Self { text, at, too_deep_at: None }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn too_deep_at(&self) -> Option<usize> {
        self.too_deep_at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over the byte that was peeked at.
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Skips white space.
    #[inline]
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips white space up to the end of the text.
    pub(super) fn end(&mut self) -> Result<(), ParseErrorKind> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.invalid("more text follows the message")),
        }
    }

    /// Reads the string at this place.
    pub(super) fn string(&mut self) -> Result<Span, ParseErrorKind> {
        let span = string::scan(self.text, self.at + 1)?;
        self.at = span.end + 1;
        Ok(span)
    }

    /// Reads a member's name, the colon, and the white space on both sides of it.
    pub(super) fn key(&mut self) -> Result<Span, ParseErrorKind> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a member's name is missing"));
        }
        let span = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.expected("a colon is missing"));
        }
        self.step();
        self.space();
        Ok(span)
    }

    /// Notes that a bracket at this place opens level `depth`.
    pub(super) fn enter(&mut self, depth: usize) {
        if depth > DEPTH_MAX && self.too_deep_at.is_none() {
            self.too_deep_at = Some(self.at);
        }
    }

    /// Skips one value, at whose first byte the scanner stands. `depth` is how many brackets are open around it.
    pub(super) fn value(&mut self, depth: usize) -> Result<(), ParseErrorKind> {
        let mut open = Brackets::default();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                }
                Some(b'{') => {
                    self.enter(depth + open.len() + 1);
                    self.step();
                    self.space();
                    if self.peek() != Some(b'}') {
                        open.push(RawKind::Object);
                        self.key()?;
                        continue;
                    }
                    self.step();
                }
                Some(b'[') => {
                    self.enter(depth + open.len() + 1);
                    self.step();
                    self.space();
                    if self.peek() != Some(b']') {
                        open.push(RawKind::Array);
                        continue;
                    }
                    self.step();
                }
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.word(b"true")?,
                Some(b'f') => self.word(b"false")?,
                Some(b'n') => self.word(b"null")?,
                _ => return Err(self.expected("a value is missing")),
            }
            if !self.value_follows(&mut open)? {
                return Ok(());
            }
        }
    }

    /// Reads on behind a value: closes brackets, steps over a comma. True when it stands at the next value,
    /// false when no bracket is open any more.
    fn value_follows(&mut self, open: &mut Brackets) -> Result<bool, ParseErrorKind> {
        while let Some(in_object) = open.top_is_object() {
            self.space();
            match self.peek() {
                Some(b',') => {
                    self.step();
                    self.space();
                    if in_object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if in_object => self.step(),
                Some(b']') if !in_object => self.step(),
                _ if in_object => return Err(self.expected("a comma or } is missing")),
                _ => return Err(self.expected("a comma or ] is missing")),
            }
            open.pop();
        }
        Ok(false)
    }

    fn number(&mut self) -> Result<(), ParseErrorKind> {
        if self.peek() == Some(b'-') {
            self.step();
        }
        if self.peek() == Some(b'0') {
            self.step();
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.step();
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.step();
            if let Some(b'+' | b'-') = self.peek() {
                self.step();
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), ParseErrorKind> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit is missing")) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8]) -> Result<(), ParseErrorKind> {
        for &expected in word {
            if self.peek() != Some(expected) {
                return Err(self.expected("an unknown word stands for a value"));
            }
            self.step();
        }
        Ok(())
    }

    /// The error of this place, which says so when the text ends here.
    pub(super) fn expected(&self, problem: &'static str) -> ParseErrorKind {
        match self.peek() {
            Some(_) => self.invalid(problem),
            None => self.invalid("the text ends too early"),
        }
    }

    fn invalid(&self, problem: &'static str) -> ParseErrorKind {
        ParseErrorKind::InvalidJson { at: self.at, problem }
    }
}

/// The brackets that are open, one bit each: 1 for an object, 0 for an array.
///
/// The first 128 cost no memory, which is all that a message within [`DEPTH_MAX`] needs. A deeper text is read to its
/// end, so the bits go on: at most one for each byte of the text.
#[derive(Default)]
struct Brackets {
    bits: u128,
    len: usize,
    full: Vec<u128>,
}

impl Brackets {
    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, kind: RawKind) {
        if self.len > 0 && self.len.is_multiple_of(128) {
            self.full.push(self.bits);
        }
        self.bits = (self.bits << 1) | u128::from(kind == RawKind::Object);
        self.len += 1;
    }

    fn pop(&mut self) {
        self.bits >>= 1;
        self.len = self.len.saturating_sub(1);
        if self.len > 0 && self.len.is_multiple_of(128) {
            self.bits = self.full.pop().unwrap_or_default();
        }
    }

    fn top_is_object(&self) -> Option<bool> {
        (self.len > 0).then_some(self.bits & 1 == 1)
    }
}
