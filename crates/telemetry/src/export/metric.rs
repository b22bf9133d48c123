//! Metrics: when they leave, and their form in OTLP.
//!
//! Nothing waits in a queue: at each interval, and once more at the end, a worker reads every metric and sends all points, as a
//! rule in one request. Points that count from the start of the process are not lost for good when an export fails: the next one
//! says the same and more.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum,
};
use prost::Message as _;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, sleep_until};

use super::health::{FailureReason, Health};
use super::otlp::Encode;
use super::queue::BATCH_BYTES_MAX;
use super::resource::ResourceEncoder;
use super::supervise::supervise;
use super::worker::{Accepted, Closing, Sink, settle};
use crate::metrics::{Metrics, MetricsReader, Temporality, data_points};

/// The instrumentation scope of every metric.
const SCOPE: &str = "mcp-gateway";

/// Where metrics come from, as soon as somebody says so.
pub(crate) type Source = watch::Receiver<Option<Metrics>>;

/// How metrics are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// The time between two exports.
    pub(crate) interval: Duration,
    /// The time for one export, whatever the exporter allows itself.
    pub(crate) timeout: Duration,
    pub(crate) temporality: Temporality,
}

/// Works until the gateway stops; the last export is made then.
pub(crate) async fn run(
    health: Arc<Health>,
    sink: impl Sink<Metric>,
    reading: Reading,
    mut source: Source,
    closing: Closing,
) {
    let metrics = tokio::select! {
        known = source.wait_for(Option::is_some) => known.ok().and_then(|known| known.clone()),
        () = closing.wait() => None,
    };
    let Some(metrics) = metrics else {
        return;
    };
    // Beside the work, so that differences go on where they were after a panic.
    let reader = Mutex::new(metrics.reader(reading.temporality));
    supervise(&health, || read(&health, &sink, reading, &reader, &closing)).await;
}

/// Reads and exports until the gateway stops.
async fn read(
    health: &Health,
    sink: &impl Sink<Metric>,
    reading: Reading,
    reader: &Mutex<MetricsReader>,
    closing: &Closing,
) {
    // What waits now was read by one that failed before it could send it.
    health.send(health.status().queued);
    health.settle(u64::MAX, FailureReason::Panic);
    let mut reader = reader.lock().await;
    let mut due = Instant::now() + reading.interval;
    loop {
        let is_last = tokio::select! {
            biased;
            () = closing.wait() => true,
            () = sleep_until(due) => false,
        };
        // From the beginning of this export, so that the pace does not depend on the receiver's.
        due = Instant::now() + reading.interval;
        let metrics = reader.collect(SystemTime::now());
        // All of the reading before its first request, so that what does not leave in time is known to be lost.
        health.create(count(&metrics));
        for batch in batches(metrics) {
            let count = count(&batch);
            settle(health, count, reading.timeout, sink.export(batch, closing)).await;
        }
        if is_last {
            return;
        }
    }
}

/// How many points metrics have.
fn count(metrics: &[Metric]) -> u64 {
    u64::try_from(data_points(metrics)).unwrap_or(u64::MAX)
}

/// Divides metrics into requests that any receiver takes; a metric that is larger by itself goes in parts.
fn batches(metrics: Vec<Metric>) -> Vec<Vec<Metric>> {
    let mut batches: Vec<Vec<Metric>> = Vec::new();
    let mut bytes = 0;
    for metric in metrics.into_iter().flat_map(parts) {
        let len = metric.encoded_len();
        match batches.last_mut() {
            Some(batch) if bytes + len <= BATCH_BYTES_MAX => {
                bytes += len;
                batch.push(metric);
            }
            _ => {
                bytes = len;
                batches.push(vec![metric]);
            }
        }
    }
    batches
}

/// Divides the points of a metric that is too large for one request; each part has the metric's name and description.
fn parts(metric: Metric) -> Vec<Metric> {
    if metric.encoded_len() <= BATCH_BYTES_MAX {
        return vec![metric];
    }
    let Metric { name, description, unit, metadata, data } = metric;
    let data: Vec<Data> = match data {
        Some(Data::Gauge(Gauge { data_points })) => {
            let parts = divided(data_points).into_iter();
            parts.map(|data_points| Data::Gauge(Gauge { data_points })).collect()
        }
        Some(Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })) => {
            let sum = |data_points| Sum { data_points, aggregation_temporality, is_monotonic };
            divided(data_points).into_iter().map(|points| Data::Sum(sum(points))).collect()
        }
        Some(Data::Histogram(Histogram { data_points, aggregation_temporality })) => {
            let histogram = |data_points| Histogram { data_points, aggregation_temporality };
            let parts = divided(data_points).into_iter();
            parts.map(|points| Data::Histogram(histogram(points))).collect()
        }
        // The gateway has none of these.
        Some(other @ (Data::ExponentialHistogram(_) | Data::Summary(_))) => vec![other],
        None => Vec::new(),
    };
    let part = |data| Metric {
        name: name.clone(),
        description: description.clone(),
        unit: unit.clone(),
        metadata: metadata.clone(),
        data: Some(data),
    };
    data.into_iter().map(part).collect()
}

