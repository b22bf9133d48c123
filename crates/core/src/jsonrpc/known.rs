//! The members that the gateway reads, and other spellings of them that some readers take for the same.
//!
//! Go's `encoding/json` finds members without regard to case, by Unicode simple folding. A message in which two
//! readers see different members could pass one check and mean another thing behind it, so such spellings are
//! refused.

use super::error::{ParseErrorKind, shown};
use super::object::Object;

/// Members of the message itself.
pub(super) const ENVELOPE: &[&str] = &["jsonrpc", "id", "method", "params", "result", "error"];
/// Members of `params`.
pub(super) const PARAMS: &[&str] = &[
    "name",
    "uri",
    "arguments",
    "cursor",
    "_meta",
    "protocolVersion",
    "capabilities",
    "clientInfo",
    "requestId",
    "progressToken",
];
/// Members of `params._meta`.
pub(super) const META: &[&str] = &["traceparent", "tracestate", "baggage", "progressToken"];

/// Refuses a member that differs from a known one only by case.
pub(super) fn check(object: &Object<'_>, known: &[&'static str]) -> Result<(), ParseErrorKind> {
    for member in object.members() {
        if let Some(known) = meant(&member.key, known) {
            let key = shown(&member.key);
            return Err(ParseErrorKind::MisspelledMember { key, at: member.key_start, known });
        }
    }
    Ok(())
}

/// The known name that `key` is another spelling of.
fn meant(key: &str, known: &[&'static str]) -> Option<&'static str> {
    if known.contains(&key) {
        return None;
    }
    let alike = if key.is_ascii() { str::eq_ignore_ascii_case } else { folds_alike };
    known.iter().copied().find(|known| alike(key, known))
}

fn folds_alike(key: &str, known: &str) -> bool {
    key.chars().map(fold).eq(known.chars().map(fold))
}

/// Simple case folding, as far as it leads to ASCII: known names are ASCII.
fn fold(character: char) -> char {
    match character {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}
