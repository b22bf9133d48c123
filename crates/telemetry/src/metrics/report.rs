//! Telemetry about telemetry: the accounts of the exporters as metrics, under the names of the OpenTelemetry SDK.
//!
//! A series without `error.type` is what went well, as the conventions want it.

use std::time::UNIX_EPOCH;

use super::point::{Family, Label, Point, Value, integer};
use crate::name::attribute::ERROR_TYPE;
use crate::name::metric::sdk::{self, COMPONENT_NAME, COMPONENT_TYPE, Exporter};
use crate::name::metric::{Kind, Metric};
use crate::signal::Signal;
use crate::status::{ExporterStatus, Status};

/// Reads one number of an account.
type Reading = fn(&ExporterStatus) -> u64;

/// Reads the accounts. `since` is when counting began, in nanoseconds since the Unix epoch.
pub(super) fn gather(status: &Status, since: u64) -> Vec<Family> {
    let not_sampled = integer(status.not_sampled_by_parent());
    let mut families = vec![Family::single(&sdk::NOT_SAMPLED_BY_PARENT, since, not_sampled)];
    let exporters = status.exporters();
    for (signal, names) in [
        (Signal::Traces, &sdk::SPAN),
        (Signal::Logs, &sdk::LOG),
        (Signal::Metrics, &sdk::METRIC_DATA_POINT),
    ] {
        let of_signal = |exporter: &&ExporterStatus| exporter.signal == signal;
        let exporters: Vec<&ExporterStatus> = exporters.iter().filter(of_signal).collect();
        families.extend(of(names, &exporters, since));
    }
    families.push(last_success(&exporters, since));
    families
}

/// The metrics of one signal; there are no series when nothing is exported.
fn of(names: &'static Exporter, exporters: &[&ExporterStatus], since: u64) -> Vec<Family> {
    let mut processed = Vec::new();
    let mut exported = Vec::new();
    for exporter in exporters {
        let left = exporter.exported + exporter.failed_total() + exporter.in_flight;
        processed.push(counted(exporter, None, left, since));
        for (reason, count) in &exporter.dropped {
            processed.push(counted(exporter, Some(reason.as_str()), *count, since));
        }
        exported.push(counted(exporter, None, exporter.exported, since));
        for (reason, count) in &exporter.failed {
            exported.push(counted(exporter, Some(reason.as_str()), *count, since));
        }
    }
    let mut families = vec![
        Family { metric: &names.processed, points: processed },
        Family { metric: &names.exported, points: exported },
    ];
    let readings: [(&'static Metric, Reading); 3] = [
        (&names.inflight, |exporter| exporter.in_flight),
        (&names.queue_size, |exporter| exporter.queued),
        (&names.queue_capacity, |exporter| exporter.queue_capacity),
    ];
    for (metric, reading) in readings {
        debug_assert_eq!(metric.kind, Kind::UpDownCounter);
        let points = exporters.iter().map(|it| counted(it, None, reading(it), since));
        families.push(Family { metric, points: points.collect() });
    }
    families
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
