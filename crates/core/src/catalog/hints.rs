//! A tool's annotations in the short form that policies read from a header.

use std::fmt;

use crate::jsonrpc::Object;

/// The four behaviour hints of a tool, each true, false or not said.
///
/// Source: MCP 2025-11-25 schema, `ToolAnnotations`; header form: `x-mcp-annotation-hints` of the reference gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnnotationHints {
    read_only: Option<bool>,
    destructive: Option<bool>,
    idempotent: Option<bool>,
    open_world: Option<bool>,
}

impl AnnotationHints {
    /// Reads the hints of one tool; `None` when the tool has no `annotations` object.
    pub fn of_tool(tool: &Object<'_>) -> Option<Self> {
        let annotations = tool.get("annotations")?.object().ok()?;
        let hint = |key| annotations.get(key).and_then(|value| value.as_bool());
        Some(Self {
            read_only: hint("readOnlyHint"),
            destructive: hint("destructiveHint"),
            idempotent: hint("idempotentHint"),
            open_world: hint("openWorldHint"),
        })
    }
}

impl fmt::Display for AnnotationHints {
    /// Writes `readOnly=V,destructive=V,idempotent=V,openWorld=V` with V one of `true`, `false`, `unspecified`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |hint: Option<bool>| match hint {
            Some(true) => "true",
            Some(false) => "false",
            None => "unspecified",
        };
        write!(
            f,
            "readOnly={},destructive={},idempotent={},openWorld={}",
            word(self.read_only),
            word(self.destructive),
            word(self.idempotent),
            word(self.open_world)
        )
    }
}
