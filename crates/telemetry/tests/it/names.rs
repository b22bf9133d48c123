//! The names of spans and attributes, in three places that must agree: the constants, the registry file, and the reference.
//!
//! The reference is written by `UPDATE_DOCS=1 cargo test -p mcp-gateway-telemetry --test it names::`.

use std::fmt::Write;
use std::path::Path;

const SPANS: &str = include_str!("../../src/name/span.rs");
const ATTRIBUTES: &str = include_str!("../../src/name/attribute.rs");
const SOURCES: &str = include_str!("../../src/name/error_source.rs");
const REGISTRY: &str = include_str!("../../registry/mcp-gateway.yaml");
const REFERENCE: &str = "../../docs/reference/spans.md";

/// What the semantic conventions have under the same name, and what log lines call it.
const OF_THE_CONVENTIONS: &[&str] = &[
    "mcp.method.name",
    "mcp.session.id",
    "mcp.protocol.version",
    "mcp.resource.uri",
    "jsonrpc.request.id",
    "jsonrpc.protocol.version",
    "rpc.response.status_code",
    "gen_ai.operation.name",
    "gen_ai.tool.name",
    "gen_ai.prompt.name",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "http.request.method",
    "url.path",
    "http.response.status_code",
    "http.request.resend_count",
    "client.address",
    "client.port",
    "server.address",
    "server.port",
    "network.transport",
    "network.protocol.name",
    "network.protocol.version",
    "error.type",
    "service.name",
    "service.version",
    "service.instance.id",
    "vcs.ref.head.revision",
    "process.runtime.name",
    "process.runtime.version",
    "telemetry.sdk.name",
    "telemetry.sdk.language",
    "telemetry.sdk.version",
    "trace_id",
    "span_id",
];

/// Where the spans stand.
const HEAD: &str = "# Spans

Written by a test from the constants of `crates/telemetry/src/name`; do not edit. The names that the semantic conventions do not have
are in `crates/telemetry/registry/mcp-gateway.yaml`, in the format of OpenTelemetry's weaver.

```
mcp-router.process                        SERVER; below the caller's span
├── mcp-router.route-decision
│   ├── mcp-router.broker-passthrough     initialize, tools/list, …
│   └── mcp-router.tool-call              tools/call
│       ├── mcp-router.broker.get-server-info
│       ├── mcp-router.session-cache.get
│       ├── mcp-router.session-init       CLIENT; on a cache miss
│       └── mcp-router.session-cache.store
├── tools/call <tool>                     CLIENT; what the server continues
└── mcp-broker.handle-request             what the broker answers
    ├── mcp-broker.tools-list
    └── DELETE                            CLIENT; a client's session ends, and with it one with a server

mcp-broker.upstream-manage                a trace of its own: one visit at a server
├── initialize, tools/list, ping          CLIENT, one for each message
└── GET, DELETE                           CLIENT: the stream of changes, the end of a session
```

Behind Envoy each request of the gateway itself passes the router, too: an inner `mcp-router.process` stands below
`mcp-router.session-init`, below `DELETE`, and below a call that is sent once more.

";

/// What the names do not tell.
const TAIL: &str = "
## Errors

| what happened | `error.type` | `error_source` | status of `mcp-router.*` |
|---|---|---|---|
| the gateway refuses the request (session, tool, size, malformed, host, header) | a word: `tool_not_found` | `client` | unset |
| a policy before the server refuses it | the HTTP status: `403` | `client` | unset |
| the server answers with an HTTP error | the HTTP status: `500` | `backend` | error; unset for 401 and 403 |
| the server answers with a JSON-RPC error | the code: `-32042` | `backend` | error; unset for -32700, -32600, -32601, -32602, -32002 |
| the tool says `isError: true` | `tool_error` | `backend` | error |
| no answer in time | `timeout` | `backend` | error |
| no connection, or one that breaks | `connect_failed`, `connection_reset` | `backend` | error |
| a tool is called whose server is down, as its prefix tells | `server_down` | `backend` | error |
| an answer that is none | `no_answer`, `malformed_answer`, `wrong_answer_id`, `unexpected_content_type` | `backend` | error |
| the broker fails, or cannot be reached | a word: `broker_unreachable` | `broker` | error |
| the router has no room | `session_init_limit` | `ext-proc`, `proxy` | error |
| behind Envoy an answer breaks off once it has begun | `stream_reset` | `unknown` | unset |
| the client goes away | none; `client.disconnected` is true | none | unset |

