//! Walks the YAML tree section by section, and reports whatever is not as the schema says, each thing with its path.
//!
//! A value that is absent, `null` or an empty text counts as not given: the reference gateway writes all three.

use super::problem::Report;
use super::schema::{Key, Kind, children};
use super::secret::Source;
use super::suggest::nearest;
use super::tree::Node;

/// Items of a list that has no bound of its own.
pub(super) const LIST_ITEMS_MAX: usize = 10_000;

/// Characters of an unknown key that a path shows.
const KEY_CHARS_MAX: usize = 40;

/// Known keys that a message lists when none of them is near the unknown one.
const LISTED_KEYS_MAX: usize = 8;

/// What every part of a load needs.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    /// Where problems go.
    pub(super) report: &'a Report,
    /// Where secrets come from.
    pub(super) source: &'a dyn Source,
}

/// What was found for a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Found<T> {
    /// Nothing.
    Absent,
    /// Something wrong, which has been reported.
    Bad,
    /// A value.
    Value(T),
}

impl<T> Found<T> {
    /// Returns the value if there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    /// Returns the value if there is one.
    pub(super) fn as_ref(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    /// Says whether there is nothing, not even something wrong.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}

/// One mapping of the file whose keys have been checked against the schema.
pub(super) struct Section<'a> {
    place: Place,
    entries: Vec<(&'static str, &'a Node)>,
    /// What every part of the load needs.
    pub(super) context: Context<'a>,
}

/// Where a section stands in the file (`servers[0]`), and where the schema describes it (`servers[]`).
#[derive(Default)]
struct Place {
    path: String,
    schema_path: String,
}

/// Whether keys without effect are warned of: inside a section that has none itself, one warning is enough.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Warn {
    Yes,
    No,
}

impl<'a> Section<'a> {
    /// Opens the file itself.
    pub(super) fn open_file(root: &'a Node, context: Context<'a>) -> Self {
        Self::open(root, Place::default(), Warn::Yes, context)
    }

    /// Opens the section at a key.
    pub(super) fn section(&self, name: &str) -> Self {
        let node = self.node(name).unwrap_or(&Node::Null);
        Self::open(node, self.place_of(name), Warn::Yes, self.context)
    }

    /// Opens every mapping of the list at a key, up to `most`.
    pub(super) fn sections(&self, name: &str, most: usize) -> Vec<Self> {
        let schema_path = format!("{}[]", self.place_of(name).schema_path);
        let open = |(path, node)| {
            let place = Place { path, schema_path: schema_path.clone() };
            Self::open(node, place, Warn::Yes, self.context)
        };
        self.items(name, most).into_iter().map(open).collect()
    }

