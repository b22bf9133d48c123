//! Metrics: when they leave, and their form in OTLP.
//!
//! Nothing waits in a queue: at each interval, and once more at the end, a worker reads every metric and sends all points in
//! one request. Points that count from the start of the process are not lost for good when an export fails: the next one
//! says the same and more.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::health::Health;
use super::otlp::Encode;
use super::resource::ResourceEncoder;
use super::worker::{Accepted, Closing, Sink, settle};
use crate::metrics::{Metrics, Temporality, data_points};

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
    let mut reader = metrics.reader(reading.temporality);
    let mut due = Instant::now() + reading.interval;
    loop {
        let is_last = tokio::select! {
            biased;
            () = closing.wait() => true,
            () = sleep_until(due) => false,
        };
        // From the beginning of this export, so that the pace does not depend on the receiver's.
        due = Instant::now() + reading.interval;
        let batch = reader.collect(SystemTime::now());
        let count = u64::try_from(data_points(&batch)).unwrap_or(u64::MAX);
        if count > 0 {
            health.create(count);
            settle(&health, count, reading.timeout, sink.export(batch, &closing)).await;
        }
        if is_last {
            return;
        }
    }
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
