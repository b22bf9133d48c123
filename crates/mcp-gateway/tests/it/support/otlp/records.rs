//! Log records and points of metrics in the receiver's dump, as far as tests ask for them.
//!
//! Only single lines are read: a body or a value that runs over lines is cut after the first.

use std::collections::BTreeMap;

use super::dump::{Section, lines_of};

/// One log record.
#[derive(Clone, Debug, Default)]
pub struct LogRecord {
    /// `service.name` of its resource.
    pub service: String,
    /// The kind of event; empty for a line of the log.
    pub event_name: String,
    /// The message.
    pub body: String,
    /// The trace that it belongs to; empty without one.
    pub trace_id: String,
    /// The span that it belongs to; empty without one.
    pub span_id: String,
    /// Attributes as they are written: `Str(text)`.
    pub attributes: BTreeMap<String, String>,
}

/// One point of a metric.
#[derive(Clone, Debug, Default)]
pub struct Point {
    /// `service.name` of its resource.
    pub service: String,
    /// The metric: `mcp.server.operation.duration`.
    pub metric: String,
    /// Attributes as they are written: `Str(text)`.
    pub attributes: BTreeMap<String, String>,
}

/// Reads the log records of a dump, in its order.
pub(super) fn log_records(dump: &str) -> Vec<LogRecord> {
    let mut records: Vec<LogRecord> = Vec::new();
    let mut resource = Resource::default();
    for line in lines_of(dump, Section::LogRecords) {
        if resource.line(line, "LogRecord #") {
            if line.starts_with("LogRecord #") {
                let service = resource.service.clone();
                records.push(LogRecord { service, ..LogRecord::default() });
            }
            continue;
        }
        let record = records.last_mut().expect("this stands in a record");
        if let Some((key, value)) = entry(line) {
            record.attributes.insert(key.to_owned(), value.to_owned());
            continue;
        }
        let fields = [
            ("EventName: ", &mut record.event_name),
            ("Body: ", &mut record.body),
            ("    Trace ID       : ", &mut record.trace_id),
            ("    Span ID        : ", &mut record.span_id),
        ];
        for (start, field) in fields {
            if let Some(value) = line.strip_prefix(start) {
                text(value).clone_into(field);
            }
        }
    }
    records
}

/// Reads the points of a dump, in its order.
pub(super) fn points(dump: &str) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    let mut resource = Resource::default();
    let (mut metric, mut in_point) = (String::new(), false);
    for line in lines_of(dump, Section::Metrics) {
        if resource.line(line, "Metric #") {
            in_point = false;
        } else if line == "Data point attributes:" {
            // It stands in points that have attributes only, and those are asked for.
            in_point = true;
            let (service, metric) = (resource.service.clone(), metric.clone());
            points.push(Point { service, metric, ..Point::default() });
        } else if let Some((key, value)) = entry(line) {
            match points.last_mut() {
                Some(point) if in_point => {
                    point.attributes.insert(key.to_owned(), value.to_owned());
                }
                _ if key == "Name" => value.clone_into(&mut metric),
                _ => {}
            }
        } else {
            in_point &= !line.contains(" #");
        }
    }
    points
}

/// What is above the records: which resource they are of.
#[derive(Default)]
struct Resource {
    service: String,
    is_open: bool,
}

impl Resource {
    /// Reads a line above the items, and the heading of one; says whether it was such a line.
    fn line(&mut self, line: &str, item: &str) -> bool {
        if line.starts_with("Resource") && line.contains(" #") {
            *self = Self { service: String::new(), is_open: true };
        } else if line.starts_with("Scope") && line.contains(" #") {
            self.is_open = true;
        } else if line.starts_with(item) {
            self.is_open = false;
            return true;
        } else if let (true, Some(("service.name", value))) = (self.is_open, entry(line)) {
            text(value).clone_into(&mut self.service);
        }
        self.is_open
    }
}

fn entry(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("     -> ")?.split_once(": ")
}

/// Takes what a string is written in off it.
fn text(value: &str) -> &str {
    value.strip_prefix("Str(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(value)
}
