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
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
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
        for batch in batches(reader.collect(SystemTime::now())) {
            let count = u64::try_from(data_points(&batch)).unwrap_or(u64::MAX);
            health.create(count);
            settle(health, count, reading.timeout, sink.export(batch, closing)).await;
        }
        if is_last {
            return;
        }
    }
}

/// Divides metrics into requests that any receiver takes. The points of one metric stay together.
fn batches(metrics: Vec<Metric>) -> Vec<Vec<Metric>> {
    let mut batches: Vec<Vec<Metric>> = Vec::new();
    let mut bytes = 0;
    for metric in metrics {
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
    use opentelemetry_proto::tonic::metrics::v1::Metric;

    use super::{BATCH_BYTES_MAX, batches};

    #[test]
    fn requests_are_divided_between_metrics() {
        let metric = |bytes: usize| Metric { description: "x".repeat(bytes), ..Metric::default() };
        let half = BATCH_BYTES_MAX / 2;
        let sizes =
            |metrics: Vec<Metric>| batches(metrics).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![]), [0; 0]);
        assert_eq!(sizes(vec![metric(1), metric(2), metric(3)]), [3]);
        assert_eq!(sizes(vec![metric(half), metric(half), metric(1)]), [1, 2]);
        assert_eq!(sizes(vec![metric(3 * half), metric(1), metric(3 * half)]), [1, 1, 1]);
    }
}
