//! The one pass over a text that notes where members stand: of one object, or of a message's three levels.
//!
//! Syntax errors stop it. What else is wrong (duplicates, depth, count) is only noted, so that the rest of the text, and with
//! it the caller's id, is still read.

use super::error::ParseErrorKind;
use super::object::{Member, Object};
use super::raw::Raw;
use super::scan::Scanner;

/// What a message's text holds, before anything is asked of it.
pub(super) struct Index<'a> {
    pub(super) envelope: Object<'a>,
    pub(super) params: Option<Object<'a>>,
    pub(super) meta: Option<Object<'a>>,
    /// The first `id`, wherever it stands.
    pub(super) id: Option<Raw<'a>>,
    /// There was more than one `id`.
    pub(super) id_repeated: bool,
}

/// Reads a message, at whose opening bracket the scanner stands.
pub(super) fn message<'a>(scanner: &mut Scanner<'a>) -> Result<Index<'a>, ParseErrorKind> {
    let (mut params, mut meta, mut id, mut id_repeated) = (None, None, None, false);
    let envelope = members(scanner, 1, |scanner, key| {
        if key == "params" && params.is_none() && scanner.peek() == Some(b'{') {
            params = Some(members(scanner, 2, |scanner, key| {
                if key == "_meta" && meta.is_none() && scanner.peek() == Some(b'{') {
                    meta = Some(object(scanner, 3)?);
                    return Ok(());
                }
                scanner.value(2)
            })?);
            return Ok(());
        }
        let start = scanner.at();
        scanner.value(1)?;
        if key == "id" {
            id_repeated = id.is_some();
            id.get_or_insert(Raw::new(scanner.text(), start, scanner.at()));
        }
        Ok(())
    })?;
    Ok(Index { envelope, params, meta, id, id_repeated })
}

/// Reads an object that opens level `depth`, skipping its values.
pub(super) fn object<'a>(
    scanner: &mut Scanner<'a>,
    depth: usize,
) -> Result<Object<'a>, ParseErrorKind> {
    members(scanner, depth, |scanner, _| scanner.value(depth))
}

/// Reads an object, leaving each value to `value`, which is told the member's name.
fn members<'a>(
    scanner: &mut Scanner<'a>,
    depth: usize,
    mut value: impl FnMut(&mut Scanner<'a>, &str) -> Result<(), ParseErrorKind>,
) -> Result<Object<'a>, ParseErrorKind> {
    let mut object = Object::new(scanner.text(), scanner.at());
    if scanner.peek() != Some(b'{') {
        return Err(ParseErrorKind::NotAnObject { at: scanner.at() });
    }
    scanner.enter(depth);
    scanner.step();
    scanner.space();
    if scanner.peek() != Some(b'}') {
        loop {
            let key_start = scanner.at();
            let span = scanner.key()?;
            let key = span.decode(scanner.text());
            let start = scanner.at();
            value(scanner, &key)?;
            object.push(Member { key, key_start, start, end: scanner.at() });
            scanner.space();
            match scanner.peek() {
                Some(b',') => scanner.step(),
                Some(b'}') => break,
                _ => return Err(scanner.expected("a comma or } is missing")),
            }
            scanner.space();
        }
    }
    scanner.step();
    object.close(scanner.at());
    Ok(object)
}
