//! The one pass over a text that notes where members stand: of one object, or of a message's three levels.
//!
//! Syntax errors stop it. What else is wrong (duplicates, depth, count) is only noted, so that the rest of the
//! text, and with it the caller's id, is still read.

use super::MEMBERS_MAX;
use super::object::{Member, Object};
use super::raw::Raw;
use super::scan::{Fault, Scanner};
use super::string;

/// Room for this many members is made at once: most objects that are read have no more.
const MEMBERS_USUAL: usize = 4;

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
pub(super) fn message<'a>(scanner: &mut Scanner<'a>) -> Result<Index<'a>, Fault> {
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

/// Reads an object, at whose bracket the scanner stands and which opens level `depth`, skipping its values.
pub(super) fn object<'a>(scanner: &mut Scanner<'a>, depth: usize) -> Result<Object<'a>, Fault> {
    members(scanner, depth, |scanner, _| scanner.value(depth))
}

/// Reads an object, leaving each value to `value`, which is told the member's name.
fn members<'a>(
    scanner: &mut Scanner<'a>,
    depth: usize,
    mut value: impl FnMut(&mut Scanner<'a>, &str) -> Result<(), Fault>,
) -> Result<Object<'a>, Fault> {
    let object_start = scanner.at();
    let mut members = Vec::new();
    scanner.enter(depth);
    scanner.step();
    scanner.space();
    if scanner.peek() != Some(b'}') {
        members.reserve(MEMBERS_USUAL);
        loop {
            let key_start = scanner.at();
            let key_end = scanner.key()?;
            let key =
                string::decode_lossy(scanner.text().get(key_start..key_end).unwrap_or_default());
            let start = scanner.at();
            value(scanner, &key)?;
            if members.len() <= MEMBERS_MAX {
                members.push(Member { key, key_start, start, end: scanner.at() });
            }
            scanner.space();
            match scanner.peek() {
                Some(b',') => scanner.step(),
                Some(b'}') => break,
                _ => return Err(scanner.fault("a comma or } is missing")),
            }
            scanner.space();
        }
    }
    scanner.step();
    Ok(Object::new(scanner.text(), object_start..scanner.at(), members))
}