On the CLIENT span everything that fails is an error. A JSON answer is held whole up to `limits.answerBytesMax`, so that the gateway can
answer in its place; beyond that, and in a content coding, it passes unread (`mcp.answer.unread`) and its outcome is not known. Of an
event stream only the event under way is held.

## Names by `OTEL_SEMCONV_STABILITY_OPT_IN`

| value | names of HTTP | `gen_ai.operation.name` on `mcp-router.*` |
|---|---|---|
| not set, `http/dup` | old and current | the MCP method |
| `http` | current only | the MCP method |
| `gen_ai_latest_experimental` | old and current | `execute_tool` on tool calls, else absent |
";

struct Entry {
    name: String,
    brief: String,
    section: String,
}

/// Reads the constants of a source file; those that are values of attributes are left out.
fn constants(source: &str) -> Vec<Entry> {
    let mut names = Vec::new();
    let (mut brief, mut section) = (Vec::new(), String::new());
    for line in source.lines() {
        if let Some(title) = line.strip_prefix("// ---- ") {
            title.clone_into(&mut section);
        } else if let Some(text) = line.strip_prefix("/// ") {
            brief.push(text);
        } else if let Some(constant) = line.strip_prefix("pub const ") {
            let name = constant.split('"').nth(1).unwrap().to_owned();
            let brief = std::mem::take(&mut brief).join(" ");
            let is_value = brief.contains("A value of [") || brief.contains("The value of [");
            if !is_value {
                names.push(Entry { name, brief, section: section.clone() });
            }
        } else {
            brief.clear();
        }
    }
    names
}

/// Turns links to constants into the names that these have.
fn linked(brief: &str) -> String {
    let all = [SPANS, ATTRIBUTES].map(|source| {
        source.lines().filter_map(|line| {
            let (constant, name) = line.strip_prefix("pub const ")?.split_once(": &str = ")?;
            Some((format!("[`{constant}`]"), format!("`{}`", name.trim_matches(['"', ';']))))
        })
    });
    let text = all
        .into_iter()
        .flatten()
        .fold(brief.to_owned(), |text, (link, name)| text.replace(&link, &name));
    text.replace("[`crate::name::error_source`]", "the table below").replace("[`client`]", "above")
}

fn table(names: &[Entry], title: &str) -> String {
    let mut out = format!("| {title} | |\n|---|---|\n");
    for Entry { name, brief, .. } in names {
        writeln!(out, "| `{name}` | {} |", linked(brief)).unwrap();
    }
    out
}

fn reference() -> String {
    let mut out = HEAD.to_owned() + "## Spans\n\n";
    out += &table(&constants(SPANS), "span");
    out += "\n## Attributes\n";
    let attributes = constants(ATTRIBUTES);
    let mut sections: Vec<&str> = attributes.iter().map(|name| name.section.as_str()).collect();
    sections.dedup();
    for section in sections {
        let names = constants(ATTRIBUTES).into_iter().filter(|name| name.section == section);
        write!(out, "\n### {section}\n\n").unwrap();
        out += &table(&names.collect::<Vec<_>>(), "attribute");
    }
    out += "\n## Values of `error_source`\n\n";
    out += &table(&constants(SOURCES), "value");
    out + TAIL
}

#[test]
fn the_reference_is_that_of_the_constants() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(REFERENCE);
    let expect = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expect).unwrap();
    }
    let is = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(is, expect, "run with UPDATE_DOCS=1 to write {}", path.display());
}

#[test]
fn the_registry_has_every_name_that_the_conventions_do_not_have() {
    let mut registered: Vec<&str> =
        REGISTRY.lines().filter_map(|line| line.strip_prefix("      - id: ")).collect();
    registered.sort_unstable();
    let attributes = constants(ATTRIBUTES);
    let mut own: Vec<&str> = attributes
        .iter()
        .map(|name| name.name.as_str())
        .filter(|name| !OF_THE_CONVENTIONS.contains(name))
        .collect();
    own.sort_unstable();
    assert_eq!(registered, own);
}

#[test]
fn the_registry_has_every_value_of_an_enum() {
    let prefixed = |prefix: &str| -> Vec<String> {
        let is_wanted = |line: &&str| line.starts_with(&format!("pub const {prefix}"));
        let value = |line: &str| line.split('"').nth(1).unwrap().to_owned();
        ATTRIBUTES.lines().filter(is_wanted).map(value).collect()
    };
    let sources = constants(SOURCES).into_iter().map(|name| name.name).collect();
    for values in [prefixed("ROUTE_"), prefixed("UNREAD_"), sources] {
        assert!(!values.is_empty());
        for value in values {
            assert!(REGISTRY.contains(&format!("value: {value}, ")), "{value}");
        }
    }
}
