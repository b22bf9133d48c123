//! Random JSON text, for the property tests: valid in every way that RFC 8259 allows, and almost valid.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::sample::Index;
use serde_json::value::RawValue;

/// White space of any kind.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \t\r\n]{1,3}"]
}

/// A string with its quotes: plain, escaped, beyond ASCII, with half surrogate pairs.
pub(crate) fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-zA-Z0-9 _/<>&]{0,12}",
        1 => "[^\"\\\\\\x00-\\x1f]{0,20}",
        1 => r#"\\["\\/bfnrt]"#,
        1 => r"\\u[0-9a-fA-F]{4}",
        1 => r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}",
        1 => r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

/// A number, most of them beyond what a double holds.
fn number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?"
}

/// Any value.
pub(crate) fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        1 => Just("null".to_owned()),
        1 => Just("true".to_owned()),
        1 => Just("false".to_owned()),
        3 => number(),
        3 => string(),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        prop_oneof![array(inner.clone()), object(vec((string(), inner), 0..6))]
    })
}

fn array(item: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec((space(), item, space()), 0..6).prop_map(|items| {
        let items: Vec<String> = items.into_iter().map(|(a, item, b)| a + &item + &b).collect();
        format!("[{}]", items.join(","))
    })
}

/// An object of the given members (names with their quotes), with white space between all of its parts.
pub(crate) fn object(
    members: impl Strategy<Value = Vec<(String, String)>>,
) -> impl Strategy<Value = String> {
    (members, vec(space(), 1..8)).prop_map(|(members, spaces)| {
        let mut spaces = spaces.iter().cycle();
        let mut space = || spaces.next().cloned().unwrap_or_default();
        let members: Vec<String> = members
            .into_iter()
            .map(|(key, value)| {
                [space(), key, space(), ":".to_owned(), space(), value, space()].concat()
            })
            .collect();
        format!("{{{}{}}}", space(), members.join(","))
    })
}

/// Text that was valid before some of its bytes were changed.
pub(crate) fn broken() -> impl Strategy<Value = Vec<u8>> {
    #[derive(Clone, Debug)]
    enum Change {
        Set(Index, u8),
        Insert(Index, u8),
        Remove(Index),
        Cut(Index),
    }
    let byte = || {
        let frequent = b"{}[]\",:\\u0e-.tn \n\x00\x1f\x7f\x80\xc3\xff".to_vec();
        prop_oneof![4 => proptest::sample::select(frequent), 1 => any::<u8>()]
    };
    let change = prop_oneof![
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Set(at, byte)),
        (any::<Index>(), byte()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        any::<Index>().prop_map(Change::Remove),
        any::<Index>().prop_map(Change::Cut),
    ];
    (value(), vec(change, 0..4)).prop_map(|(text, changes)| {
        let mut text = text.into_bytes();
        for change in changes {
            match change {
                Change::Insert(at, byte) => text.insert(at.index(text.len() + 1), byte),
                _ if text.is_empty() => {}
                Change::Set(at, byte) => {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
                Change::Remove(at) => drop(text.remove(at.index(text.len()))),
                Change::Cut(at) => text.truncate(at.index(text.len())),
            }
        }
        text
    })
}

/// Whether `serde_json` takes a text as JSON, looking into nothing: it minds neither depth nor half surrogate
/// pairs then.
pub(crate) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}
