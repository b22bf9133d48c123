//! Merges the servers' tools into one list with unique names.

use std::collections::{BTreeSet, HashMap};
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

/// Two servers, or one server twice, offer a tool under the same name, or one offers it under the prefix of another.
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
/// A name conflict costs one tool, never a server. A name that begins with the prefix of a server is that server's, whether
/// it offers such a tool just now or not: otherwise calls meant for it would go to another one while it is away. Of names
/// under one prefix the first counts. The order depends on the input alone, so that two replicas with the same
/// configuration and the same servers offer the same list.
pub fn merge<'a>(servers: impl IntoIterator<Item = (&'a str, &'a [Tool])>) -> Merged {
    let servers: Vec<_> = servers.into_iter().collect();
    let prefixes = Prefixes::new(servers.iter().map(|(prefix, _)| *prefix));
    let mut merged = Merged::default();
    let mut owner: HashMap<Arc<str>, usize> = HashMap::new();
    for (server, (prefix, tools)) in servers.into_iter().enumerate() {
        for tool in tools {
            let served: Arc<str> = format!("{prefix}{}", tool.name()).into();
            let other = prefixes.owner(&served, prefix.len());
            if let Some(kept) = other.or_else(|| owner.get(&served).copied()) {
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

/// Which server has which prefix.
struct Prefixes<'a> {
    owners: HashMap<&'a str, usize>,
    /// In bytes; few, so that a name is not looked up at every length.
    lengths: BTreeSet<usize>,
}

impl<'a> Prefixes<'a> {
    fn new(prefixes: impl Iterator<Item = &'a str>) -> Self {
        let (mut owners, mut lengths) = (HashMap::new(), BTreeSet::new());
        for (server, prefix) in prefixes.enumerate().filter(|(_, prefix)| !prefix.is_empty()) {
            owners.entry(prefix).or_insert(server);
            lengths.insert(prefix.len());
        }
        Self { owners, lengths }
    }

    /// The server with the longest prefix that `served` begins with, when that is longer than `own` bytes.
    fn owner(&self, served: &str, own: usize) -> Option<usize> {
        let mut longer = self.lengths.range(own + 1..).rev();
        longer.find_map(|length| self.owners.get(served.get(..*length)?)).copied()
    }
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
    fn names_under_a_prefix_belong_to_its_server() {
        let first = [tool("weather_now"), tool("weather_"), tool("weathe"), tool("weather_x_y")];
        let third = [tool("x_y"), tool("x_"), tool("now")];
        let merged = merge([("", &first[..]), ("weather_x_", &[][..]), ("weather_", &third[..])]);
        let names: Vec<_> = merged.tools.iter().map(|t| (t.server, &*t.served)).collect();
        assert_eq!(names, [(0, "weathe"), (2, "weather_now")]);
        let lost: Vec<_> =
            merged.conflicts.iter().map(|c| (c.dropped, &*c.served, c.kept)).collect();
        let expect = [
            (0, "weather_now", 2),
            (0, "weather_", 2),
            (0, "weather_x_y", 1),
            (2, "weather_x_y", 1),
            (2, "weather_x_", 1),
        ];
        assert_eq!(lost, expect);
    }

    #[test]
    fn empty_list_is_an_array() {
        assert_eq!(tools_list([]), &br#"{"tools":[]}"#[..]);
    }
}