/// Divides points into groups of at most [`BATCH_BYTES_MAX`], or of one.
fn divided<P: prost::Message>(points: Vec<P>) -> Vec<Vec<P>> {
    /// Tag and length around a point.
    const AROUND: usize = 8;
    let mut groups: Vec<Vec<P>> = Vec::new();
    let mut bytes = 0;
    for point in points {
        let len = AROUND + point.encoded_len();
        match groups.last_mut() {
            Some(group) if bytes + len <= BATCH_BYTES_MAX => {
                bytes += len;
                group.push(point);
            }
            _ => {
                bytes = len;
                groups.push(vec![point]);
            }
        }
    }
    groups
}

/// Writes metrics as OTLP.
#[derive(Debug)]
pub(crate) struct MetricEncoder(pub(crate) ResourceEncoder);

impl Encode<Metric> for MetricEncoder {
    const GRPC_PATH: &'static str =
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    type Request = ExportMetricsServiceRequest;
    type Response = ExportMetricsServiceResponse;

    fn request(&self, batch: Vec<Metric>) -> ExportMetricsServiceRequest {
        let scope = InstrumentationScope {
            name: SCOPE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let scope_metrics =
            ScopeMetrics { scope: Some(scope), metrics: batch, ..ScopeMetrics::default() };
        let resource_metrics = ResourceMetrics {
            resource: Some(self.0.resource()),
            scope_metrics: vec![scope_metrics],
            ..ResourceMetrics::default()
        };
        ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
    }

    fn accepted(response: ExportMetricsServiceResponse) -> Accepted {
        response.partial_success.map_or_else(Accepted::default, |partial| {
            Accepted::partly(partial.rejected_data_points, partial.error_message)
        })
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::{Histogram, HistogramDataPoint, Metric};
    use prost::Message as _;

    use super::{BATCH_BYTES_MAX, batches};

    /// What a gRPC receiver takes when nobody says otherwise.
    const GRPC_BYTES_MAX: usize = 4 * 1024 * 1024;

    #[test]
    fn requests_are_divided_between_metrics() {
        let metric = |bytes: usize| Metric { description: "x".repeat(bytes), ..Metric::default() };
        let half = BATCH_BYTES_MAX / 2;
        let sizes =
            |metrics: Vec<Metric>| batches(metrics).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![]), [0; 0]);
        assert_eq!(sizes(vec![metric(1), metric(2), metric(3)]), [3]);
        assert_eq!(sizes(vec![metric(half), metric(half), metric(1)]), [1, 2]);
    }

    #[test]
    fn a_metric_with_very_many_series_goes_in_parts() {
        let label = |at: usize| KeyValue {
            key: "tool".to_owned(),
            value: Some(AnyValue { value: Some(any_value::Value::StringValue(format!("{at}"))) }),
            ..KeyValue::default()
        };
        let point = |at| HistogramDataPoint {
            attributes: vec![label(at)],
            bucket_counts: vec![u64::MAX; 16],
            explicit_bounds: vec![0.5; 15],
            ..HistogramDataPoint::default()
        };
        let data_points: Vec<_> = (0..20_000).map(point).collect();
        let (name, aggregation_temporality) = ("duration".to_owned(), 2);
        let histogram = Histogram { data_points: data_points.clone(), aggregation_temporality };
        let whole = Metric { name, data: Some(Data::Histogram(histogram)), ..Metric::default() };
        let mut found = Vec::new();
        let batches = batches(vec![whole]);
        assert!(batches.len() > 1, "{}", batches.len());
        for metric in batches.into_iter().flatten() {
            assert!(metric.encoded_len() <= GRPC_BYTES_MAX, "{}", metric.encoded_len());
            assert_eq!(metric.name, "duration");
            let Some(Data::Histogram(part)) = metric.data else { panic!("another kind") };
            assert_eq!(part.aggregation_temporality, 2);
            found.extend(part.data_points);
        }
        assert_eq!(found, data_points);
    }
}
