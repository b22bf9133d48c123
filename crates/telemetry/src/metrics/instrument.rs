//! One series in memory: a counter, a gauge or a histogram. Observing takes no lock and allocates nothing.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::SystemTime;

use super::exemplar::{Exemplar, SeenExemplar};
use super::point::{Buckets, Value, integer, unix_nanos};
use crate::name::metric::Metric;

/// What a series is made of.
pub(super) trait Instrument {
    /// A series that has observed nothing.
    fn new(metric: &'static Metric) -> Self;

    /// What it has observed so far.
    fn value(&self) -> Value;
}

/// Counts up.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

/// Holds a value.
#[derive(Debug, Default)]
pub(super) struct Gauge(AtomicI64);

/// Sorts durations into buckets.
#[derive(Debug)]
pub(super) struct Histogram {
    bounds: &'static [f64],
    /// One more than bounds.
    counts: Box<[AtomicU64]>,
    /// Whole nanoseconds, so that adding is one instruction: 584 years fit.
    sum_nanos: AtomicU64,
    /// One for each bucket.
    exemplars: Mutex<Box<[Option<SeenExemplar>]>>,
}

impl Counter {
    pub(super) fn inc(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }
}

impl Gauge {
    pub(super) fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn add(&self, difference: i64) {
        self.0.fetch_add(difference, Ordering::Relaxed);
    }
}

impl Histogram {
    /// Observes a duration, which may have an exemplar.
    pub(super) fn observe(&self, duration: std::time::Duration, exemplar: Option<Exemplar>) {
        let seconds = duration.as_secs_f64();
        // A value on a bound belongs below it.
        let bucket = self.bounds.partition_point(|bound| *bound < seconds);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
        if let Some(exemplar) = exemplar {
            self.keep(bucket, exemplar, seconds);
        }
    }

    /// Keeps an example. Of two at the same time one is enough, so nobody waits.
    fn keep(&self, bucket: usize, exemplar: Exemplar, value: f64) {
        let mut exemplars = match self.exemplars.try_lock() {
            Ok(exemplars) => exemplars,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(place) = exemplars.get_mut(bucket) {
            *place = Some(SeenExemplar { exemplar, value, at: unix_nanos(SystemTime::now()) });
        }
    }
}

impl Instrument for Counter {
    fn new(_: &'static Metric) -> Self {
        Self::default()
    }

    fn value(&self) -> Value {
        integer(self.0.load(Ordering::Relaxed))
    }
}

impl Instrument for Gauge {
    fn new(_: &'static Metric) -> Self {
        Self::default()
    }

    fn value(&self) -> Value {
        Value::Integer(self.0.load(Ordering::Relaxed))
    }
}

impl Instrument for Histogram {
    fn new(metric: &'static Metric) -> Self {
        let bounds = metric.buckets;
        Self {
            bounds,
            counts: std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect(),
            sum_nanos: AtomicU64::new(0),
            exemplars: Mutex::new(vec![None; bounds.len() + 1].into_boxed_slice()),
        }
    }

    /// The sum is read first and the counts after it: an observation in between is in the counts alone.
    fn value(&self) -> Value {
        let nanos = self.sum_nanos.load(Ordering::Relaxed);
        let exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner).to_vec();
        Value::Histogram(Buckets {
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: std::time::Duration::from_nanos(nanos).as_secs_f64(),
            exemplars,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Histogram, Instrument, Value};
    use crate::metrics::Exemplar;
    use crate::name::metric::SERVER_OPERATION_DURATION;

    fn buckets(histogram: &Histogram) -> super::Buckets {
        let Value::Histogram(buckets) = histogram.value() else { panic!("not a histogram") };
        buckets
    }

    #[test]
    fn a_value_on_a_bound_belongs_below_it_and_what_is_over_all_has_a_bucket() {
        let histogram = Histogram::new(&SERVER_OPERATION_DURATION);
        for millis in [0, 10, 11, 300_000, 300_001] {
            histogram.observe(Duration::from_millis(millis), None);
        }
        let buckets = buckets(&histogram);
        assert_eq!(buckets.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(buckets.count(), 5);
        assert!((buckets.sum - 600.022).abs() < 1e-9, "{}", buckets.sum);
    }

    #[test]
    fn each_bucket_keeps_its_last_exemplar() {
        let histogram = Histogram::new(&SERVER_OPERATION_DURATION);
        for (millis, id) in [(1, 1), (2, 2), (15, 3)] {
            let exemplar = Exemplar { trace_id: [id; 16], span_id: [id; 8], is_sampled: true };
            histogram.observe(Duration::from_millis(millis), Some(exemplar));
        }
        let kept = buckets(&histogram).exemplars;
        let ids: Vec<_> = kept.iter().flatten().map(|seen| seen.exemplar.span_id[0]).collect();
        assert_eq!(ids, [2, 3]);
        assert!((kept[1].unwrap().value - 0.015).abs() < 1e-9);
    }
}
