//! Writes the same metrics for OTLP.
//!
//! A [`MetricsReader`] belongs to one receiver: for delta temporality it remembers what it said before.

use std::collections::HashMap;
use std::time::SystemTime;

use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1 as proto;

use super::Metrics;
use super::exemplar::SeenExemplar;
use super::point::{Buckets, Family, Label, LabelValue, Point, Value, unix_nanos};
use crate::name::metric::{Kind, Metric};

/// What a point counts from (`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// From the beginning of the series.
    #[default]
    Cumulative,
    /// Counters and histograms from the point before.
    Delta,
    /// As delta, except what is not counted here but read elsewhere (the process, the exporters): that is cumulative.
    LowMemory,
}

/// Reads the metrics for one receiver.
#[derive(Debug)]
pub struct MetricsReader {
    metrics: Metrics,
    temporality: Temporality,
    /// What the last points said, for delta.
    before: HashMap<(&'static str, Vec<Label>), Before>,
    /// When the last points were read, in nanoseconds since the Unix epoch.
    read_at: u64,
}

/// The last point of a series.
#[derive(Clone, Debug)]
struct Before {
    since: u64,
    value: Value,
}

impl MetricsReader {
    pub(super) fn new(metrics: Metrics, temporality: Temporality) -> Self {
        Self { metrics, temporality, before: HashMap::new(), read_at: 0 }
    }

    /// Returns every metric that has a point, as it is at `now`.
    ///
    /// With delta temporality a call takes note of what it returns; what is returned and then not delivered is lost.
    pub fn collect(&mut self, now: SystemTime) -> Vec<proto::Metric> {
        let now = unix_nanos(now);
        let families = self.metrics.gather();
        let mut before = HashMap::new();
        let mut metrics = Vec::with_capacity(families.len());
        for mut family in families.into_iter().filter(|family| !family.points.is_empty()) {
            let is_delta = self.is_delta(family.metric);
            if is_delta {
                let name = family.metric.name;
                family.points.retain_mut(|point| self.difference(name, point, &mut before));
            }
            if !family.points.is_empty() {
                metrics.push(metric(family, now, is_delta));
            }
        }
        self.before = before;
        self.read_at = now;
        metrics
    }

