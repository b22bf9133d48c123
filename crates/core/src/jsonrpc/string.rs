//! JSON strings: finding their end and checking them on the way, and decoding them.
//!
//! The search looks at eight bytes at a time, since almost all bytes of a message stand in strings that hold
//! nothing special.

use std::borrow::Cow;

use super::scan::{Fault, Problem};

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);
const QUOTES: u64 = u64::from_ne_bytes([b'"'; 8]);
const BACKSLASHES: u64 = u64::from_ne_bytes([b'\\'; 8]);
/// The first character that may stand in a string as it is; those below must be escaped.
const FIRST_PLAIN: u64 = u64::from_ne_bytes([0x20; 8]);

/// After how many plain bytes a string is taken for a long one.
const LONG: usize = 16;

/// Checks the string whose opening quote stands just before `start`, and finds its closing quote.
///
/// Errors: no closing quote, control characters, escapes that RFC 8259 does not know, bytes that are not UTF-8.
/// Escaped surrogates without partner pass: they are valid JSON text.
#[inline]
pub(super) fn end(text: &[u8], start: usize) -> Result<usize, Fault> {
    let (at, seen) = plain_end(text, start, 0);
    if text.get(at) == Some(&b'"') && seen & HIGHS == 0 {
        return Ok(at);
    }
    special_end(text, start, at, seen)
}

/// Goes on with a string at `at`, behind plain characters. `seen` is all of their bytes, one over the other.
#[inline(never)]
fn special_end(text: &[u8], start: usize, at: usize, seen: u64) -> Result<usize, Fault> {
    let (mut at, mut seen) = (at, seen);
    loop {
        match text.get(at) {
            Some(b'"') => break,
            Some(b'\\') => at = escape_end(text, at)?,
            Some(_) => return Err(fault(at, "a control character stands in a string")),
            None => return Err(fault(at, "the text ends inside a string")),
        }
        (at, seen) = plain_end(text, at, seen);
    }
    if seen & HIGHS != 0
        && let Err(error) = std::str::from_utf8(text.get(start..at).unwrap_or_default())
    {
        return Err(Fault { at: start + error.valid_up_to(), problem: Problem::Utf8 });
    }
    Ok(at)
}

/// Decodes a string that was checked, given with its quotes.
///
/// `None` when it is no string, or when an escaped surrogate has no partner: that is no sequence of Unicode
/// characters.
pub(super) fn decode(string: &[u8]) -> Option<Cow<'_, str>> {
    decode_with(string, None)
}

/// As [`decode`], with U+FFFD for each surrogate without partner.
pub(super) fn decode_lossy(string: &[u8]) -> Cow<'_, str> {
    decode_with(string, Some(char::REPLACEMENT_CHARACTER)).unwrap_or_default()
}

/// Offset of the first byte from `at` on that is a quote, a backslash or a control character, or the end of the text.
///
/// Adds the bytes before it to `seen`, one over the other, which tells afterwards whether all of them are ASCII.
#[inline]
fn plain_end(text: &[u8], at: usize, seen: u64) -> (usize, u64) {
    let (start, mut at, mut seen) = (at, at, seen);
    while let Some(chunk) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        let special = special_bytes(word);
        if special != 0 {
            // The bytes from the special one on belong to somebody else.
            let plain = special.trailing_zeros() & !7;
            return (at + plain as usize / 8, seen | (word & !(u64::MAX << plain)));
        }
        seen |= word;
        at += 8;
        if at - start == LONG {
            (at, seen) = plain_blocks(text, at, seen);
        }
    }
    while let Some(&byte) = text.get(at) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        seen |= u64::from(byte);
        at += 1;
    }
    (at, seen)
}

/// Skips 32 bytes at a time as long as none of them is special. The loop over them is one that compilers turn into
/// vector instructions.
fn plain_blocks(text: &[u8], at: usize, seen: u64) -> (usize, u64) {
    let (mut at, mut seen) = (at, seen);
    while let Some(block) = text.get(at..).and_then(<[u8]>::first_chunk::<32>) {
        let special = block.iter().fold(0, |special, &byte| {
            special | u8::from(byte == b'"') | u8::from(byte == b'\\') | u8::from(byte < 0x20)
        });
        let bytes = block.iter().fold(0, |bytes, byte| bytes | byte);
        if special != 0 {
            break;
        }
        seen |= u64::from(bytes);
        at += 32;
    }
    (at, seen)
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
fn escape_end(text: &[u8], at: usize) -> Result<usize, Fault> {
    match text.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') => {
            let digits = text.get(at + 2..).unwrap_or_default();
            match digits.iter().take(4).position(|byte| !byte.is_ascii_hexdigit()) {
                Some(wrong) => Err(fault(at + 2 + wrong, "\\u needs four hexadecimal digits")),
                None if digits.len() < 4 => Err(fault(text.len(), "the text ends inside a string")),
                None => Ok(at + 6),
            }
        }
        Some(_) => Err(fault(at + 1, "unknown escape in a string")),
        None => Err(fault(at + 1, "the text ends inside a string")),
    }
}

fn decode_with(string: &[u8], replacement: Option<char>) -> Option<Cow<'_, str>> {
    let content = string.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut rest = std::str::from_utf8(content).ok()?;
    let Some(first) = next_escape(content) else {
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
        match next_escape(rest.as_bytes()) {
            Some(next) => plain = next,
            None => break,
        }
    }
    decoded.push_str(rest);
    Some(Cow::Owned(decoded))
}

/// Offset of the next escape. Most strings that are decoded are names of members, for which a call is too much.
fn next_escape(text: &[u8]) -> Option<usize> {
    if text.len() <= LONG {
        return text.iter().position(|byte| *byte == b'\\');
    }
    memchr::memchr(b'\\', text)
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

#[cold]
fn fault(at: usize, problem: &'static str) -> Fault {
    Fault { at, problem: Problem::Syntax(problem) }
}
