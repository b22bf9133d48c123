//! The one table of metrics: names, kind, unit, labels and meaning of each.
//!
//! `/metrics`, OTLP and `docs/reference/metrics.md` are all written from these constants. A metric has two names: the one of
//! OpenTelemetry, and the one that Prometheus shows, where dots are underscores and the unit and `_total` stand at the end. The
//! metrics of the reference gateway (`mcp_broker_*`) have one name in both worlds. Labels are named as OpenTelemetry does.

pub mod process;
pub mod sdk;

use crate::name::attribute;

/// What kind of numbers a metric has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Counts up.
    Counter,
    /// Counts up and down; a gauge for Prometheus.
    UpDownCounter,
    /// A value of the moment.
    Gauge,
    /// How often values fell into which bucket.
    Histogram,
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// The name over OTLP: `mcp.server.operation.duration`.
    pub name: &'static str,
    /// The name that Prometheus shows: `mcp_server_operation_duration_seconds`. Histograms add `_bucket`, `_count`, `_sum`.
    pub prometheus: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The unit, in UCUM: `s`, `By`, `{session}`.
    pub unit: &'static str,
    /// What it counts or measures, for people.
    pub help: &'static str,
    /// Its labels, as OTLP names them; a dot is an underscore for Prometheus.
    pub labels: &'static [&'static str],
    /// Upper bounds of the buckets of a histogram, in its unit; empty for every other kind.
    pub buckets: &'static [f64],
}