    /// Makes the total of a series the difference to the point before, and notes the total in `totals`. Says whether there
    /// is something to say: a series in which nothing happened has no point.
    fn difference(
        &self,
        name: &'static str,
        point: &mut Point,
        totals: &mut HashMap<(&'static str, Vec<Label>), Before>,
    ) -> bool {
        let key = (name, point.labels.clone());
        let total = Before { since: point.since, value: point.value.clone() };
        let mut has_changed = true;
        if let Some(known) = self.before.get(&key)
            && known.since == point.since
        {
            subtract(&mut point.value, &known.value);
            point.since = self.read_at;
            has_changed = match &point.value {
                Value::Integer(value) => *value != 0,
                Value::Float(value) => *value > 0.0,
                Value::Histogram(buckets) => buckets.count() > 0,
            };
        }
        totals.insert(key, total);
        has_changed
    }

    fn is_delta(&self, metric: &Metric) -> bool {
        match (self.temporality, metric.kind) {
            (Temporality::Cumulative, _) | (_, Kind::UpDownCounter | Kind::Gauge) => false,
            (Temporality::Delta, Kind::Counter | Kind::Histogram) => true,
            (Temporality::LowMemory, Kind::Counter | Kind::Histogram) => {
                !metric.name.starts_with("otel.") && !metric.name.starts_with("process.")
            }
        }
    }
}

/// Says how many points `metrics` have.
pub fn data_points(metrics: &[proto::Metric]) -> usize {
    let points = metrics.iter().map(|metric| match &metric.data {
        Some(proto::metric::Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(proto::metric::Data::Sum(sum)) => sum.data_points.len(),
        Some(proto::metric::Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(proto::metric::Data::ExponentialHistogram(_) | proto::metric::Data::Summary(_))
        | None => 0,
    });
    points.sum()
}

/// Takes what was said before off a total. Exemplars that were said before are not said again.
fn subtract(value: &mut Value, before: &Value) {
    match (value, before) {
        (Value::Integer(value), Value::Integer(before)) => *value = value.saturating_sub(*before),
        (Value::Float(value), Value::Float(before)) => *value = (*value - before).max(0.0),
        (Value::Histogram(value), Value::Histogram(before)) => {
            for (count, before) in value.counts.iter_mut().zip(&before.counts) {
                *count = count.saturating_sub(*before);
            }
            value.sum = (value.sum - before.sum).max(0.0);
            for (exemplar, before) in value.exemplars.iter_mut().zip(&before.exemplars) {
                if exemplar == before {
                    *exemplar = None;
                }
            }
        }
        (Value::Integer(_) | Value::Float(_) | Value::Histogram(_), _) => {}
    }
}

fn metric(Family { metric, points }: Family, now: u64, is_delta: bool) -> proto::Metric {
    let temporality = if is_delta {
        proto::AggregationTemporality::Delta
    } else {
        proto::AggregationTemporality::Cumulative
    };
    let aggregation_temporality = temporality.into();
    let points = points.into_iter();
    let data = match metric.kind {
        Kind::Gauge => proto::metric::Data::Gauge(proto::Gauge {
            // A value of the moment counts from nowhere.
            data_points: points.map(|point| number(Point { since: 0, ..point }, now)).collect(),
        }),
        Kind::Counter | Kind::UpDownCounter => proto::metric::Data::Sum(proto::Sum {
            data_points: points.map(|point| number(point, now)).collect(),
            aggregation_temporality,
            is_monotonic: metric.kind == Kind::Counter,
        }),
        Kind::Histogram => proto::metric::Data::Histogram(proto::Histogram {
            data_points: points.filter_map(|point| histogram(metric, point, now)).collect(),
            aggregation_temporality,
        }),
    };
    proto::Metric {
        name: metric.name.to_owned(),
        description: metric.help.to_owned(),
        unit: metric.unit.to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn number(point: Point, now: u64) -> proto::NumberDataPoint {
    let value = match point.value {
        Value::Integer(value) => Some(proto::number_data_point::Value::AsInt(value)),
        Value::Float(value) => Some(proto::number_data_point::Value::AsDouble(value)),
        Value::Histogram(_) => None,
    };
    proto::NumberDataPoint {
        attributes: point.labels.into_iter().map(attribute).collect(),
        start_time_unix_nano: point.since,
        time_unix_nano: now,
        exemplars: Vec::new(),
        flags: 0,
        value,
    }
}

fn histogram(metric: &Metric, point: Point, now: u64) -> Option<proto::HistogramDataPoint> {
    let Value::Histogram(buckets) = point.value else { return None };
    let count = buckets.count();
    let Buckets { counts, sum, exemplars } = buckets;
    Some(proto::HistogramDataPoint {
        attributes: point.labels.into_iter().map(attribute).collect(),
        start_time_unix_nano: point.since,
        time_unix_nano: now,
        count,
        sum: Some(sum),
        bucket_counts: counts,
        explicit_bounds: metric.buckets.to_vec(),
        exemplars: exemplars.into_iter().flatten().map(exemplar).collect(),
        flags: 0,
        min: None,
        max: None,
    })
}

fn exemplar(seen: SeenExemplar) -> proto::Exemplar {
    proto::Exemplar {
        filtered_attributes: Vec::new(),
        time_unix_nano: seen.at,
        span_id: seen.exemplar.span_id.to_vec(),
        trace_id: seen.exemplar.trace_id.to_vec(),
        value: Some(proto::exemplar::Value::AsDouble(seen.value)),
    }
}

fn attribute(label: Label) -> KeyValue {
    let value = match label.value {
        LabelValue::Text(value) => any_value::Value::StringValue(value.into_owned()),
        LabelValue::Shared(value) => any_value::Value::StringValue(value.as_ref().to_owned()),
        LabelValue::Integer(value) => any_value::Value::IntValue(value),
    };
    KeyValue {
        key: label.name.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests;
