//! Telemetry about telemetry, under the names that OpenTelemetry gives the metrics of its SDKs.
//!
//! Points of metrics are read when they leave, so they have no queue and no processor.

use super::Metric;
use crate::name::attribute;

/// The metrics of a queue in front of an exporter.
#[derive(Clone, Copy, Debug)]
pub struct Processor {
    /// Items that left the queue; with `error.type` those that were dropped.
    pub processed: Metric,
    /// Items that wait.
    pub queue_size: Metric,
    /// The most items that may wait.
    pub queue_capacity: Metric,
}

/// The metrics of an exporter.
#[derive(Clone, Copy, Debug)]
pub struct Exporter {
    /// Items that the receiver acknowledged; with `error.type` those that it did not.
    pub exported: Metric,
    /// Items on their way.
    pub inflight: Metric,
}

/// The label that tells exporters apart: `otlp_http_log_exporter/audit`.
pub const COMPONENT_NAME: &str = "otel.component.name";
/// The label that names the kind of exporter: `otlp_http_span_exporter`.
pub const COMPONENT_TYPE: &str = "otel.component.type";

const OUTCOME: &[&str] = &[COMPONENT_NAME, COMPONENT_TYPE, attribute::ERROR_TYPE];
const COMPONENT: &[&str] = &[COMPONENT_NAME, COMPONENT_TYPE];

macro_rules! processor {
    ($item:literal, $unit:literal, $items:literal) => {
        Processor {
            processed: Metric::counter(
                concat!("otel.sdk.processor.", $item, ".processed"),
                concat!("otel_sdk_processor_", $item, "_processed_total"),
                $unit,
                concat!(
                    $items,
                    " that left the queue for the exporter; with error_type those that were dropped"
                ),
                OUTCOME,
            ),
            queue_size: Metric::up_down_counter(
                concat!("otel.sdk.processor.", $item, ".queue.size"),
                concat!("otel_sdk_processor_", $item, "_queue_size"),
                $unit,
                concat!($items, " that wait for the exporter"),
                COMPONENT,
            ),
            queue_capacity: Metric::up_down_counter(
                concat!("otel.sdk.processor.", $item, ".queue.capacity"),
                concat!("otel_sdk_processor_", $item, "_queue_capacity"),
                $unit,
                concat!($items, " that may wait for the exporter at most"),
                COMPONENT,
            ),
        }
    };
}

macro_rules! exporter {
    ($item:literal, $unit:literal, $items:literal) => {
        Exporter {
            exported: Metric::counter(
                concat!("otel.sdk.exporter.", $item, ".exported"),
                concat!("otel_sdk_exporter_", $item, "_exported_total"),
                $unit,
                concat!(
                    $items,
                    " that the receiver acknowledged; with error_type those that it did not"
                ),
                OUTCOME,
            ),
            inflight: Metric::up_down_counter(
                concat!("otel.sdk.exporter.", $item, ".inflight"),
                concat!("otel_sdk_exporter_", $item, "_inflight"),
                $unit,
                concat!($items, " on their way to the receiver"),
                COMPONENT,
            ),
        }
    };
}

/// Spans that wait.
pub const SPAN_PROCESSOR: Processor = processor!("span", "{span}", "Spans");
/// Spans that leave.
pub const SPAN_EXPORTER: Exporter = exporter!("span", "{span}", "Spans");
/// Log records that wait.
pub const LOG_PROCESSOR: Processor = processor!("log", "{log_record}", "Log records");
/// Log records that leave.
pub const LOG_EXPORTER: Exporter = exporter!("log", "{log_record}", "Log records");
/// Points of metrics that leave; they never wait.
pub const METRIC_DATA_POINT_EXPORTER: Exporter =
    exporter!("metric_data_point", "{data_point}", "Metric points");

/// Requests without spans because their caller had decided so.
pub const NOT_SAMPLED_BY_PARENT: Metric = Metric::counter(
    "mcp.gateway.traces.not_sampled_by_parent",
    "mcp_gateway_traces_not_sampled_by_parent_total",
    "{trace}",
    "Traces that were not recorded because the caller said sampled=0",
    &[],
);

/// Traces by what was decided of them.
pub const TRACES: Metric = Metric::counter(
    "mcp.gateway.traces",
    "mcp_gateway_traces_total",
    "{trace}",
    "Traces that began at the gateway, by what was decided of them",
    &[DECISION],
);

/// What was decided of a trace.
pub const DECISION: &str = "decision";

/// Callers' sampled=1 beyond the rate at which it is believed.
pub const CALLER_OVER_RATE: Metric = Metric::counter(
    "mcp.gateway.traces.caller_over_rate",
    "mcp_gateway_traces_caller_over_rate_total",
    "{trace}",
    "Traces whose caller said sampled=1 beyond telemetry.sampling.callerSampledPerSecondMax; decided as if it had not",
    &[],
);

/// When an exporter last reached its receiver.
pub const LAST_SUCCESS: Metric = Metric::gauge(
    "mcp.gateway.telemetry.last_success",
    "mcp_gateway_telemetry_last_success_timestamp_seconds",
    "s",
    "When a receiver last acknowledged something of this exporter, since the Unix epoch; absent until it did",
    &[COMPONENT_NAME, COMPONENT_TYPE],
);