    /// Returns the path of a key of this section.
    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.place.path, name)
    }

    /// Reports something wrong with a key of this section.
    pub(super) fn problem(&self, name: &str, message: impl Into<String>) {
        self.context.report.problem(self.path_of(name), message);
    }

    /// Returns what stands at a key, if anything does.
    pub(super) fn node(&self, name: &str) -> Option<&'a Node> {
        debug_assert!(
            children(&self.place.schema_path).iter().any(|(known, _)| *known == name),
            "the schema has no {name}"
        );
        let (_, node) = self.entries.iter().find(|(present, _)| *present == name)?;
        (!node.is_null()).then_some(*node)
    }

    /// Returns the text at a key.
    pub(super) fn text(&self, name: &str) -> Found<&'a str> {
        let Some(node) = self.node(name) else { return Found::Absent };
        match node.as_text() {
            Some("") => Found::Absent,
            Some(text) => Found::Value(text),
            None => self.bad(name, wrong_kind("text", node)),
        }
    }

    /// Returns the flag at a key.
    pub(super) fn flag(&self, name: &str) -> Found<bool> {
        let Some(node) = self.node(name) else { return Found::Absent };
        match node.as_flag() {
            Some(flag) => Found::Value(flag),
            None => self.bad(name, wrong_kind("true or false", node)),
        }
    }

    /// Reads the text at a key.
    pub(super) fn parse<T>(&self, name: &str, parse: fn(&str) -> Result<T, String>) -> Found<T> {
        if let Some(Node::Integer(number)) = self.node(name)
            && let Err(message) = parse(&number.to_string())
        {
            return self.bad(name, message); // quotes around it would not help
        }
        match self.text(name) {
            Found::Absent => Found::Absent,
            Found::Bad => Found::Bad,
            Found::Value(text) => match parse(text) {
                Ok(value) => Found::Value(value),
                Err(message) => self.bad(name, message),
            },
        }
    }

    /// Reports something wrong with a key, and returns that it is.
    pub(super) fn bad<T>(&self, name: &str, message: impl Into<String>) -> Found<T> {
        self.problem(name, message);
        Found::Bad
    }

    /// Reads the text at a key that must be there.
    pub(super) fn require<T>(&self, name: &str, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        let found = self.parse(name, parse);
        if found.is_absent() {
            self.problem(name, "is missing");
        }
        found.value()
    }

    /// Reads every text of the list at a key; those that are wrong are reported and left out.
    pub(super) fn parse_list<T>(&self, name: &str, parse: fn(&str) -> Result<T, String>) -> Vec<T> {
        let read = |(path, node): (String, &Node)| {
            let outcome = match node.as_text() {
                Some(text) => parse(text),
                None => Err(wrong_kind("text", node)),
            };
            outcome.map_err(|message| self.context.report.problem(path, message)).ok()
        };
        self.items(name, LIST_ITEMS_MAX).into_iter().filter_map(read).collect()
    }

    /// Returns the items of the list at a key with their paths. Anything but a list, and more than `most` items, is
    /// reported.
    fn items(&self, name: &str, most: usize) -> Vec<(String, &'a Node)> {
        let node = self.node(name).unwrap_or(&Node::Null);
        if node.as_list().is_none() && !node.is_null() {
            self.problem(name, wrong_kind("a list", node));
        }
        let list = node.as_list().unwrap_or_default();
        if list.len() > most {
            self.problem(name, format!("has {} items; {most} are the most", list.len()));
        }
        let path = self.path_of(name);
        let item = |(index, node)| (format!("{path}[{index}]"), node);
        list.iter().take(most).enumerate().map(item).collect()
    }

    /// Opens a mapping; nothing (`null`) is an empty one.
    ///
    /// Reports unknown keys with the nearest known one, keys that appear twice (the first is kept), and, when asked to
    /// warn, keys without effect. Anything but a mapping is reported and yields an empty section.
    fn open(node: &'a Node, place: Place, warn: Warn, context: Context<'a>) -> Self {
        if node.as_map().is_none() && !node.is_null() {
            context.report.problem(&place.path, wrong_kind("a mapping", node));
        }
        let known = children(&place.schema_path);
        let mut section = Self { place, entries: Vec::new(), context };
        for (name, value) in node.as_map().unwrap_or_default() {
            match known.iter().find(|(known_name, _)| known_name == name) {
                Some((name, key)) => section.add(name, key, value, warn),
                None => section.problem(&label(name), unknown(name, &known)),
            }
        }
        section
    }

    fn add(&mut self, name: &'static str, key: &Key, value: &'a Node, warn: Warn) {
        if self.entries.iter().any(|(present, _)| *present == name) {
            self.problem(name, "appears twice");
            return;
        }
        self.entries.push((name, value));
        if key.has_effect || !says_something(value) {
            return;
        }
        let is_good = self.check_unused(name, key, value);
        if is_good && warn == Warn::Yes {
            self.context.report.warning(self.path_of(name), "has no effect in this version");
        }
    }

    /// Checks that a value without effect is at least of its kind. Reports it when it is not.
    fn check_unused(&self, name: &str, key: &Key, value: &'a Node) -> bool {
        let expect = match (key.kind, value) {
            (Kind::Text(_), Node::Text(_))
            | (Kind::Secret | Kind::Pem, Node::Text(_) | Node::Map(_))
            | (Kind::Flag, Node::Flag(_)) => return true,
            (Kind::TextList(_), Node::List(items))
                if items.iter().all(|item| item.as_text().is_some()) =>
            {
                return true;
            }
            (Kind::Section, Node::Map(_)) => {
                Self::open(value, self.place_of(name), Warn::No, self.context);
                return true;
            }
            (Kind::TextList(_), Node::List(_)) => {
                self.problem(name, "must hold text only");
                return false;
            }
            (Kind::TextList(_), _) => "a list of text",
            (Kind::Text(_) | Kind::Secret | Kind::Pem, _) => "text",
            (Kind::Flag, _) => "true or false",
            (Kind::Section, _) => "a mapping",
            (Kind::Count | Kind::Size | Kind::Duration | Kind::SectionList, _) => key.kind.name(),
        };
        self.problem(name, wrong_kind(expect, value));
        false
    }

    fn place_of(&self, name: &str) -> Place {
        Place { path: self.path_of(name), schema_path: join(&self.place.schema_path, name) }
    }
}

/// Says whether a value means more than its absence.
fn says_something(node: &Node) -> bool {
    match node {
        Node::Null | Node::Flag(false) => false,
        Node::Text(text) => !text.is_empty(),
        Node::List(items) => !items.is_empty(),
        Node::Map(members) => !members.is_empty(),
        Node::Flag(true) | Node::Integer(_) | Node::Float(_) | Node::Tagged => true,
    }
}

/// Says what is wrong with a key that the schema does not have.
fn unknown(name: &str, known: &[(&'static str, Key)]) -> String {
    if name == "<<" {
        return "merge keys are not supported: write the keys out".to_owned();
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    if let Some(name) = nearest(name, &names) {
        return format!("is not a known key; did you mean `{name}`?");
    }
    if (1..=LISTED_KEYS_MAX).contains(&names.len()) {
        return format!("is not a known key; those here are {}", names.join(", "));
    }
    "is not a known key".to_owned()
}

/// Says what a value should have been, without repeating it.
fn wrong_kind(expect: &str, node: &Node) -> String {
    let is_plain = matches!(node, Node::Integer(_) | Node::Float(_) | Node::Flag(_));
    let hint = if is_plain && expect == "text" { ": put it in quotes" } else { "" };
    format!("must be {expect}, not {}{hint}", node.kind())
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// Returns a key as a path shows it: as written when it is a plain name, else quoted, and cut when long.
fn label(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    let short: String = name.chars().take(KEY_CHARS_MAX).collect();
    let cut = if short.len() < name.len() { "…" } else { "" };
    if !short.is_empty() && short.chars().all(is_plain) {
        format!("{short}{cut}")
    } else {
        format!("{short:?}{cut}")
    }
}
