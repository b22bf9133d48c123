//! The reference of the metrics, written from their table.

use std::fmt::Write as _;

use super::series::SERIES_MAX;
use crate::name::attribute;
use crate::name::metric::{self, ALL, Kind, Metric, sdk};

const HEAD: &str = "\
# Metrics

<!-- Written from the table in crates/telemetry/src/name/metric.rs. To change it, change that and run
     `UPDATE_DOCS=1 cargo test -p mcp-gateway-telemetry metrics_reference`. -->

`GET /metrics` on the admin listener (`adminListen`) always answers, in OpenMetrics 1.0 with exemplars; a scraper that asks
for `text/plain` and not for OpenMetrics gets the older text format, without exemplars. The same numbers go out over OTLP
when an endpoint or `OTEL_METRICS_EXPORTER` asks for it, under the names of OpenTelemetry and with attributes in place of
labels (a dot in place of the underscore that Prometheus needs). Either is written from the same instruments.

**Exemplars.** A bucket of `mcp_server_operation_duration_seconds`, `mcp_client_operation_duration_seconds` and
`mcp_gateway_session_init_duration_seconds` shows the `trace_id` and `span_id` of the last request that fell into it and
whose span was sampled. `OTEL_METRICS_EXEMPLAR_FILTER` can be `trace_based` (the default), `always_on` (unsampled spans too)
or `always_off`. Prometheus keeps exemplars with `--enable-feature=exemplar-storage`.

