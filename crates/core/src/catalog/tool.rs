//! One tool as its server described it.

use std::ops::Range;

use bytes::Bytes;

use crate::catalog::AnnotationHints;
use crate::jsonrpc::{Object, quote};

/// A tool definition: the server's own bytes, and the few facts that routing needs.
///
/// Cloning is cheap. Two tools are equal when their bytes are.
#[derive(Clone, Debug)]
pub struct Tool {
    raw: Bytes,
    name: Box<str>,
    name_at: Range<usize>,
    hints: Option<AnnotationHints>,
}

impl PartialEq for Tool {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

impl Eq for Tool {}

/// Why a tool of a server's list cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTool {
    /// The entry is not a JSON object, or holds a key twice.
    #[error("tool is not a well-formed object: {0}")]
    Malformed(String),
    /// `name` is absent, empty, or not a string.
    #[error("tool has no name")]
    NoName,
    /// `inputSchema` is absent or not an object.
    #[error("tool {0} has no inputSchema object")]
    NoInputSchema(String),
}

impl Tool {
    /// Reads one entry of a `tools/list` result. `raw` is the entry's JSON text and is kept as it is.
    pub fn parse(raw: &[u8]) -> Result<Self, InvalidTool> {
        let object =
            Object::parse(raw).map_err(|error| InvalidTool::Malformed(error.to_string()))?;
        let name_value = object.get("name").ok_or(InvalidTool::NoName)?;
        let name =
            name_value.as_str().filter(|name| !name.is_empty()).ok_or(InvalidTool::NoName)?;
        if !object.get("inputSchema").is_some_and(|schema| schema.is_object()) {
            return Err(InvalidTool::NoInputSchema(name.into_owned()));
        }
        Ok(Self {
            name: name.as_ref().into(),
            name_at: name_value.range(),
            hints: AnnotationHints::of_tool(&object),
            raw: Bytes::copy_from_slice(raw),
        })
    }

    /// The name as the server knows it, without prefix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The definition as the server sent it.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The behaviour hints; `None` when the server sent no annotations.
    pub fn hints(&self) -> Option<AnnotationHints> {
        self.hints
    }

    /// Appends the definition to `out` under the name `served`, every other byte unchanged.
    pub(super) fn write_as(&self, served: &str, out: &mut Vec<u8>) {
        let (Some(before), Some(after)) =
            (self.raw.get(..self.name_at.start), self.raw.get(self.name_at.end..))
        else {
            debug_assert!(false, "the name lies inside the definition");
            return;
        };
        out.extend_from_slice(before);
        if served == &*self.name {
            // The name as written, escapes included.
            out.extend_from_slice(self.raw.get(self.name_at.clone()).unwrap_or_default());
        } else {
            out.extend_from_slice(&quote(served));
        }
        out.extend_from_slice(after);
    }
}
