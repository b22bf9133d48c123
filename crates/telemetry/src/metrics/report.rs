//! Telemetry about telemetry: the accounts of the exporters as metrics, under the names of the OpenTelemetry SDK.
//!
//! A series without `error.type` is what went well, as the conventions want it. Every reason has its series from the
//! start, at zero: of a counter that begins with its first event, no rate ever shows that event.

use std::time::UNIX_EPOCH;

use super::point::{Family, Label, Point, Value, integer};
use crate::name::attribute::ERROR_TYPE;
use crate::name::metric::Metric;
use crate::name::metric::sdk::{self, COMPONENT_NAME, COMPONENT_TYPE, Exporter, Processor};
use crate::sampling::SamplingStatus;
use crate::signal::Signal;
use crate::status::{DropReason, ExporterStatus, FailureReason, Status};

/// Reads one number of an account.
type Reading = fn(&ExporterStatus) -> u64;

/// Reads the accounts. `since` is when counting began, in nanoseconds since the Unix epoch.
pub(super) fn gather(status: &Status, since: u64) -> Vec<Family> {
    let not_sampled = integer(status.not_sampled_by_parent());
    let mut families = Vec::new();
    let sampling = status.sampling();
    families.extend(sampling.map(|sampling| traces(&sampling, since)));
    families.push(Family::single(&sdk::NOT_SAMPLED_BY_PARENT, since, not_sampled));
    families.extend(sampling.map(|sampling| {
        Family::single(&sdk::CALLER_OVER_RATE, since, integer(sampling.caller_over_rate))
    }));
    let all = status.exporters();
    let of = |signal| -> Vec<&ExporterStatus> {
        all.iter().filter(|exporter| exporter.signal == signal).collect()
    };
    let (spans, logs, metrics) = (of(Signal::Traces), of(Signal::Logs), of(Signal::Metrics));
    families.extend(processor(&sdk::SPAN_PROCESSOR, &spans, since));
    families.extend(exporter(&sdk::SPAN_EXPORTER, &spans, since));
    families.extend(processor(&sdk::LOG_PROCESSOR, &logs, since));
    families.extend(exporter(&sdk::LOG_EXPORTER, &logs, since));
    families.extend(exporter(&sdk::METRIC_DATA_POINT_EXPORTER, &metrics, since));
    families.push(last_success(&all, since));
    families
}

/// What was decided of the traces.
fn traces(sampling: &SamplingStatus, since: u64) -> Family {
    let points = [
        ("sampled", sampling.sampled),
        ("forced", sampling.forced),
        ("kept_error", sampling.kept_error),
        ("kept_slow", sampling.kept_slow),
        ("kept_over_rate", sampling.kept_over_rate),
        ("not_sampled", sampling.not_sampled),
        ("not_sampled_by_parent", sampling.not_sampled_by_parent),
        ("held_full", sampling.held_full),
    ];
    let point = |(decision, count): (&'static str, u64)| {
        let labels = vec![Label::text(sdk::DECISION, decision)];
        Point { labels, since, value: integer(count) }
    };
    Family { metric: &sdk::TRACES, points: points.map(point).into() }
}

/// The queues of one signal.
fn processor(names: &'static Processor, all: &[&ExporterStatus], since: u64) -> [Family; 3] {
    let mut processed = Vec::new();
    for exporter in all {
        let left = exporter.exported + exporter.failed_total() + exporter.in_flight;
        processed.push(counted(exporter, None, left, since));
        processed.extend(DropReason::ALL.map(|reason| {
            counted(exporter, Some(reason.as_str()), count(&exporter.dropped, reason), since)
        }));
    }
    [
        Family { metric: &names.processed, points: processed },
        read(&names.queue_size, all, since, |exporter| exporter.queued),
        read(&names.queue_capacity, all, since, |exporter| exporter.queue_capacity),
    ]
}

/// The exporters of one signal.
fn exporter(names: &'static Exporter, all: &[&ExporterStatus], since: u64) -> [Family; 2] {
    let mut exported = Vec::new();
    for exporter in all {
        exported.push(counted(exporter, None, exporter.exported, since));
        exported.extend(FailureReason::ALL.map(|reason| {
            counted(exporter, Some(reason.as_str()), count(&exporter.failed, reason), since)
        }));
    }
    [
        Family { metric: &names.exported, points: exported },
        read(&names.inflight, all, since, |exporter| exporter.in_flight),
    ]
}

/// What was counted for a reason: an account holds only what happened.
fn count<R: Copy + PartialEq>(counts: &[(R, u64)], reason: R) -> u64 {
    counts.iter().find(|(counted, _)| *counted == reason).map_or(0, |(_, count)| *count)
}

fn read(metric: &'static Metric, all: &[&ExporterStatus], since: u64, reading: Reading) -> Family {
    let points = all.iter().map(|exporter| counted(exporter, None, reading(exporter), since));
    Family { metric, points: points.collect() }
}

fn counted(
    exporter: &ExporterStatus,
    error: Option<&'static str>,
    count: u64,
    since: u64,
) -> Point {
    let mut labels = component(exporter);
    labels.extend(error.map(|error| Label::text(ERROR_TYPE, error)));
    Point { labels, since, value: integer(count) }
}

fn component(exporter: &ExporterStatus) -> Vec<Label> {
    vec![
        Label::text(COMPONENT_NAME, exporter.name.clone()),
        Label::text(COMPONENT_TYPE, exporter.component),
    ]
}

fn last_success(exporters: &[ExporterStatus], since: u64) -> Family {
    let points = exporters.iter().filter_map(|exporter| {
        let at = exporter.last_success?.duration_since(UNIX_EPOCH).ok()?;
        let labels = component(exporter);
        Some(Point { labels, since, value: Value::Float(at.as_secs_f64()) })
    });
    Family { metric: &sdk::LAST_SUCCESS, points: points.collect() }
}
