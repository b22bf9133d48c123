//! YAML text as a tree whose size is bounded, duplicates and all.
//!
//! Knows nothing of the gateway's keys. Duplicate keys are kept, so that whoever walks the tree can report each with its
//! path; aliases are expanded, and count every time they are, so that a small file cannot become a large tree.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::problem::Problem;

/// Bytes of a configuration file: 4 MiB, several times what the bound on servers needs.
pub const FILE_BYTES_MAX: usize = 4 << 20;

/// Values of the tree, aliases expanded: what a file of [`FILE_BYTES_MAX`] can reasonably hold.
const NODES_MAX: usize = 500_000;

/// Bytes of all text in the tree, aliases expanded.
const TEXT_BYTES_MAX: usize = 2 * FILE_BYTES_MAX;

/// Brackets and braces that are open at once, wherever they stand: far above any configuration. The YAML scanner takes
/// minutes over a megabyte of them, before it ever asks how deep the value is.
const OPEN_BRACKETS_MAX: usize = 1_000;

/// One YAML value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// Text, quoted or plain.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping in written order; keys that are no text appear as the text they would be.
    Map(Vec<(String, Node)>),
    /// A value with a tag of its own, such as `!secret`.
    Tagged,
}

impl Node {
    /// Returns the text, if it is one.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the items, if it is a list.
    pub(super) fn as_list(&self) -> Option<&[Self]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// Returns the members, if it is a mapping.
    pub(super) fn as_map(&self) -> Option<&[(String, Self)]> {
        if let Self::Map(members) = self { Some(members) } else { None }
    }

    /// Returns the flag, if it is one.
    pub(super) fn as_flag(&self) -> Option<bool> {
        if let Self::Flag(value) = self { Some(*value) } else { None }
    }

    /// Says whether it is nothing.
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Says what the value is, for messages: never what it holds.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Flag(_) => "true or false",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
            Self::Tagged => "a tagged value",
        }
    }
}

/// Reads one YAML document. A file without any content is [`Node::Null`].
///
/// Errors: one problem, whose path is the line and column where it is known: bad syntax, more than one document, values
/// nested deeper than the YAML library allows (128), more than [`FILE_BYTES_MAX`], or a tree beyond its bounds.
pub(super) fn parse(yaml: &str) -> Result<Node, Problem> {
    if yaml.len() > FILE_BYTES_MAX {
        return Err(Problem::new(
            "",
            format!("the file has {} bytes; {FILE_BYTES_MAX} are the most", yaml.len()),
        ));
    }
    if open_brackets(yaml) > OPEN_BRACKETS_MAX {
        return Err(Problem::new(
            "",
            format!("more than {OPEN_BRACKETS_MAX} brackets and braces are open at once"),
        ));
    }
    let budget = Budget { nodes: Cell::new(NODES_MAX), text: Cell::new(TEXT_BYTES_MAX) };
    let document = serde_yaml_ng::Deserializer::from_str(yaml);
    Seed(&budget).deserialize(document).map_err(|error| syntax_problem(yaml, &error))
}

/// Counts brackets and braces that are open at once. Quoted text and comments count as well: knowing them apart would
/// take the scanner that this protects.
fn open_brackets(yaml: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in yaml.bytes() {
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// Puts the place of a syntax error into the path, and what is wrong into the message.
fn syntax_problem(yaml: &str, error: &serde_yaml_ng::Error) -> Problem {
    let message = error.to_string();
    let Some(location) = error.location() else {
        return Problem::new("", message);
    };
    let (line, column) = (location.line(), location.column());
    let mut message = message.replacen(&format!(" at line {line} column {column}"), "", 1);
    if yaml.get(location.index()..).is_some_and(|rest| rest.starts_with('\t')) {
        message.push_str(": indent with spaces, not with tabs");
    }
    Problem::new(format!("line {line}, column {column}"), message)
}

/// What is left of the bounds.
struct Budget {
    nodes: Cell<usize>,
    text: Cell<usize>,
}

impl Budget {
    fn spend_node<E: serde::de::Error>(&self) -> Result<(), E> {
        let Some(left) = self.nodes.get().checked_sub(1) else {
            return Err(E::custom(format!("more than {NODES_MAX} values, aliases counted")));
        };
        self.nodes.set(left);
        Ok(())
    }

    fn spend_text<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        let Some(left) = self.text.get().checked_sub(bytes) else {
            return Err(E::custom(format!(
                "more than {TEXT_BYTES_MAX} bytes of text, aliases counted"
            )));
        };
        self.text.set(left);
        Ok(())
    }
}

/// Reads one value within a budget.
#[derive(Clone, Copy)]
struct Seed<'b>(&'b Budget);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.0.spend_node()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Flag(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Integer(value.into()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Integer(value))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Node, E> {
        Ok(Node::Integer(i128::try_from(value).unwrap_or(i128::MAX)))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Float(value))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Node, E> {
        self.0.spend_text(value.len())?;
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = members.next_key_seed(self)? {
            map.push((key_text(key), members.next_value_seed(self)?));
        }
        Ok(Node::Map(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (_tag, content) = tagged.variant_seed(self)?;
        content.newtype_variant_seed(self)?;
        Ok(Node::Tagged)
    }
}

/// Returns the text that stands for a key in paths.
fn key_text(key: Node) -> String {
    match key {
        Node::Text(text) => text,
        Node::Null => "null".to_owned(),
        Node::Flag(value) => value.to_string(),
        Node::Integer(value) => value.to_string(),
        Node::Float(value) => value.to_string(),
        Node::List(_) | Node::Map(_) | Node::Tagged => "(a key that is no text)".to_owned(),
    }
}
