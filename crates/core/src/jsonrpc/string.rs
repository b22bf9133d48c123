//! JSON strings: finding their end and checking them on the way, and decoding them.
//!
//! The search looks at eight bytes at a time, since almost all bytes of a message stand in strings that hold nothing special.

use std::borrow::Cow;

use super::error::ParseErrorKind;

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
/// The first character that may stand in a string as it is; those below must be escaped.
const FIRST_PLAIN: u64 = u64::from_ne_bytes([0x20; 8]);

/// A string that was checked, by where its content stands (between the quotes).
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
}

impl Span {
    /// The string, with U+FFFD for each surrogate without partner.
    pub(super) fn decode<'a>(&self, text: &'a [u8]) -> Cow<'a, str> {
        let content = content(text, self.start, self.end);
        if self.escaped {
            return decode_with(content, Some(char::REPLACEMENT_CHARACTER)).unwrap_or_default();
        }
        std::str::from_utf8(content).map(Cow::Borrowed).unwrap_or_default()
    }
}

/// Checks the string whose opening quote stands just before `start`, and finds its end.
///
/// Errors: no closing quote, control characters, escapes that RFC 8259 does not know, bytes that are not UTF-8.
/// Escaped surrogates without partner pass: they are valid JSON text.
pub(super) fn scan(text: &[u8], start: usize) -> Result<Span, ParseErrorKind> {
    let mut at = start;
    let mut escaped = false;
    let mut beyond_ascii = false;
    loop {
        at = plain_end(text, at, &mut beyond_ascii);
        match text.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at = escape_end(text, at)?;
            }
            Some(_) => return Err(invalid(at, "a control character stands in a string")),
            None => return Err(invalid(at, "the text ends inside a string")),
        }
    }
    if beyond_ascii && let Err(error) = std::str::from_utf8(content(text, start, at)) {
        return Err(ParseErrorKind::InvalidUtf8 { at: start + error.valid_up_to() });
    }
    Ok(Span { start, end: at, escaped })
}

/// Decodes what stands between the quotes of a string that was checked.
///
/// `None` when an escaped surrogate has no partner: such a string is no sequence of Unicode characters.
pub(super) fn decode(content: &[u8]) -> Option<Cow<'_, str>> {
    decode_with(content, None)
}

/// Offset of the first byte from `at` on that is a quote, a backslash or a control character, or the end of the text.
fn plain_end(text: &[u8], mut at: usize, beyond_ascii: &mut bool) -> usize {
    let mut seen = 0_u64;
    let mut rest = text.get(at..).unwrap_or_default();
    while let Some((chunk, tail)) = rest.split_first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        let special = special_bytes(word);
        if special != 0 {
            let plain = special.trailing_zeros() / 8;
            // The bytes from the special one on belong to somebody else.
            seen |= word & !(u64::MAX << (plain * 8));
            *beyond_ascii |= seen & HIGHS != 0;
            return at + plain as usize;
        }
        seen |= word;
        at += 8;
        rest = tail;
    }
    for &byte in rest {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        seen |= u64::from(byte);
        at += 1;
    }
    *beyond_ascii |= seen & HIGHS != 0;
    at
}

/// The high bit of each byte that is special. Above the lowest such byte there may be bits too many.
fn special_bytes(word: u64) -> u64 {
    let control = word.wrapping_sub(FIRST_PLAIN) & !word;
    (control | zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES)) & HIGHS
}

/// The high bit of each byte that is zero; above the lowest such byte there may be bits too many.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// Offset behind the escape whose backslash stands at `at`.
fn escape_end(text: &[u8], at: usize) -> Result<usize, ParseErrorKind> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = text.get(at + 2..).unwrap_or_default();
            match digits.iter().take(4).position(|byte| !byte.is_ascii_hexdigit()) {
                Some(wrong) => Err(invalid(at + 2 + wrong, "\\u needs four hexadecimal digits")),
                None if digits.len() < 4 => {
                    Err(invalid(text.len(), "the text ends inside a string"))
                }
                None => Ok(at + 6),
            }
        }
        Some(_) => Err(invalid(at + 1, "unknown escape in a string")),
        None => Err(invalid(at + 1, "the text ends inside a string")),
    }
}

fn decode_with(content: &[u8], replacement: Option<char>) -> Option<Cow<'_, str>> {
    let mut rest = std::str::from_utf8(content).ok()?;
    let Some(first) = memchr::memchr(b'\\', content) else {
        return Some(Cow::Borrowed(rest));
    };
    let mut decoded = String::with_capacity(content.len());
    let mut plain = first;
    loop {
        let (before, escape) = rest.split_at_checked(plain)?;
        decoded.push_str(before);
        let (character, after) = unescape(escape)?;
        decoded.push(character.or(replacement)?);
        rest = after;
        match memchr::memchr(b'\\', rest.as_bytes()) {
            Some(next) => plain = next,
            None => break,
        }
    }
    decoded.push_str(rest);
    Some(Cow::Owned(decoded))
}

/// Reads the escape at the start of `text`: its character, `None` for half a surrogate pair, and what follows it.
fn unescape(text: &str) -> Option<(Option<char>, &str)> {
    let kind = *text.as_bytes().get(1)?;
    let after = text.get(2..)?;
    let character = match kind {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unescape_hex(after),
        plain => char::from(plain),
    };
    Some((Some(character), after))
}

fn unescape_hex(text: &str) -> Option<(Option<char>, &str)> {
    let first = hex(text)?;
    let after = text.get(4..)?;
    if let Some(character) = char::from_u32(first) {
        return Some((Some(character), after));
    }
    let second = after.strip_prefix("\\u").and_then(hex);
    match second {
        Some(second @ 0xDC00..=0xDFFF) if first < 0xDC00 => {
            let joined = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
            Some((char::from_u32(joined), after.get(6..)?))
        }
        _ => Some((None, after)),
    }
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.get(..4)?, 16).ok()
}

fn content(text: &[u8], start: usize, end: usize) -> &[u8] {
    text.get(start..end).unwrap_or_default()
}

fn invalid(at: usize, problem: &'static str) -> ParseErrorKind {
    ParseErrorKind::InvalidJson { at, problem }
}
