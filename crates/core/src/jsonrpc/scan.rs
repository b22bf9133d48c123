//! The strict reader of JSON text (RFC 8259) that everything else of this module stands on.
//!
//! It checks and skips; it builds nothing and never recurses. Which members are worth remembering is decided in
//! `index`.

use super::DEPTH_MAX;
use super::error::ParseErrorKind;
use super::string;

/// Where the grammar was broken, and how. Small, because every step of the scan may return it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

/// How the grammar was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// What is said here of the byte at fault.
    Syntax(&'static str),
    /// The byte begins something that is not UTF-8.
    Utf8,
}

impl From<Fault> for ParseErrorKind {
    fn from(fault: Fault) -> Self {
        match fault.problem {
            Problem::Syntax(problem) => Self::InvalidJson { at: fault.at, problem },
            Problem::Utf8 => Self::InvalidUtf8 { at: fault.at },
        }
    }
}

/// A place in a text, with everything before it checked.
#[derive(Clone, Copy)]
pub(super) struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the text first went deeper than [`DEPTH_MAX`]. The scan goes on, because whoever sent this wants to be
    /// told with his own id, which may stand behind.
    too_deep_at: Option<usize>,
}

// What a value is made of is inlined into the loop of `value`, so that its cursor stays in a register.
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

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Steps over the byte that was peeked at.
    #[inline]
    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    /// Skips white space.
    #[inline]
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.step();
        }
    }

    /// Skips white space up to the end of the text.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.space();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.fault("more text follows the message")),
        }
    }

    /// Reads a member's name, the colon, and the white space on both sides of it. Returns where the name ends,
    /// with its quote.
    #[inline]
    pub(super) fn key(&mut self) -> Result<usize, Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("a member's name is missing"));
        }
        self.string()?;
        let end = self.at;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.fault("a colon is missing"));
        }
        self.step();
        self.space();
        Ok(end)
    }

    /// Notes that a bracket at this place opens level `depth`.
    #[inline]
    pub(super) fn enter(&mut self, depth: usize) {
        if depth > DEPTH_MAX && self.too_deep_at.is_none() {
            self.too_deep_at = Some(self.at);
        }
    }

    /// Skips one value, at whose first byte the scanner stands. `depth` is how many brackets are open around it.
    pub(super) fn value(&mut self, depth: usize) -> Result<(), Fault> {
        let mut cursor = *self;
        let mut open = Brackets::default();
        loop {
            let mut whole = true;
            match cursor.peek() {
                Some(b'"') => cursor.string()?,
                Some(b'-' | b'0'..=b'9') => cursor.number()?,
                Some(b't') => cursor.word(b"true")?,
                Some(b'f') => cursor.word(b"false")?,
                Some(b'n') => cursor.word(b"null")?,
                Some(bracket @ (b'{' | b'[')) => {
                    cursor.enter(depth + open.len + 1);
                    cursor.step();
                    open.push(bracket == b'{');
                    whole = false;
                }
                _ => return Err(cursor.fault("a value is missing")),
            }
            if !cursor.next_value(whole, &mut open)? {
                *self = cursor;
                return Ok(());
            }
        }
    }

    /// Moves on to the next value: behind a whole one, or into the bracket that was opened last. Closes
    /// brackets that end here.
    ///
    /// False when no bracket is open any more.
    #[inline]
    fn next_value(&mut self, whole: bool, open: &mut Brackets) -> Result<bool, Fault> {
        let mut whole = whole;
        while let Some(in_object) = open.top_is_object() {
            self.space();
            match self.peek() {
                Some(b'}') if in_object => self.step(),
                Some(b']') if !in_object => self.step(),
                Some(b',') if whole => {
                    self.step();
                    self.space();
                    break;
                }
                _ if !whole => break,
                _ if in_object => return Err(self.fault("a comma or } is missing")),
                _ => return Err(self.fault("a comma or ] is missing")),
            }
            open.pop();
            whole = true;
        }
        match open.top_is_object() {
            Some(true) => self.key().map(|_| true),
            Some(false) => Ok(true),
            None => Ok(false),
        }
    }

    /// Reads the string at whose opening quote the scanner stands.
    #[inline]
    fn string(&mut self) -> Result<(), Fault> {
        self.at = string::end(self.text, self.at + 1)? + 1;
        Ok(())
    }

    #[inline]
    fn number(&mut self) -> Result<(), Fault> {
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

    #[inline]
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.step();
        }
        if self.at == start { Err(self.fault("a digit is missing")) } else { Ok(()) }
    }

    #[inline]
    fn word(&mut self, word: &[u8]) -> Result<(), Fault> {
        for &expected in word {
            if self.peek() != Some(expected) {
                return Err(self.fault("an unknown word stands for a value"));
            }
            self.step();
        }
        Ok(())
    }

    /// The error of this place, which says so when the text ends here.
    #[cold]
    pub(super) fn fault(self, problem: &'static str) -> Fault {
        let problem = if self.at < self.text.len() { problem } else { "the text ends too early" };
        Fault { at: self.at, problem: Problem::Syntax(problem) }
    }
}

/// The brackets that are open, one bit each: 1 for an object, 0 for an array.
///
/// The first 64 cost no memory. A text deeper than [`DEPTH_MAX`] is read to its end too, so the bits go on: at
/// most one for each byte of the text.
#[derive(Default)]
struct Brackets {
    bits: u64,
    len: usize,
    full: Vec<u64>,
}

impl Brackets {
    #[inline]
    fn push(&mut self, object: bool) {
        if self.len > 0 && self.len.is_multiple_of(64) {
            self.full.push(self.bits);
        }
        self.bits = (self.bits << 1) | u64::from(object);
        self.len += 1;
    }

    #[inline]
    fn pop(&mut self) {
        self.bits >>= 1;
        self.len = self.len.saturating_sub(1);
        if self.len > 0 && self.len.is_multiple_of(64) {
            self.bits = self.full.pop().unwrap_or_default();
        }
    }

    #[inline]
    fn top_is_object(&self) -> Option<bool> {
        (self.len > 0).then_some(self.bits & 1 == 1)
    }
}
