//! What of a call's arguments and result may be written down, and in which form.
//!
//! Nothing is, unless a rule of the configuration asks for it by the tool's name. What is blacked out (by its place or by
//! what it looks like) is blacked out first, then the text is cut or hashed; so neither an end cut off nor a digest tells
//! anything about it. Where that cannot be done the text is left out whole, with a mark that says so.

mod redact;

use sha2::{Digest, Sha256};

use crate::config::{Capture, CaptureMode, CaptureRule, name_fits};

pub use redact::{REDACTED, RedactError};

/// What stands in the place of a text that is no JSON.
pub const OMITTED_NOT_JSON: &str = "[omitted: not JSON]";
/// What stands in the place of a result that passed unread: one that is too long for that, or has a content coding.
pub const OMITTED_UNREAD: &str = "[omitted: the answer passed unread]";
/// The mark at the end of a text that was cut.
pub const CUT: &str = "…";

/// What is captured of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureModes {
    /// The arguments.
    pub arguments: CaptureMode,
    /// The result.
    pub result: CaptureMode,
}

impl CaptureModes {
    /// Finds the rule for a tool, by the name that clients see; without one nothing is captured.
    pub fn of(capture: &Capture, tool: &str) -> Self {
        let fits = |rule: &&CaptureRule| name_fits(&rule.name, tool);
        capture.tools.iter().find(fits).map_or_else(Self::default, |rule| Self {
            arguments: rule.arguments,
            result: rule.result,
        })
    }
}

/// Writes one value as it may be seen, at most `capture.bytes_max` bytes; `None` when nothing of it may.
///
/// `json` is the value as it stands in the message. A digest is `sha256:` and 64 hexadecimal digits, of the text without what
/// is blacked out.
pub fn captured(json: &[u8], mode: CaptureMode, capture: &Capture) -> Option<String> {
    if mode == CaptureMode::Off {
        return None;
    }
    let text = match redact::redact(json, &capture.redact_paths, &capture.redact_patterns) {
        Ok(text) => text,
        Err(RedactError::NotJson | RedactError::TooDeep) => return Some(OMITTED_NOT_JSON.into()),
    };
    match mode {
        CaptureMode::Off => None,
        CaptureMode::Hash => Some(digest(&text)),
        CaptureMode::Value => Some(cut(text, capture.bytes_max)),
    }
}

fn digest(text: &str) -> String {
    let mut out = String::from("sha256:");
    for byte in Sha256::digest(text.as_bytes()) {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    out
}

/// Cuts at a character; the mark counts among the bytes.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text;
    }
    text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len())));
    text.push_str(CUT);
    text
}

#[cfg(test)]
mod tests;