**Variety.** Labels hold names of the configuration and of the catalog, never ids and never what a client made up: that is
`_OTHER`. A metric has at most `telemetry.metrics.seriesMax` series (";

const HEAD_END: &str = "); what comes then goes to one further series whose
first labels say `_OTHER`, and `mcp_gateway_metric_series_overflow_total` counts it. A label without a value is left out.
Series of a server that leaves the configuration are removed.

**Zero.** What counts losses is there from the start, at 0: each `error_type` of `otel_sdk_*` and each `metric` of
`mcp_gateway_metric_series_overflow_total`. Every other series with labels begins with its first observation, which
`increase()` does not see; [the alerts](../../examples/observability/prometheus/alerts.yaml) show how to ask for it.

**Off.** With `telemetry.metrics.enabled: false` nothing of a request is measured: `/metrics` then shows the process and
telemetry itself, and `mcp_gateway_metrics_enabled` is 0.

**Requests.** Every HTTP request that the router sees is counted and timed, refused ones, GET and DELETE included. Behind
Envoy these include the requests by which the gateway itself opens and closes sessions with servers, since they pass Envoy.

**Sessions.** A session's token carries everything, so no list of sessions exists. `mcp_gateway_sessions_active` counts
those that this process opened and that neither ended by DELETE nor expired; one that its client ends at another replica
counts here until it expires. `mcp_server_session_duration_seconds` has a session when it ends, at the replica that ended it.
";

const TARGET: &str = "
`target_info` has the resource attributes of the process as labels (`service_name`, `service_version`,
`service_instance_id`, `vcs_revision`, `build_rust_version`, and what `OTEL_RESOURCE_ATTRIBUTES` adds); over OTLP they are
the resource. Where the names of several become one label (`a.b`, `a_b`), it has their values with `;` between them.
";

/// Headings, and how the Prometheus names of their metrics begin. The first that fits counts.
const SECTIONS: [(&str, &str); 6] = [
    ("Semantic conventions for MCP", "mcp_server_ mcp_client_"),
    ("Of the reference gateway", "mcp_broker_"),
    (
        "Telemetry about telemetry",
        "otel_ mcp_gateway_telemetry_ mcp_gateway_traces mcp_gateway_metric",
    ),
    ("The gateway", "mcp_gateway_"),
    ("The process", "process_"),
    ("Others", ""),
];

/// What labels mean, by the name that OTLP gives them.
const LABELS: [(&str, &str); 18] = [
    (
        attribute::MCP_METHOD_NAME,
        "MCP method; `_OTHER` for one that the gateway does not know, and for requests without a message",
    ),
    (attribute::GEN_AI_TOOL_NAME, "tool as clients see it; `_OTHER` when no server has it"),
    (attribute::GEN_AI_OPERATION_NAME, "`execute_tool` for `tools/call`, absent otherwise"),
    (
        attribute::ERROR_TYPE,
        "why it failed: a snake-case reason, an HTTP status or a JSON-RPC code that is defined somewhere, `tool_error`; absent when nothing failed",
    ),
    (
        attribute::ERROR_SOURCE,
        "who failed: `client`, `ext-proc`, `proxy`, `broker`, `backend`; absent when nobody did",
    ),
    (
        attribute::RPC_RESPONSE_STATUS_CODE,
        "JSON-RPC error code of the answer; `_OTHER` for a code that nobody has defined",
    ),
    (attribute::MCP_PROTOCOL_VERSION, "revision of MCP that the session speaks"),
    (attribute::NETWORK_TRANSPORT, "`tcp`"),
    (attribute::NETWORK_PROTOCOL_NAME, "`http`"),
    (
        attribute::NETWORK_PROTOCOL_VERSION,
        "version of HTTP, `1.1` or `2`; absent behind Envoy, which does not say",
    ),
    (metric::SERVER, "server of the configuration"),
    (metric::SERVER_NAME, "the same, as the reference gateway calls it"),
    (attribute::SERVER_ADDRESS, "host of the server's URL"),
    (attribute::SERVER_PORT, "port of the server's URL"),
    (metric::STATUS, "`success` or `failure`"),
    (metric::FRONT_END, "`ext-proc` behind Envoy, `proxy` without it"),
    (
        metric::STATUS_CLASS,
        "`2xx`, `4xx`, …; `none` when the client left before there was a status",
    ),
    (metric::RESULT, "`hit` or `miss`"),
];

/// Labels whose values are lists of their own.
const OWN_LABELS: [(&str, &str); 5] = [
    (metric::LIMIT, "key of `limits` in snake case, or name of a bound in the code"),
    (metric::METRIC, "metric, as OTLP names it"),
    (
        sdk::DECISION,
        "`sampled`; `forced` by a caller who may; `kept_error`, `kept_slow`: not sampled and recorded all the same; `kept_over_rate`: failed or slow, and not recorded because more than 100 were kept in that second; `not_sampled`; `not_sampled_by_parent`; `held_full`: not recorded because too many spans waited for a decision",
    ),
    (
        sdk::COMPONENT_NAME,
        "the exporter: its kind, and after a slash what tells it from others of its kind",
    ),
    (
        sdk::COMPONENT_TYPE,
        "kind of exporter: `otlp_http_span_exporter`, `otlp_grpc_log_exporter`, …",
    ),
];

/// Returns the reference as Markdown.
pub fn reference() -> String {
    let mut text = [HEAD, &SERIES_MAX.to_string(), HEAD_END].concat();
    let mut left: Vec<&Metric> = ALL.to_vec();
    for (heading, prefixes) in SECTIONS {
        let fits =
            |metric: &&&Metric| prefixes.split(' ').any(|it| metric.prometheus.starts_with(it));
        let (of_section, rest): (Vec<_>, Vec<_>) = left.iter().partition(fits);
        left = rest;
        if of_section.is_empty() {
            continue;
        }
        text += &["\n## ", heading, "\n"].concat();
        text += "\n| metric | kind | over OTLP | unit | labels | meaning |\n|---|---|---|---|---|---|\n";
        text.extend(of_section.into_iter().map(row));
    }
    text += TARGET;
    text += "\n## Buckets\n\n";
    for metric in ALL.iter().filter(|metric| metric.kind == Kind::Histogram) {
        let bounds: Vec<String> = metric.buckets.iter().map(f64::to_string).collect();
        let _infallible = writeln!(text, "- `{}`: {}", metric.prometheus, bounds.join(", "));
    }
    text += "\n## Labels\n\n| label | over OTLP | value |\n|---|---|---|\n";
    for (name, meaning) in LABELS.iter().chain(&OWN_LABELS) {
        let _infallible = writeln!(text, "| `{}` | `{name}` | {meaning} |", label(name));
    }
    text
}

fn row(metric: &Metric) -> String {
    let kind = match metric.kind {
        Kind::Counter => "counter",
        Kind::UpDownCounter => "gauge (up-down counter)",
        Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let Metric { prometheus, name, unit, help, .. } = metric;
    let labels: Vec<String> =
        metric.labels.iter().map(|name| format!("`{}`", label(name))).collect();
    let labels = labels.join(", ");
    format!("| `{prometheus}` | {kind} | `{name}` | `{unit}` | {labels} | {help} |\n")
}

/// A label as Prometheus shows it.
fn label(name: &str) -> String {
    name.replace('.', "_")
}

#[cfg(test)]
mod tests {
    use super::{LABELS, OWN_LABELS};
    use crate::name::metric::ALL;

    #[test]
    fn every_label_is_explained_and_every_explained_label_is_used() {
        let explained = || LABELS.iter().chain(&OWN_LABELS).map(|(name, _)| *name);
        for metric in ALL {
            for label in metric.labels {
                assert!(explained().any(|name| name == *label), "{label} of {}", metric.name);
            }
        }
        for name in explained() {
            assert!(ALL.iter().any(|metric| metric.labels.contains(&name)), "{name}");
        }
    }
}
