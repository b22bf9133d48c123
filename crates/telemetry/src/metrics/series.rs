//! One metric with labels: its series, bounded in number and removable.
//!
//! A look-up takes a shared lock and allocates nothing; only a new series takes the lock for itself. What comes when the
//! metric has as many series as it may goes to one further series, whose labels say `_OTHER`, and is counted.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::SystemTime;

use super::instrument::Instrument;
use super::point::{Family, Label, Point, unix_nanos};
use crate::name::metric::Metric;

/// Most series of one metric when nobody says otherwise; the default of the OpenTelemetry SDK.
pub const SERIES_MAX: usize = 2000;

/// The labels of one series.
pub(super) trait LabelSet: Clone + Eq + Hash {
    /// Writes the labels that have a value.
    fn write(&self, labels: &mut Vec<Label>);

    /// The labels of the series that takes what is over the bound.
    fn other() -> Self;
}

/// The series of one metric.
pub(super) struct Series<L, I> {
    metric: &'static Metric,
    /// The most series.
    most: usize,
    by_labels: RwLock<HashMap<L, Began<I>>>,
    other: OnceLock<Began<I>>,
    overflowed: AtomicU64,
}

/// A series and when it began, in nanoseconds since the Unix epoch.
struct Began<I> {
    since: u64,
    instrument: I,
}

impl<L: LabelSet, I: Instrument> Series<L, I> {
    pub(super) fn new(metric: &'static Metric, series_max: usize) -> Self {
        Self {
            metric,
            most: series_max,
            by_labels: RwLock::default(),
            other: OnceLock::new(),
            overflowed: AtomicU64::new(0),
        }
    }

    /// Observes something in the series of `labels`, which is made when it is new.
    pub(super) fn with(&self, labels: L, observe: impl FnOnce(&I)) {
        let is_full = {
            let series = self.by_labels.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = series.get(&labels) {
                observe(&known.instrument);
                return;
            }
            series.len() >= self.most
        };
        if !is_full {
            let mut series = self.by_labels.write().unwrap_or_else(PoisonError::into_inner);
            if series.len() < self.most || series.contains_key(&labels) {
                let new = || Began::new(self.metric);
                observe(&series.entry(labels).or_insert_with(new).instrument);
                return;
            }
        }
        self.overflowed.fetch_add(1, Ordering::Relaxed);
        observe(&self.other.get_or_init(|| Began::new(self.metric)).instrument);
    }

    /// Removes the series whose labels do not pass.
    pub(super) fn retain(&self, mut keep: impl FnMut(&L) -> bool) {
        let mut series = self.by_labels.write().unwrap_or_else(PoisonError::into_inner);
        series.retain(|labels, _| keep(labels));
    }

    /// How many observations went to the series of all others, and the name of the metric.
    pub(super) fn overflowed(&self) -> (&'static str, u64) {
        (self.metric.name, self.overflowed.load(Ordering::Relaxed))
    }

    /// Every series as it is now, in the order of their labels.
    pub(super) fn gather(&self) -> Family {
        let series = self.by_labels.read().unwrap_or_else(PoisonError::into_inner);
        let mut points: Vec<Point> =
            series.iter().map(|(labels, began)| began.point(labels)).collect();
        drop(series);
        points.extend(self.other.get().map(|began| began.point(&L::other())));
        points.sort_by(|a, b| a.labels.cmp(&b.labels));
        Family { metric: self.metric, points }
    }
}

impl<I: Instrument> Began<I> {
    fn new(metric: &'static Metric) -> Self {
        Self { since: unix_nanos(SystemTime::now()), instrument: I::new(metric) }
    }

    fn point(&self, labels: &impl LabelSet) -> Point {
        let mut written = Vec::new();
        labels.write(&mut written);
        Point { labels: written, since: self.since, value: self.instrument.value() }
    }
}

impl<L, I> fmt::Debug for Series<L, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Series").field("name", &self.metric.name).finish_non_exhaustive()
    }
}
