//! Telemetry about telemetry, under the names that OpenTelemetry gives the metrics of its SDKs.
//!
//! The conventions have no processor of metric points; ours has a queue like the others, so its names are made the same way.

use super::Metric;
use crate::name::attribute;

/// The metrics of one signal's way out.
#[derive(Clone, Copy, Debug)]
pub struct Exporter {
    /// Items that left the queue; with `error.type` those that were dropped.
    pub processed: Metric,
    /// Items that the receiver acknowledged; with `error.type` those that it did not.
    pub exported: Metric,
    /// Items on their way.
    pub inflight: Metric,
    /// Items that wait.
    pub queue_size: Metric,
    /// The most items that may wait.
    pub queue_capacity: Metric,
}

/// The label that tells exporters apart: `otlp_http_log_exporter/audit`.
pub const COMPONENT_NAME: &str = "otel.component.name";
/// The label that names the kind of exporter: `otlp_http_span_exporter`.
pub const COMPONENT_TYPE: &str = "otel.component.type";

macro_rules! exporter {
    ($dotted:literal, $underscored:literal, $unit:literal, $items:literal) => {
        Exporter {
            processed: Metric::counter(
                concat!("otel.sdk.processor.", $dotted, ".processed"),
                concat!("otel_sdk_processor_", $underscored, "_processed_total"),
                $unit,
                concat!(
                    $items,
                    " that left the queue for the exporter; with error_type those that were dropped"
                ),
                &[COMPONENT_NAME, COMPONENT_TYPE, attribute::ERROR_TYPE],
            ),
            exported: Metric::counter(
                concat!("otel.sdk.exporter.", $dotted, ".exported"),
                concat!("otel_sdk_exporter_", $underscored, "_exported_total"),
                $unit,
                concat!(
                    $items,
                    " that the receiver acknowledged; with error_type those that it did not"
                ),
                &[COMPONENT_NAME, COMPONENT_TYPE, attribute::ERROR_TYPE],
            ),
            inflight: Metric::up_down_counter(
                concat!("otel.sdk.exporter.", $dotted, ".inflight"),
                concat!("otel_sdk_exporter_", $underscored, "_inflight"),
                $unit,
                concat!($items, " on their way to the receiver"),
                &[COMPONENT_NAME, COMPONENT_TYPE],
            ),
            queue_size: Metric::up_down_counter(
                concat!("otel.sdk.processor.", $dotted, ".queue.size"),
                concat!("otel_sdk_processor_", $underscored, "_queue_size"),
                $unit,
                concat!($items, " that wait for the exporter"),
                &[COMPONENT_NAME, COMPONENT_TYPE],
            ),
            queue_capacity: Metric::up_down_counter(
                concat!("otel.sdk.processor.", $dotted, ".queue.capacity"),
                concat!("otel_sdk_processor_", $underscored, "_queue_capacity"),
                $unit,
                concat!($items, " that may wait for the exporter at most"),
                &[COMPONENT_NAME, COMPONENT_TYPE],
            ),
        }
    };
}

/// Spans.
pub const SPAN: Exporter = exporter!("span", "span", "{span}", "Spans");
/// Log records.
pub const LOG: Exporter = exporter!("log", "log", "{log_record}", "Log records");
/// Points of metrics.
pub const METRIC_DATA_POINT: Exporter =
    exporter!("metric_data_point", "metric_data_point", "{data_point}", "Metric points");

/// Requests without spans because their caller had decided so.
pub const NOT_SAMPLED_BY_PARENT: Metric = Metric::counter(
    "mcp.gateway.traces.not_sampled_by_parent",
    "mcp_gateway_traces_not_sampled_by_parent_total",
    "{trace}",
    "Traces that were not recorded because the caller said sampled=0",
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
