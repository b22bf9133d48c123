//! The `tracestate` list: validated whole, kept as it is, dropped when any member is malformed.

/// Longest `tracestate` that is kept, in bytes. The specification asks for at least 512; every span of a request holds a copy.
const BYTES_MAX: usize = 2048;
/// Most members of a list, from the specification.
const MEMBERS_MAX: usize = 32;
/// Longest key and longest value of a member, from the specification.
const PART_BYTES_MAX: usize = 256;

/// Reads a list and writes it without empty members and blanks around members; an empty or malformed one is no list.
pub(super) fn parse(list: &str) -> Option<String> {
    if list.len() > BYTES_MAX {
        return None;
    }
    let mut kept = String::with_capacity(list.len());
    let mut members: Vec<(&str, &str)> = Vec::new();
    for member in list.split(',').map(|member| member.trim_matches([' ', '\t'])) {
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        let repeated = members.iter().any(|(seen, _)| *seen == key);
        if repeated || !is_key(key) || !is_value(value) || members.len() == MEMBERS_MAX {
            return None;
        }
        members.push((key, value));
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(member);
    }
    Some(kept).filter(|list| !list.is_empty())
}

/// A key: lower-case letters, digits and `_-*/@`, beginning with a letter or a digit.
fn is_key(key: &str) -> bool {
    let mut bytes = key.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    first
        && key.len() <= PART_BYTES_MAX
        && bytes.all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte)
        })
}

/// A value: printable ASCII without `,` and `=`, not empty and not ending with a space (which was trimmed before).
fn is_value(value: &str) -> bool {
    !value.is_empty()
        && value.len() <= PART_BYTES_MAX
        && value.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b',' && byte != b'=')
}
