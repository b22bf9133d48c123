//! The members of one object, in written order, found by name.
//!
//! The values are not looked into; [`Raw`] does that when somebody asks.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::slice;

use super::MEMBERS_MAX;
use super::error::{ParseErrorKind, shown};
use super::index;
use super::raw::Raw;
use super::scan::Scanner;

/// Up to this many members, comparing each with each is faster than sorting them.
const COMPARE_MAX: usize = 16;

/// An object of a text: its members by decoded name, each name once.
#[derive(Clone)]
pub struct Object<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    /// One more than [`MEMBERS_MAX`] when there are too many; those beyond were checked but not kept.
    members: Vec<Member<'a>>,
}

/// One member: its name, and where the name (with quotes) and the value stand.
#[derive(Clone)]
pub(super) struct Member<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) key_start: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl<'a> Object<'a> {
    /// Reads a text that is one object and nothing else.
    ///
    /// Errors: not JSON, not an object, nested too deep, duplicate members, too many members.
    pub fn parse(text: &'a [u8]) -> Result<Object<'a>, ParseErrorKind> {
        let mut scanner = Scanner::new(text, 0);
        scanner.space();
        if scanner.peek() != Some(b'{') {
            let at = scanner.at();
            scanner.value(0)?;
            scanner.end()?;
            return Err(ParseErrorKind::NotAnObject { at });
        }
        let object = index::object(&mut scanner, 1)?;
        scanner.end()?;
        if let Some(at) = scanner.too_deep_at() {
            return Err(ParseErrorKind::TooDeep { at });
        }
        object.check()?;
        Ok(object)
    }

    /// Puts together what was read: the members that stand in `range` of `text`.
    pub(super) fn new(text: &'a [u8], range: Range<usize>, members: Vec<Member<'a>>) -> Self {
        Self { text, start: range.start, end: range.end, members }
    }

    /// The value of a member, by its decoded name.
    pub fn get(&self, key: &str) -> Option<Raw<'a>> {
        let member = self.members.iter().find(|member| member.key == key)?;
        Some(Raw::new(self.text, member.start, member.end))
    }

    /// The members in written order.
    ///
    /// A name with half a surrogate pair, which no Rust string can hold, shows U+FFFD in its place.
    pub fn iter(&self) -> Members<'_, 'a> {
        Members { text: self.text, members: self.members.iter() }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// True for `{}`.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Where the object stands in the text that was parsed, brackets included.
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// The object as written.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.text.get(self.range()).unwrap_or_default()
    }

    pub(super) fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// Refuses more members than are kept, and two of one name.
    pub(super) fn check(&self) -> Result<(), ParseErrorKind> {
        if self.members.len() > MEMBERS_MAX {
            return Err(ParseErrorKind::TooManyMembers { at: self.start });
        }
        let Some(second) = self.duplicate() else { return Ok(()) };
        Err(ParseErrorKind::DuplicateMember { key: shown(&second.key), at: second.key_start })
    }

    /// The first member, in written order, whose name was there before.
    fn duplicate(&self) -> Option<&Member<'a>> {
        let members = &self.members;
        if members.len() <= COMPARE_MAX {
            let mut rest = members.as_slice();
            let mut first: Option<&Member<'a>> = None;
            while let Some((member, later)) = rest.split_first() {
                let second = later.iter().find(|other| other.key == member.key);
                first = earlier(first, second);
                rest = later;
            }
            return first;
        }
        let mut sorted: Vec<&Member<'a>> = members.iter().collect();
        sorted.sort_unstable_by(|a, b| (&a.key, a.key_start).cmp(&(&b.key, b.key_start)));
        let repeated = sorted.iter().zip(sorted.iter().skip(1)).filter(|(a, b)| a.key == b.key);
        repeated.map(|(_, second)| *second).min_by_key(|member| member.key_start)
    }
}

/// Says where the object stands and how large it is. What it says may be a secret.
impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object at {}..{}, {} members", self.start, self.end, self.members.len())
    }
}

fn earlier<'m, 'a>(a: Option<&'m Member<'a>>, b: Option<&'m Member<'a>>) -> Option<&'m Member<'a>> {
    a.into_iter().chain(b).min_by_key(|member| member.key_start)
}

/// The members of an [`Object`] in written order: name and value.
#[derive(Clone)]
pub struct Members<'o, 'a> {
    text: &'a [u8],
    members: slice::Iter<'o, Member<'a>>,
}

impl<'o, 'a> Iterator for Members<'o, 'a> {
    type Item = (&'o str, Raw<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let member = self.members.next()?;
        Some((member.key.as_ref(), Raw::new(self.text, member.start, member.end)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.members.size_hint()
    }
}

impl ExactSizeIterator for Members<'_, '_> {}

impl<'o, 'a> IntoIterator for &'o Object<'a> {
    type Item = (&'o str, Raw<'a>);
    type IntoIter = Members<'o, 'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
