//! Merges the servers' tools into one list with unique names.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::catalog::Tool;

/// A tool under the name that clients call it by.
#[derive(Clone, Debug)]
pub struct ServedTool {
    /// The name that clients see: the server's prefix, then the server's own name for the tool.
    pub served: Arc<str>,
    /// The place of the owning server in the order given to [`merge`].
    pub server: usize,
    /// The definition.
    pub tool: Tool,
}

/// Two servers, or one server twice, offer a tool under the same name; the first in configuration order keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The name both would have.
    pub served: String,
    /// The place of the server that keeps the name.
    pub kept: usize,
    /// The place of the server whose tool is left out.
    pub dropped: usize,
}

/// The outcome of a merge.
#[derive(Debug, Default)]
pub struct Merged {
    /// The tools in configuration order of the servers, then in each server's own order.
    pub tools: Vec<ServedTool>,
    /// The tools that were left out, one entry each.
    pub conflicts: Vec<Conflict>,
}

/// Merges lists of tools; each entry of `servers` is a prefix and the tools of that server.
///
/// A name conflict costs one tool, never a server. The order depends on the input alone, so that two replicas with
/// the same configuration and the same servers offer the same list.
pub fn merge<'a>(servers: impl IntoIterator<Item = (&'a str, &'a [Tool])>) -> Merged {
    let mut merged = Merged::default();
    let mut owner: HashMap<Arc<str>, usize> = HashMap::new();
    for (server, (prefix, tools)) in servers.into_iter().enumerate() {
        for tool in tools {
            let served: Arc<str> = format!("{prefix}{}", tool.name()).into();
            if let Some(&kept) = owner.get(&served) {
                merged.conflicts.push(Conflict {
                    served: served.as_ref().to_owned(),
                    kept,
                    dropped: server,
                });
                continue;
            }
            owner.insert(Arc::clone(&served), server);
            merged.tools.push(ServedTool { served, server, tool: tool.clone() });
        }
    }
    merged
}

/// Writes the result of `tools/list`: `{"tools":[…]}`.
pub fn tools_list<'a>(tools: impl IntoIterator<Item = &'a ServedTool>) -> Bytes {
    let mut out = Vec::from(&b"{\"tools\":["[..]);
    for (index, served) in tools.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        served.tool.write_as(&served.served, &mut out);
    }
    out.extend_from_slice(b"]}");
    out.into()
}

#[cfg(test)]
mod tests {
    use super::{Conflict, merge, tools_list};
    use crate::catalog::Tool;

    fn tool(name: &str) -> Tool {
        Tool::parse(format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#).as_bytes())
            .unwrap()
    }

    #[test]
    fn list_keeps_every_byte_but_the_name() {
        let raw = br#"{ "icons":[{"src":"x"}], "name" : "say\u0020hi","inputSchema":{"type":"object","x":9007199254740993},"_meta":{"a":1e400},"new":"<&>"}"#;
        let tools = [Tool::parse(raw).unwrap()];
        let merged = merge([("a_", &tools[..])]);
        assert_eq!(merged.tools[0].served.as_ref(), "a_say hi");
        let expected = br#"{"tools":[{ "icons":[{"src":"x"}], "name" : "a_say hi","inputSchema":{"type":"object","x":9007199254740993},"_meta":{"a":1e400},"new":"<&>"}]}"#;
        assert_eq!(tools_list(&merged.tools), &expected[..]);
        let unprefixed = merge([("", &tools[..])]);
        let list = tools_list(&unprefixed.tools);
        assert!(
            list.windows(raw.len()).any(|window| window == raw),
            "unprefixed tools are verbatim"
        );
    }

    #[test]
    fn conflict_costs_one_tool_and_is_reported() {
        let first = [tool("read"), tool("write")];
        let second = [tool("write"), tool("list")];
        let merged = merge([("", &first[..]), ("", &second[..])]);
        let names: Vec<_> = merged.tools.iter().map(|t| t.served.to_string()).collect();
        assert_eq!(names, ["read", "write", "list"]);
        assert_eq!(
            merged.conflicts,
            [Conflict { served: "write".to_owned(), kept: 0, dropped: 1 }]
        );
    }

    #[test]
    fn empty_list_is_an_array() {
        assert_eq!(tools_list([]), &br#"{"tools":[]}"#[..]);
    }
}
