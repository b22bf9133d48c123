//! The variables about metrics: how often, for how long, since when they count, and which carry a trace.

use std::time::Duration;

use mcp_gateway_telemetry::metrics::Operation;
use mcp_gateway_telemetry::status::FailureReason;
use mcp_gateway_telemetry::{Metrics, RemoteContext, SHUTDOWN_DEADLINE, Signal, Span, SpanKind};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};

use super::{account, batches, telemetry};
use crate::support::receiver::{Answer, Receiver};
use crate::support::{eventually, run};

const OPERATIONS: &str = "mcp.server.operation.duration";

#[test]
fn metrics_are_pushed_as_often_as_they_are_told() {
    run(async {
        let (patient, hasty) = (Receiver::start().await, Receiver::start().await);
        let pushing = |receiver: &Receiver, interval: &str| {
            let endpoint = format!("http://localhost:{}", receiver.port);
            let telemetry = telemetry(&[
                ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint.as_str()),
                ("OTEL_METRIC_EXPORT_INTERVAL", interval),
            ]);
            telemetry.start_metrics(&Metrics::new(telemetry.status()));
            telemetry
        };
        let slow = pushing(&patient, "600000");
        let fast = pushing(&hasty, "20");
        hasty.wait_for_batches(3).await;
        assert_eq!(patient.batches().len(), 0);
        slow.shutdown(SHUTDOWN_DEADLINE).await;
        assert_eq!(patient.batches().len(), 1, "the last values are sent at the end");
        fast.shutdown(SHUTDOWN_DEADLINE).await;
    });
}

#[test]
fn a_push_has_as_much_time_as_it_is_told() {
    run(async {
        let receiver = Receiver::answering(&[const { Answer::Nothing }; 8]).await;
        let endpoint = format!("http://localhost:{}", receiver.port);
        let telemetry = telemetry(&[
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "10"),
            ("OTEL_METRIC_EXPORT_TIMEOUT", "50"),
        ]);
        telemetry.start_metrics(&Metrics::new(telemetry.status()));
        let failed = || account(&telemetry, Signal::Metrics).failed_total() > 0;
        eventually(failed, || format!("{:#?}", telemetry.status())).await;
        let failed = account(&telemetry, Signal::Metrics).failed;
        assert_eq!(failed.first().map(|(reason, _)| *reason), Some(FailureReason::Timeout));
        telemetry.shutdown(Duration::ZERO).await;
    });
}

/// What is pushed after one operation in a span that is sampled, or is not.
fn pushed(variables: &[(&str, &str)], sampler: &str) -> Vec<Metric> {
    run(async {
        let receiver = Receiver::start().await;
        let endpoint = format!("http://localhost:{}", receiver.port);
        let mut all = vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_TRACES_SAMPLER", sampler),
        ];
        all.extend(variables);
        let telemetry = telemetry(&all);
        let metrics = Metrics::new(telemetry.status());
        telemetry.start_metrics(&metrics);
        let span = telemetry.tracer().start("a", SpanKind::Server, &RemoteContext::none(), |_| {});
        observe(&metrics, &span);
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let batches = batches(&receiver, Signal::Metrics);
        batches.iter().flat_map(|batch| batch.request.metrics()).cloned().collect()
    })
}

fn observe(metrics: &Metrics, span: &Span) {
    let operation = Operation { method: "tools/call", ..Operation::default() };
    metrics.server_operation(operation, Some(Duration::from_millis(3)), || span.exemplar());
}

fn temporality(metrics: &[Metric], name: &str) -> Option<AggregationTemporality> {
    let found = metrics.iter().find(|metric| metric.name == name)?;
    let temporality = match found.data.as_ref()? {
        Data::Sum(sum) => sum.aggregation_temporality,
        Data::Histogram(histogram) => histogram.aggregation_temporality,
        other @ (Data::Gauge(_) | Data::ExponentialHistogram(_) | Data::Summary(_)) => {
            panic!("{other:?}")
        }
    };
    AggregationTemporality::try_from(temporality).ok()
}

#[test]
fn metrics_count_since_when_they_are_told() {
    use AggregationTemporality::{Cumulative, Delta};
    for (value, operations, process) in [
        ("", Cumulative, Cumulative),
        ("cumulative", Cumulative, Cumulative),
        ("delta", Delta, Delta),
        ("lowmemory", Delta, Cumulative),
    ] {
        let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
        let metrics = pushed(&[(variable, value)], "always_on");
        assert_eq!(temporality(&metrics, OPERATIONS), Some(operations), "{value}");
        assert_eq!(temporality(&metrics, "process.cpu.time"), Some(process), "{value}");
    }
}

#[test]
fn only_chosen_measurements_carry_a_trace() {
    for (value, of_sampled, of_others) in
        [("", 1, 0), ("trace_based", 1, 0), ("always_on", 1, 1), ("always_off", 0, 0)]
    {
        for (sampler, expect) in [("always_on", of_sampled), ("always_off", of_others)] {
            let metrics = pushed(&[("OTEL_METRICS_EXEMPLAR_FILTER", value)], sampler);
            let found = metrics.iter().find(|metric| metric.name == OPERATIONS);
            let Some(Data::Histogram(histogram)) = found.and_then(|found| found.data.as_ref())
            else {
                panic!("{metrics:#?}");
            };
            let exemplars = &histogram.data_points[0].exemplars;
            assert_eq!(exemplars.len(), expect, "{value}, {sampler}: {exemplars:?}");
            assert!(exemplars.iter().all(|exemplar| exemplar.trace_id.len() == 16));
        }
    }
}
