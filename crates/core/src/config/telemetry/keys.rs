//! The keys of the `telemetry` section.

use crate::config::keys::{Row, used};
use crate::config::schema::Kind;

const MODE: Kind = Kind::Text("`parent`, `link` or `restart`");
const CAPTURE_MODE: Kind = Kind::Text("`off`, `hash` or `value`");

/// Every key of the section, without the section itself.
pub(in crate::config) const KEYS: &[Row] = &[
    used(
        "telemetry.trust",
        Kind::Section,
        "",
        "What becomes of the trace context (`traceparent`, `tracestate`) that callers send: their span is the parent of \
             the gateway's (`parent`), a trace of the gateway's own is linked to it (`link`), or it is ignored (`restart`). \
             With `link` and `restart` it never reaches a server.",
    ),
    used("telemetry.trust.listen", MODE, "parent", "For clients at `listen`, in standalone mode."),
    used(
        "telemetry.trust.extProcListen",
        MODE,
        "parent",
        "For the requests that Envoy tells of at `extProcListen`, in envoy mode.",
    ),
    used(
        "telemetry.baggage",
        Kind::TextList("list of keys"),
        "[]",
        "The members of W3C baggage that are kept: they become attributes `baggage.<key>` of the request's span and reach \
             the server. All others end at the gateway. At most 32 keys.",
    ),
    used(
        "telemetry.traceResponse",
        Kind::Flag,
        "false",
        "Whether responses tell the caller the trace, in the header `traceresponse`.",
    ),
    used(
        "telemetry.serverTiming",
        Kind::Flag,
        "false",
        "Whether responses tell the caller how long the gateway's phases took, in the header `Server-Timing`.",
    ),
    used(
        "telemetry.sampling",
        Kind::Section,
        "",
        "Which requests are traced, beyond what `OTEL_TRACES_SAMPLER` says.",
    ),
    used(
        "telemetry.sampling.rules",
        Kind::SectionList,
        "[]",
        "Asked in their order, at most 1000; where none fits, `OTEL_TRACES_SAMPLER` decides. A caller that says \
             `sampled=0` is obeyed before any rule.",
    ),
    used(
        "telemetry.sampling.rules[].method",
        Kind::Text("text"),
        "",
        "The MCP method, such as `tools/call`.",
    ),
    used("telemetry.sampling.rules[].server", Kind::Text("text"), "", "The server's `name`."),
    used(
        "telemetry.sampling.rules[].tool",
        Kind::Text("text"),
        "",
        "The tool as clients see it; `*` at its end stands for any rest.",
    ),
    used(
        "telemetry.sampling.rules[].ratio",
        Kind::Text("number from 0 to 1"),
        "required",
        "The part of the traces that is recorded, chosen by trace id; for callers that say `sampled=1` by lot, since the id \
             is theirs.",
    ),
    used(
        "telemetry.sampling.keepErrors",
        Kind::Flag,
        "true",
        "Whether a request is exported although it was not sampled when a span of it has the status of an error, at most \
             100 a second with the slow ones. What the client alone has done wrong (an unknown tool, a session that has \
             ended) is no error of the gateway and not kept, nor is a first try that was repeated with success. What \
             happens elsewhere in its trace is missing then, and its first span says so in `sampling.reason`.",
    ),
    used(
        "telemetry.sampling.keepSlowerThan",
        Kind::Text("duration or `never`"),
        "5s",
        "A request that took at least this long, from when its message had come whole, is exported although it was not \
             sampled; streams of `GET` never for that.",
    ),
    used(
        "telemetry.sampling.keepUnsampledErrors",
        Kind::Text("`never` or `always`"),
        "never",
        "Whether failed and slow requests are exported even when their caller said `sampled=0`.",
    ),
    used(
        "telemetry.sampling.forceFrom",
        Kind::TextList("list of addresses or networks"),
        "[]",
        "Clients whose header `x-mcp-trace: 1` makes a request traced. Nobody else's does.",
    ),
    used(
        "telemetry.sampling.callerSampledPerSecondMax",
        Kind::Count,
        "100",
        "Traces a second that callers can have recorded by `sampled=1` although the gateway itself would not have.",
    ),
    used(
        "telemetry.audit",
        Kind::Section,
        "",
        "One event for each call that reaches a server or is refused.",
    ),
    used("telemetry.audit.enabled", Kind::Flag, "true", "Whether these events are written."),
    used("telemetry.metrics", Kind::Section, "", "Figures about requests."),
    used(
        "telemetry.metrics.enabled",
        Kind::Flag,
        "true",
        "Whether requests are counted and timed. `/metrics` answers either way.",
    ),
    used(
        "telemetry.metrics.seriesMax",
        Kind::Count,
        "2000",
        "Series of one metric, at most 100000; what comes beyond is counted in one series named `_OTHER`.",
    ),
    used(
        "telemetry.capture",
        Kind::Section,
        "",
        "Arguments and results of tool calls on the span of the request to the server. They may hold personal data: \
             nothing is captured unless a rule says so.",
    ),
    used(
        "telemetry.capture.tools",
        Kind::SectionList,
        "[]",
        "Asked in their order, at most 1000; the first that fits counts.",
    ),
    used(
        "telemetry.capture.tools[].name",
        Kind::Text("text"),
        "required",
        "The tool as clients see it; `*` at its end stands for any rest.",
    ),
    used(
        "telemetry.capture.tools[].arguments",
        CAPTURE_MODE,
        "off",
        "Whether the arguments are captured: as their SHA-256 digest, or as they are.",
    ),
    used(
        "telemetry.capture.tools[].result",
        CAPTURE_MODE,
        "off",
        "Whether the result is captured.",
    ),
    used(
        "telemetry.capture.bytesMax",
        Kind::Size,
        "8KiB",
        "Bytes of one captured value, at most 64KiB; the rest is cut off.",
    ),
    used("telemetry.capture.redact", Kind::Section, "", "What is blacked out in captured values."),
    used(
        "telemetry.capture.redact.paths",
        Kind::TextList("list of JSON paths"),
        "[]",
        "Where a value is blacked out whatever it is: `$.user.password`, `$.items[*].token`, `$..secret`.",
    ),
    used(
        "telemetry.capture.redact.patterns",
        Kind::TextList("list of regular expressions"),
        "[]",
        "What is blacked out wherever it stands in a text, in the syntax of Rust's `regex`.",
    ),
];
