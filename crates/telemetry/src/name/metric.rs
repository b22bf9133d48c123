//! Names of metrics as Prometheus shows them, without the suffixes `_total`, `_bucket`, `_sum` and `_count`.
//!
//! A dot of an OpenTelemetry name is an underscore here, and the unit stands at the end.

/// Counter: rounds of discovery with a server. Labels `server_name`, `status`.
pub const BROKER_DISCOVERY: &str = "mcp_broker_discovery";
/// Histogram, seconds: the time of one round. Label `server_name`.
pub const BROKER_DISCOVERY_DURATION: &str = "mcp_broker_discovery_duration";
/// Gauge: tools that a server offers. Label `server_name`.
pub const BROKER_TOOLS_DISCOVERED: &str = "mcp_broker_tools_discovered";
/// Counter: failed connections to a server. Label `server_name`.
pub const BROKER_UPSTREAM_CONNECTION_FAILURES: &str = "mcp_broker_upstream_connection_failures";
/// Gauge, bytes: the list of tools as the server sent it. Label `server_name`.
pub const BROKER_TOOLS_LIST_RESPONSE: &str = "mcp_broker_tools_list_response";

/// Histogram, seconds: `mcp.server.operation.duration` of the conventions, messages that the gateway answered.
pub const SERVER_OPERATION_DURATION: &str = "mcp_server_operation_duration";
/// Histogram, seconds: `mcp.client.operation.duration` of the conventions, messages that a server answered.
pub const CLIENT_OPERATION_DURATION: &str = "mcp_client_operation_duration";

/// Counter: gateway sessions opened.
pub const SESSIONS_OPENED: &str = "mcp_gateway_sessions_opened";
/// Counter: gateway sessions that their clients ended.
pub const SESSIONS_ENDED: &str = "mcp_gateway_sessions_ended";
/// Gauge: event streams (GET) that are open.
pub const STREAMS_OPEN: &str = "mcp_gateway_streams_open";
/// Counter: looks into the cache of sessions with servers. Label `result`, `hit` or `miss`.
pub const SESSION_CACHE_LOOKUPS: &str = "mcp_gateway_session_cache_lookups";
/// Counter: a bound of the gateway was reached. Label `limit`, the name of the bound.
pub const LIMIT_REACHED: &str = "mcp_gateway_limit_reached";
/// Counter: observations that went to the overflow series because a metric has too many. Label `metric`.
pub const SERIES_OVERFLOW: &str = "mcp_gateway_metric_series_overflow";

/// Counter: `otel.sdk.processor.span.processed`; with `error_type` the spans that were dropped.
pub const OTEL_PROCESSED: &str = "otel_sdk_processor_span_processed";
/// Counter: `otel.sdk.exporter.span.exported`; with `error_type` the spans that the receiver never acknowledged.
pub const OTEL_EXPORTED: &str = "otel_sdk_exporter_span_exported";
/// Gauge: `otel.sdk.exporter.span.inflight`.
pub const OTEL_INFLIGHT: &str = "otel_sdk_exporter_span_inflight";
/// Gauge: `otel.sdk.processor.span.queue.size`.
pub const OTEL_QUEUE_SIZE: &str = "otel_sdk_processor_span_queue_size";
/// Gauge: `otel.sdk.processor.span.queue.capacity`.
pub const OTEL_QUEUE_CAPACITY: &str = "otel_sdk_processor_span_queue_capacity";
/// Counter: root spans that were not sampled because the caller had decided so.
pub const NOT_SAMPLED_BY_PARENT: &str = "mcp_gateway_traces_not_sampled_by_parent";
