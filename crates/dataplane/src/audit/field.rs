//! The fields of an audit event, and their reference for people. A test compares the table with the event itself.

use std::fmt::Write as _;

use super::TEXT_BYTES_MAX;

/// One field of an audit event.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name, in log lines and as an attribute of a log record.
    pub name: &'static str,
    /// The type of its value: `string`, `integer`, `number`, `boolean`.
    pub kind: &'static str,
    /// When it is there.
    pub present: &'static str,
    /// What it says.
    pub meaning: &'static str,
}

const fn field(
    name: &'static str,
    kind: &'static str,
    present: &'static str,
    meaning: &'static str,
) -> Field {
    Field { name, kind, present, meaning }
}

/// Every field, in the order in which an event has them. Fields that do not apply are absent, never empty.
pub const FIELDS: [Field; 23] = [
    field(
        "event.name",
        "string",
        "always",
        "`mcp.audit`; over OTLP it is the event name of the log record.",
    ),
    field(
        "mcp.audit.instance",
        "string",
        "always",
        "A random id of the process, made when it starts.",
    ),
    field(
        "mcp.audit.sequence",
        "integer",
        "always",
        "The number of the event in its process, from 1. A number that is missing is an event that was lost.",
    ),
    field(
        "mcp.audit.decision",
        "string",
        "always",
        "`allowed` or `refused`; `error.type` is the reason of a refusal.",
    ),
    field(
        "mcp.audit.outcome",
        "string",
        "always",
        "`success`, `tool_error` (the tool says that it failed), `error`, `refused`, `client_disconnected`, \
         `stream_reset` (broken off, by whom is not known), `unread` (answered with what the gateway does not read: too long, or in a content coding).",
    ),
    field(
        "mcp.audit.duration_s",
        "number",
        "always",
        "Seconds from the request's first header to the end of its response.",
    ),
    field(
        "mcp.audit.front_end",
        "string",
        "always",
        "`proxy` (standalone) or `ext-proc` (behind Envoy).",
    ),
    field(
        "client.address",
        "string",
        "when it is known",
        "The client's address; behind proxies, the nearest that is not in `trustedProxies`.",
    ),
    field(
        "mcp.session.id",
        "string",
        "with a valid session",
        "The gateway session, `jti:…`; never the token.",
    ),
    field("http.request.method", "string", "always", "The HTTP method."),
    field("http.request_id", "string", "when there is one", "The header `x-request-id`."),
    field("mcp.method.name", "string", "with a message", "The MCP method, as the client wrote it."),
    field("jsonrpc.request.id", "string", "with a request", "The id of the JSON-RPC request."),
    field("gen_ai.tool.name", "string", "`tools/call`", "The tool, as clients see it."),
    field("gen_ai.prompt.name", "string", "`prompts/get`", "The prompt, as clients see it."),
    field(
        "mcp.resource.uri",
        "string",
        "`resources/read`, `subscribe`, `unsubscribe`",
        "The resource, without user, password, query and fragment; only the scheme where these cannot be told apart.",
    ),
    field(
        "mcp.server",
        "string",
        "when it was routed to one",
        "The server, by its name in the configuration.",
    ),
    field(
        "mcp.audit.upstream_name",
        "string",
        "when it was routed to one",
        "The tool, prompt or resource as the server knows it.",
    ),
    field(
        "http.response.status_code",
        "integer",
        "unless there was no response",
        "The HTTP status that the client got.",
    ),
    field(
        "rpc.response.status_code",
        "string",
        "with a JSON-RPC error",
        "The code of the JSON-RPC error that the client got.",
    ),
    field(
        "mcp.audit.tool_error",
        "boolean",
        "when a result was read",
        "Whether the result says `isError`.",
    ),
    field(
        "error.type",
        "string",
        "when there was no result",
        "Why, in few words: the same value as on the span. For refusals such as `tool_not_found`, `invalid_session`, \
         `403` (a policy before the server).",
    ),
    field(
        "error_source",
        "string",
        "when there was no result",
        "Who failed: `client`, `proxy`, `ext-proc`, `broker`, `backend`.",
    ),
];

const INTRODUCTION: &str = "\
# Audit events

<!-- Written from the table in the code. After a change of it:
     `UPDATE_DOCS=1 cargo test -p mcp-gateway-dataplane audit_reference`. -->

One event for each call that reaches a server, and for each request that is refused, whatever its method: who, what, where,
what was decided, how it ended. They are on unless the configuration file says `telemetry.audit.enabled: false`; then
nothing is collected for them.

- They are written to standard output as a log line with the target `mcp_gateway_audit`, whatever the log level is, and
  exported over OTLP as log records with the event name `mcp.audit` when logs are exported.
- They are never sampled. A request whose trace is not sampled has its event, with the same `trace_id`. With tracing switched
  off the ids of the trace are absent.
- Over OTLP they have a queue of their own; what it had to drop is counted, in `/metrics` and `/status`. Writing to
  standard output waits for its reader.
- `mcp.audit.sequence` counts in each process, without a gap: what is missing was lost. Events of concurrent requests may be
  written out of order.
- Arguments, results, session tokens and credentials are never in them.
- For a request without a result the event is the one log line about it at level `info`. With audit switched off there is
  a line of its own for that.

Besides there are what every log line has: time, level, message, and `trace_id` and `span_id` of the request's span
`mcp-router.process`.

| field | type | present | meaning |
|---|---|---|---|
";

/// Writes the reference of audit events as Markdown.
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    for Field { name, kind, present, meaning } in FIELDS {
        // Writing to a string does not fail.
        let _always = writeln!(out, "| `{name}` | {kind} | {present} | {meaning} |");
    }
    let _always = write!(
        out,
        "\nText that clients and servers choose is cut after {TEXT_BYTES_MAX} bytes (then it ends with `…`), and characters that \
         are not printable stand there as `\\u{{…}}`.\n\nWho a client is, beyond address and session, is not known to the \
         gateway: it does not authenticate clients yet.\n"
    );
    out
}
