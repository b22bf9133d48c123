//! What the instruments say at one moment, before it is written in any format.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::exemplar::SeenExemplar;
use crate::name::metric::Metric;

/// All series of one metric.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) metric: &'static Metric,
    /// In the order of their labels.
    pub(super) points: Vec<Point>,
}

/// One series at one moment.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) labels: Vec<Label>,
    /// When the series began, in nanoseconds since the Unix epoch.
    pub(super) since: u64,
    pub(super) value: Value,
}

/// One label of a series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Label {
    /// As OpenTelemetry writes it.
    pub(super) name: &'static str,
    pub(super) value: LabelValue,
}

/// The value of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LabelValue {
    Text(Cow<'static, str>),
    Shared(Arc<str>),
    Integer(i64),
}

/// The value of a series.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Integer(i64),
    Float(f64),
    Histogram(Buckets),
}

/// The value of a histogram.
#[derive(Clone, Debug)]
pub(super) struct Buckets {
    /// How many values fell into each bucket, not cumulated; the last one has no upper bound.
    pub(super) counts: Vec<u64>,
    pub(super) sum: f64,
    /// The last example of each bucket, as far as there is one.
    pub(super) exemplars: Vec<Option<SeenExemplar>>,
}

impl Buckets {
    /// How many values there were.
    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }
}

impl Family {
    /// A metric with one series that has no labels.
    pub(super) fn single(metric: &'static Metric, since: u64, value: Value) -> Self {
        Self { metric, points: vec![Point { labels: Vec::new(), since, value }] }
    }
}

impl Label {
    pub(super) fn text(name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        Self { name, value: LabelValue::Text(value.into()) }
    }

    pub(super) fn shared(name: &'static str, value: &Arc<str>) -> Self {
        Self { name, value: LabelValue::Shared(Arc::clone(value)) }
    }

    pub(super) fn integer(name: &'static str, value: i64) -> Self {
        Self { name, value: LabelValue::Integer(value) }
    }
}

/// A time as OTLP counts it: nanoseconds since the Unix epoch.
pub(super) fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A number of things as a value; more than `i64` holds do not occur.
pub(super) fn integer(value: impl TryInto<i64>) -> Value {
    Value::Integer(value.try_into().unwrap_or(i64::MAX))
}
