//! The part of the table that is about single signals.

use super::Variable;
use super::table::variable;

pub(super) const SPANS: &[Variable] = &[
    variable(
        "OTEL_TRACES_SAMPLER",
        "parentbased_always_on",
        "`always_on`, `always_off`, `traceidratio`, each also with `parentbased_`: then a caller's decision counts. Rules in \
         the configuration file come first.",
        "the_sampler_keeps_its_part_of_all_traces",
    ),
    variable(
        "OTEL_TRACES_SAMPLER_ARG",
        "1",
        "The part of all traces that `traceidratio` keeps, from 0 to 1.",
        "the_sampler_keeps_its_part_of_all_traces",
    ),
    variable(
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "2048",
        "Most spans that wait for export; what comes later is dropped and counted. At most 100000.",
        "no_more_items_wait_than_the_queue_may_hold",
    ),
    variable(
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "Most spans in one request; at most the size of the queue.",
        "no_request_has_more_items_than_a_batch_may_have",
    ),
    variable(
        "OTEL_BSP_SCHEDULE_DELAY",
        "5000",
        "The longest that a span waits for others.",
        "items_wait_for_others_as_long_as_they_are_told",
    ),
    variable(
        "OTEL_BSP_EXPORT_TIMEOUT",
        "30000",
        "The time for one batch, whatever `OTEL_EXPORTER_OTLP_TIMEOUT` allows.",
        "a_batch_has_as_much_time_as_it_is_told",
    ),
    variable(
        "OTEL_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Most attributes of one span or log record, where no variable says it for the one or the other. At most 1024.",
        "attributes_beyond_the_limit_are_dropped_and_counted",
    ),
    variable(
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "",
        "The longest text of an attribute, where no variable says it for spans or log records; the rest is cut off. \
         Bytes beyond 4096 are in any case.",
        "texts_are_cut_at_the_limit_in_characters",
    ),
    variable(
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Most attributes of one span.",
        "attributes_beyond_the_limit_are_dropped_and_counted",
    ),
    variable(
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "",
        "The longest text of an attribute of a span.",
        "texts_are_cut_at_the_limit_in_characters",
    ),
    variable(
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "",
        "No effect, since the gateway's spans have no events. A notice says so.",
        "what_has_no_effect_is_answered",
    )
    .any(),
    variable(
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "128",
        "Most links of one span.",
        "links_beyond_the_limit_are_dropped_and_counted",
    ),
    variable(
        "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
        "",
        "No effect, since the gateway's spans have no events. A notice says so.",
        "what_has_no_effect_is_answered",
    )
    .any(),
    variable(
        "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
        "",
        "No effect, since the gateway's links have no attributes. A notice says so.",
        "what_has_no_effect_is_answered",
    )
    .any(),
];

pub(super) const LOGS: &[Variable] = &[
    variable(
        "OTEL_BLRP_MAX_QUEUE_SIZE",
        "2048",
        "Most log records that wait for export; what comes later is dropped and counted. At most 100000.",
        "no_more_items_wait_than_the_queue_may_hold",
    ),
    variable(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
        "512",
        "Most log records in one request; at most the size of the queue.",
        "no_request_has_more_items_than_a_batch_may_have",
    ),
    variable(
        "OTEL_BLRP_SCHEDULE_DELAY",
        "1000",
        "The longest that a log record waits for others.",
        "items_wait_for_others_as_long_as_they_are_told",
    ),
    variable(
        "OTEL_BLRP_EXPORT_TIMEOUT",
        "30000",
        "The time for one batch, whatever `OTEL_EXPORTER_OTLP_TIMEOUT` allows.",
        "a_batch_has_as_much_time_as_it_is_told",
    ),
    variable(
        "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
        "128",
        "Most attributes of one log record.",
        "attributes_beyond_the_limit_are_dropped_and_counted",
    ),
    variable(
        "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "",
        "The longest text of an attribute of a log record.",
        "texts_are_cut_at_the_limit_in_characters",
    ),
];

pub(super) const METRICS: &[Variable] = &[
    variable(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "60000",
        "The time between two exports.",
        "metrics_are_pushed_as_often_as_they_are_told",
    ),
    variable(
        "OTEL_METRIC_EXPORT_TIMEOUT",
        "30000",
        "The time for one export, whatever `OTEL_EXPORTER_OTLP_TIMEOUT` allows.",
        "a_push_has_as_much_time_as_it_is_told",
    ),
    variable(
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
        "cumulative",
        "Whether pushed counters and histograms count from the start of the process (`cumulative`) or from the export before \
         (`delta`; `lowmemory` too, but for what is about the process and telemetry itself).",
        "metrics_count_since_when_they_are_told",
    ),
    variable(
        "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
        "explicit_bucket_histogram",
        "`explicit_bucket_histogram`, the only form there is; another is noticed.",
        "what_has_no_effect_is_answered",
    ),
    variable(
        "OTEL_METRICS_EXEMPLAR_FILTER",
        "trace_based",
        "Which measurements carry a trace id, at `/metrics` too: `trace_based` (those of recorded spans), `always_on` (those \
         of every trace), `always_off`.",
        "only_chosen_measurements_carry_a_trace",
    ),
    variable(
        "OTEL_EXPORTER_PROMETHEUS_HOST",
        "",
        "No effect: `/metrics` is on the admin listener (`adminListen`, `--admin-listen`). A notice says so.",
        "prometheus_does_not_push_and_says_where_metrics_are",
    )
    .any(),
    variable(
        "OTEL_EXPORTER_PROMETHEUS_PORT",
        "",
        "The same.",
        "prometheus_does_not_push_and_says_where_metrics_are",
    )
    .any(),
];
