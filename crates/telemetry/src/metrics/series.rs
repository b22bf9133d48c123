//! One metric with labels: its series, bounded in number and removable.
//!
//! The family of `prometheus-client` can neither drop the series of a server that left nor refuse the series that a
//! careless caller would mint, hence this one. Series are kept in the order of their labels, so that the text is stable.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Most series of one metric; the next ones are counted together as `_OTHER`.
///
/// 2,000 is the default of the OpenTelemetry SDK.
pub const SERIES_MAX: usize = 2000;

/// A label set with a value that stands for all others.
pub(super) trait Bounded {
    /// The labels of the series that takes what is over the bound.
    fn other() -> Self;
}

/// The series of one metric.
#[derive(Clone)]
pub(super) struct Series<L, M> {
    name: &'static str,
    by_labels: Arc<RwLock<BTreeMap<L, M>>>,
    make: fn() -> M,
    overflow: Overflow,
}

impl<L: Bounded + Clone + Ord, M: Clone> Series<L, M> {
    pub(super) fn new(name: &'static str, overflow: &Overflow, make: fn() -> M) -> Self {
        Self { name, by_labels: Arc::default(), make, overflow: overflow.clone() }
    }

    /// Observes something in the series of `labels`, which is made when it is new.
    pub(super) fn with<R>(&self, labels: L, observe: impl FnOnce(&M) -> R) -> R {
        let known = {
            let series = self.by_labels.read().unwrap_or_else(PoisonError::into_inner);
            series.get(&labels).cloned()
        };
        if let Some(metric) = known {
            return observe(&metric);
        }
        let metric = {
            let mut series = self.by_labels.write().unwrap_or_else(PoisonError::into_inner);
            let labels = if series.len() < SERIES_MAX || series.contains_key(&labels) {
                labels
            } else {
                self.overflow.count(self.name);
                L::other()
            };
            series.entry(labels).or_insert_with(self.make).clone()
        };
        observe(&metric)
    }

    /// Removes the series whose labels do not pass.
    pub(super) fn retain(&self, mut keep: impl FnMut(&L) -> bool) {
        let mut series = self.by_labels.write().unwrap_or_else(PoisonError::into_inner);
        series.retain(|labels, _| keep(labels));
    }
}

impl<L, M> fmt::Debug for Series<L, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<L, M> EncodeMetric for Series<L, M>
where
    L: EncodeLabelSet,
    M: EncodeMetric + TypedMetric,
{
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let series = self.by_labels.read().unwrap_or_else(PoisonError::into_inner);
        for (labels, metric) in series.iter() {
            metric.encode(encoder.encode_family(labels)?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}

/// Counts observations over the bound, by metric.
#[derive(Clone, Debug, Default)]
pub(super) struct Overflow(Arc<RwLock<BTreeMap<&'static str, AtomicU64>>>);

impl Overflow {
    fn count(&self, metric: &'static str) {
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        counts.entry(metric).or_default().fetch_add(1, Ordering::Relaxed);
    }
}

impl EncodeMetric for Overflow {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        for (metric, count) in counts.iter() {
            let counter = ConstCounter::new(count.load(Ordering::Relaxed));
            counter.encode(encoder.encode_family(&[("metric", *metric)])?)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Counter
    }
}
