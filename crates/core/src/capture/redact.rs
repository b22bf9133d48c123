//! Blacks out parts of a JSON text: what stands at certain places, and what looks like a secret.
//!
//! The text is written anew without white space, member by member in its order. Strings are decoded before they are looked
//! at, so that an escape hides nothing, and numbers keep their digits. In the end the patterns are tried on the whole text
//! once more, for those that reach over several values.

use serde::de::IgnoredAny;

use crate::config::{JsonPath, JsonPathStep, Pattern};
use crate::jsonrpc::{DEPTH_MAX, quote};

/// What stands in the place of what is blacked out.
pub const REDACTED: &str = "[redacted]";

/// Why a text cannot be blacked out, and so must not be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedactError {
    /// It is no JSON.
    #[error("the text is not JSON")]
    NotJson,
    /// It is nested deeper than a message may be.
    #[error("the text is nested more than {DEPTH_MAX} deep")]
    TooDeep,
}

/// Writes a JSON text without what `paths` and `patterns` name.
pub(super) fn redact(
    json: &[u8],
    paths: &[JsonPath],
    patterns: &[Pattern],
) -> Result<String, RedactError> {
    let text = std::str::from_utf8(json).map_err(|_| RedactError::NotJson)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| RedactError::NotJson)?;
    let mut walk = Walk { rest: text, out: String::with_capacity(text.len()), patterns };
    let all: Vec<&[JsonPathStep]> = paths.iter().map(JsonPath::steps).collect();
    walk.value(&all, 0)?;
    Ok(masked(&walk.out, patterns))
}

/// Where a text is read and written, value by value.
struct Walk<'t> {
    /// What is still to be read.
    rest: &'t str,
    out: String,
    patterns: &'t [Pattern],
}

impl Walk<'_> {
    /// Reads one value. `open` are the steps that are left of each path that may lead into it; none are left of one that leads to it.
    fn value(&mut self, open: &[&[JsonPathStep]], depth: usize) -> Result<(), RedactError> {
        if depth > DEPTH_MAX {
            return Err(RedactError::TooDeep);
        }
        if open.iter().any(|steps| steps.is_empty()) {
            let kept = self.out.len();
            self.value(&[], depth)?;
            self.out.truncate(kept);
            self.string(REDACTED);
            return Ok(());
        }
        match self.peek() {
            Some('{') => self.object(open, depth),
            Some('[') => self.array(open, depth),
            Some('"') => {
                let text = self.read_string()?;
                self.string(&masked(&text, self.patterns));
                Ok(())
            }
            Some(_) => self.literal(),
            None => Err(RedactError::NotJson),
        }
    }

    fn object(&mut self, open: &[&[JsonPathStep]], depth: usize) -> Result<(), RedactError> {
        self.take('{')?;
        let mut is_first = true;
        while self.peek() != Some('}') {
            if !is_first {
                self.take(',')?;
            }
            is_first = false;
            let key = self.read_string()?;
            self.string(&masked(&key, self.patterns));
            self.take(':')?;
            let inner = after(open, |step| match step {
                JsonPathStep::Member(name) | JsonPathStep::Descendant(name) => *name == key,
                JsonPathStep::Every => true,
                JsonPathStep::Item(_) => false,
            });
            self.value(&inner, depth + 1)?;
        }
        self.take('}')
    }

    fn array(&mut self, open: &[&[JsonPathStep]], depth: usize) -> Result<(), RedactError> {
        self.take('[')?;
        let mut at = 0;
        while self.peek() != Some(']') {
            if at > 0 {
                self.take(',')?;
            }
            let inner = after(open, |step| match step {
                JsonPathStep::Item(wanted) => *wanted == at,
                JsonPathStep::Every => true,
                JsonPathStep::Member(_) | JsonPathStep::Descendant(_) => false,
            });
            self.value(&inner, depth + 1)?;
            at += 1;
        }
        self.take(']')
    }

    /// A number, `true`, `false` or `null`.
    fn literal(&mut self) -> Result<(), RedactError> {
        let is_end = |c: char| c.is_ascii_whitespace() || ",]}".contains(c);
        let end = self.rest.find(is_end).unwrap_or(self.rest.len());
        let (literal, rest) = self.rest.split_at_checked(end).ok_or(RedactError::NotJson)?;
        self.rest = rest;
        let shown = masked(literal, self.patterns);
        if shown == literal {
            self.out.push_str(literal);
        } else {
            self.string(&shown);
        }
        Ok(())
    }

    /// Reads a string and decodes it.
    fn read_string(&mut self) -> Result<String, RedactError> {
        self.peek();
        let mut is_escaped = false;
        let ends = |c: char| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        };
        let inside = self.rest.get(1..).unwrap_or_default();
        let end = inside.find(ends).ok_or(RedactError::NotJson)? + 2;
        let (string, rest) = self.rest.split_at_checked(end).ok_or(RedactError::NotJson)?;
        self.rest = rest;
        // Half a surrogate pair is valid JSON but no text; what cannot be read is not shown.
        Ok(serde_json::from_str(string).unwrap_or_else(|_| REDACTED.to_owned()))
    }

    fn string(&mut self, text: &str) {
        self.out.push_str(&String::from_utf8_lossy(&quote(text)));
    }

    /// The next character that is not white space.
    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.chars().next()
    }

    /// Passes one character on.
    fn take(&mut self, wanted: char) -> Result<(), RedactError> {
        self.peek();
        self.rest = self.rest.strip_prefix(wanted).ok_or(RedactError::NotJson)?;
        self.out.push(wanted);
        Ok(())
    }
}

/// What is left of each path inside a member or an item that the next step may fit.
fn after<'p>(
    open: &[&'p [JsonPathStep]],
    fits: impl Fn(&JsonPathStep) -> bool,
) -> Vec<&'p [JsonPathStep]> {
    let mut inner = Vec::new();
    for steps in open {
        let Some((step, rest)) = steps.split_first() else { continue };
        if matches!(step, JsonPathStep::Descendant(_)) {
            inner.push(*steps);
        }
        if fits(step) {
            inner.push(rest);
        }
    }
    inner.dedup();
    inner
}

/// The text without what any pattern fits.
fn masked(text: &str, patterns: &[Pattern]) -> String {
    patterns.iter().fold(text.to_owned(), |text, pattern| {
        pattern.expression().replace_all(&text, regex::NoExpand(REDACTED)).into_owned()
    })
}