/// Buckets of operation and session durations in seconds, from the semantic conventions.
const MCP_BUCKETS: [f64; 14] =
    [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// Buckets of one conversation with a server in seconds: from a local one to one that uses up its deadlines.
const CONNECT_BUCKETS: [f64; 12] =
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The label that names a server of the configuration.
pub const SERVER: &str = attribute::MCP_SERVER;
/// The same, in the metrics of the reference gateway.
pub const SERVER_NAME: &str = "server_name";
/// How a round of discovery ended: `success`, `failure`.
pub const STATUS: &str = "status";
/// Who took the request from its client: `ext-proc` behind Envoy, `proxy` without it.
pub const FRONT_END: &str = "front_end";
/// The first digit of an HTTP status: `2xx`; `none` when the client left before there was one.
pub const STATUS_CLASS: &str = "http.response.status_class";
/// Whether a session was in the cache: `hit`, `miss`.
pub const RESULT: &str = "result";
/// The name of a bound.
pub const LIMIT: &str = "limit";
/// The name of a metric.
pub const METRIC: &str = "metric";

/// Messages that the gateway answered.
pub const SERVER_OPERATION_DURATION: Metric = Metric::histogram(
    "mcp.server.operation.duration",
    "mcp_server_operation_duration_seconds",
    "Time of an MCP message from its arrival at the gateway to the end of its answer",
    &[
        attribute::MCP_METHOD_NAME,
        attribute::GEN_AI_TOOL_NAME,
        attribute::GEN_AI_OPERATION_NAME,
        attribute::ERROR_TYPE,
        attribute::RPC_RESPONSE_STATUS_CODE,
        attribute::MCP_PROTOCOL_VERSION,
        attribute::NETWORK_TRANSPORT,
        attribute::NETWORK_PROTOCOL_NAME,
        attribute::NETWORK_PROTOCOL_VERSION,
    ],
)
.with_buckets(&MCP_BUCKETS);

/// Messages that a server answered.
pub const CLIENT_OPERATION_DURATION: Metric = Metric::histogram(
    "mcp.client.operation.duration",
    "mcp_client_operation_duration_seconds",
    "Time of an MCP message that the gateway sent to an MCP server, to the end of its answer",
    &[
        SERVER,
        attribute::SERVER_ADDRESS,
        attribute::SERVER_PORT,
        attribute::MCP_METHOD_NAME,
        attribute::GEN_AI_TOOL_NAME,
        attribute::GEN_AI_OPERATION_NAME,
        attribute::ERROR_TYPE,
        attribute::RPC_RESPONSE_STATUS_CODE,
        attribute::MCP_PROTOCOL_VERSION,
        attribute::NETWORK_TRANSPORT,
        attribute::NETWORK_PROTOCOL_NAME,
        attribute::NETWORK_PROTOCOL_VERSION,
    ],
)
.with_buckets(&MCP_BUCKETS);

/// Sessions between clients and the gateway.
pub const SERVER_SESSION_DURATION: Metric = Metric::histogram(
    "mcp.server.session.duration",
    "mcp_server_session_duration_seconds",
    "Time of a session between a client and the gateway, from initialize to DELETE or to the end of its lifetime",
    &[
        attribute::ERROR_TYPE,
        attribute::MCP_PROTOCOL_VERSION,
        attribute::NETWORK_TRANSPORT,
        attribute::NETWORK_PROTOCOL_NAME,
    ],
)
.with_buckets(&MCP_BUCKETS);

/// Sessions between the gateway and servers.
pub const CLIENT_SESSION_DURATION: Metric = Metric::histogram(
    "mcp.client.session.duration",
    "mcp_client_session_duration_seconds",
    "Time of a session between the gateway and an MCP server, from initialize until it was closed, lost or given up",
    &[
        SERVER,
        attribute::SERVER_ADDRESS,
        attribute::SERVER_PORT,
        attribute::ERROR_TYPE,
        attribute::MCP_PROTOCOL_VERSION,
        attribute::NETWORK_TRANSPORT,
        attribute::NETWORK_PROTOCOL_NAME,
    ],
)
.with_buckets(&MCP_BUCKETS);

/// Rounds of discovery.
pub const BROKER_DISCOVERY: Metric = Metric::counter(
    "mcp_broker_discovery_total",
    "mcp_broker_discovery_total",
    "{round}",
    "Rounds of discovery with an MCP server, by outcome",
    &[SERVER_NAME, STATUS],
);

/// The time of one round of discovery.
pub const BROKER_DISCOVERY_DURATION: Metric = Metric::histogram(
    "mcp_broker_discovery_duration_seconds",
    "mcp_broker_discovery_duration_seconds",
    "Time of one round of discovery with an MCP server",
    &[SERVER_NAME],
)
.with_buckets(&CONNECT_BUCKETS);

/// The tools of a server.
pub const BROKER_TOOLS_DISCOVERED: Metric = Metric::gauge(
    "mcp_broker_tools_discovered",
    "mcp_broker_tools_discovered",
    "{tool}",
    "Tools that an MCP server offers",
    &[SERVER_NAME],
);

/// Connections that failed.
pub const BROKER_UPSTREAM_CONNECTION_FAILURES: Metric = Metric::counter(
    "mcp_broker_upstream_connection_failures_total",
    "mcp_broker_upstream_connection_failures_total",
    "{failure}",
    "Connections to an MCP server that failed",
    &[SERVER_NAME],
);

/// The size of a server's list.
pub const BROKER_TOOLS_LIST_RESPONSE: Metric = Metric::gauge(
    "mcp_broker_tools_list_response_bytes",
    "mcp_broker_tools_list_response_bytes",
    "By",
    "Size of the list of tools as an MCP server sent it",
    &[SERVER_NAME],
);

/// Requests of clients.
pub const REQUESTS: Metric = Metric::counter(
    "mcp.gateway.requests",
    "mcp_gateway_requests_total",
    "{request}",
    "HTTP requests that the router has seen, by front end, status and who failed",
    &[FRONT_END, STATUS_CLASS, attribute::ERROR_SOURCE],
);

/// Gateway sessions opened.
pub const SESSIONS_OPENED: Metric = Metric::counter(
    "mcp.gateway.sessions.opened",
    "mcp_gateway_sessions_opened_total",
    "{session}",
    "Sessions that clients opened with the gateway",
    &[],
);

/// Gateway sessions ended.
pub const SESSIONS_ENDED: Metric = Metric::counter(
    "mcp.gateway.sessions.ended",
    "mcp_gateway_sessions_ended_total",
    "{session}",
    "Sessions with the gateway that clients ended",
    &[],
);

/// Gateway sessions that are alive.
pub const SESSIONS_ACTIVE: Metric = Metric::up_down_counter(
    "mcp.gateway.sessions.active",
    "mcp_gateway_sessions_active",
    "{session}",
    "Sessions that clients opened with this process and that have neither been ended nor expired",
    &[],
);

/// Event streams of clients.
pub const STREAMS_OPEN: Metric = Metric::up_down_counter(
    "mcp.gateway.streams.open",
    "mcp_gateway_streams_open",
    "{stream}",
    "Event streams that clients have open",
    &[],
);

/// Looks into the cache of sessions with servers.
pub const SESSION_CACHE_LOOKUPS: Metric = Metric::counter(
    "mcp.gateway.session.cache.lookups",
    "mcp_gateway_session_cache_lookups_total",
    "{lookup}",
    "Looks into the cache of sessions with MCP servers, by result",
    &[RESULT],
);

/// Sessions opened with servers, and failures to.
pub const SESSION_INIT_DURATION: Metric = Metric::histogram(
    "mcp.gateway.session.init.duration",
    "mcp_gateway_session_init_duration_seconds",
    "Time to open a session with an MCP server on behalf of a client; error_type says why it could not be",
    &[SERVER, attribute::ERROR_TYPE],
)
.with_buckets(&CONNECT_BUCKETS);

/// Bounds that were reached.
pub const LIMIT_REACHED: Metric = Metric::counter(
    "mcp.gateway.limit.reached",
    "mcp_gateway_limit_reached_total",
    "{event}",
    "Times that a bound of the gateway was reached, by bound",
    &[LIMIT],
);

/// Observations beyond the bound of a metric.
pub const SERIES_OVERFLOW: Metric = Metric::counter(
    "mcp.gateway.metric.series.overflow",
    "mcp_gateway_metric_series_overflow_total",
    "{observation}",
    "Observations that went to the series _OTHER because their metric has too many series",
    &[METRIC],
);

/// Whether the gateway observes anything.
pub const METRICS_ENABLED: Metric = Metric::gauge(
    "mcp.gateway.metrics.enabled",
    "mcp_gateway_metrics_enabled",
    "1",
    "1 while requests are measured; 0 when telemetry.metrics.enabled is false, and only the process and telemetry are",
    &[],
);

/// Every metric, in the order in which they are shown.
pub const ALL: &[&Metric] = &[
    &SERVER_OPERATION_DURATION,
    &CLIENT_OPERATION_DURATION,
    &SERVER_SESSION_DURATION,
    &CLIENT_SESSION_DURATION,
    &BROKER_DISCOVERY,
    &BROKER_DISCOVERY_DURATION,
    &BROKER_TOOLS_DISCOVERED,
    &BROKER_UPSTREAM_CONNECTION_FAILURES,
    &BROKER_TOOLS_LIST_RESPONSE,
    &REQUESTS,
    &SESSIONS_OPENED,
    &SESSIONS_ENDED,
    &SESSIONS_ACTIVE,
    &STREAMS_OPEN,
    &SESSION_CACHE_LOOKUPS,
    &SESSION_INIT_DURATION,
    &LIMIT_REACHED,
    &SERIES_OVERFLOW,
    &METRICS_ENABLED,
    &sdk::TRACES,
    &sdk::NOT_SAMPLED_BY_PARENT,
    &sdk::CALLER_OVER_RATE,
    &sdk::SPAN_PROCESSOR.processed,
    &sdk::SPAN_PROCESSOR.queue_size,
    &sdk::SPAN_PROCESSOR.queue_capacity,
    &sdk::SPAN_EXPORTER.exported,
    &sdk::SPAN_EXPORTER.inflight,
    &sdk::LOG_PROCESSOR.processed,
    &sdk::LOG_PROCESSOR.queue_size,
    &sdk::LOG_PROCESSOR.queue_capacity,
    &sdk::LOG_EXPORTER.exported,
    &sdk::LOG_EXPORTER.inflight,
    &sdk::METRIC_DATA_POINT_EXPORTER.exported,
    &sdk::METRIC_DATA_POINT_EXPORTER.inflight,
    &sdk::LAST_SUCCESS,
    &process::CPU,
    &process::MEMORY,
    &process::OPEN_FDS,
    &process::MAX_FDS,
    &process::THREADS,
    &process::START_TIME,
];

impl Metric {
    const fn new(
        kind: Kind,
        (name, prometheus): (&'static str, &'static str),
        unit: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self { name, prometheus, kind, unit, help, labels, buckets: &[] }
    }

    const fn counter(
        name: &'static str,
        prometheus: &'static str,
        unit: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self::new(Kind::Counter, (name, prometheus), unit, help, labels)
    }

    const fn up_down_counter(
        name: &'static str,
        prometheus: &'static str,
        unit: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self::new(Kind::UpDownCounter, (name, prometheus), unit, help, labels)
    }

    const fn gauge(
        name: &'static str,
        prometheus: &'static str,
        unit: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self::new(Kind::Gauge, (name, prometheus), unit, help, labels)
    }

    /// A histogram of seconds.
    const fn histogram(
        name: &'static str,
        prometheus: &'static str,
        help: &'static str,
        labels: &'static [&'static str],
    ) -> Self {
        Self::new(Kind::Histogram, (name, prometheus), "s", help, labels)
    }

    const fn with_buckets(self, buckets: &'static [f64]) -> Self {
        Self { buckets, ..self }
    }
}
