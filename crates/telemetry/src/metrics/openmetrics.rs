//! Writes metrics as text for Prometheus: OpenMetrics 1.0, or the older text format for whoever asks for that alone.
//!
//! The two differ in where `_total` stands, in units, exemplars and the end mark, which the older one does not have.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{self, Write};

use super::exemplar::SeenExemplar;
use super::point::{Buckets, Family, Label, LabelValue, Point, Value};
use crate::name::metric::{Kind, Metric};

/// How the text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextFormat {
    /// OpenMetrics, with exemplars.
    #[default]
    OpenMetrics,
    /// The text format 0.0.4 of Prometheus.
    Prometheus,
}

impl TextFormat {
    /// Chooses by the `Accept` header of a scraper: the older format for one that names it and not OpenMetrics.
    pub fn accepted(accept: Option<&str>) -> Self {
        match accept {
            Some(accept)
                if accept.contains("text/plain")
                    && !accept.contains("application/openmetrics-text") =>
            {
                Self::Prometheus
            }
            Some(_) | None => Self::OpenMetrics,
        }
    }

    /// The content type of the text.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Writes `families`, after the description of the process in `target`.
pub(super) fn write(
    families: &[Family],
    target: &[(String, String)],
    format: TextFormat,
) -> String {
    let mut writer = Writer { text: String::new(), format };
    // Only writing can fail, and a string takes everything.
    if writer.all(families, target).is_err() {
        tracing::error!("Metrics could not be written as text.");
    }
    writer.text
}

struct Writer {
    text: String,
    format: TextFormat,
}

impl Writer {
    fn all(&mut self, families: &[Family], target: &[(String, String)]) -> fmt::Result {
        if !target.is_empty() {
            self.target(target)?;
        }
        for family in families.iter().filter(|family| !family.points.is_empty()) {
            self.family(family)?;
        }
        if self.is_open() { writeln!(self.text, "# EOF") } else { Ok(()) }
    }

    fn is_open(&self) -> bool {
        self.format == TextFormat::OpenMetrics
    }

    /// The resource of the process, as OpenTelemetry maps it.
    fn target(&mut self, attributes: &[(String, String)]) -> fmt::Result {
        let (family, kind) =
            if self.is_open() { ("target", "info") } else { ("target_info", "gauge") };
        let help = "Resource attributes of the process";
        writeln!(self.text, "# HELP {family} {help}\n# TYPE {family} {kind}")?;
        self.text.write_str("target_info")?;
        let mut separator = '{';
        for (name, value) in merged(attributes) {
            self.label(separator, &name, &value)?;
            separator = ',';
        }
        writeln!(self.text, "}} 1")
    }

    fn family(&mut self, Family { metric, points }: &Family) -> fmt::Result {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::UpDownCounter | Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let name = if self.is_open() { family_name(metric) } else { metric.prometheus };
        writeln!(self.text, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help)?;
        if let (true, Some(unit)) = (self.is_open(), unit(metric)) {
            writeln!(self.text, "# UNIT {name} {unit}")?;
        }
        points.iter().try_for_each(|point| self.point(metric, point))
    }

    fn point(&mut self, metric: &Metric, point: &Point) -> fmt::Result {
        let name = metric.prometheus;
        match &point.value {
            Value::Integer(value) => {
                self.series(name, "", &point.labels, None)?;
                writeln!(self.text, " {value}")
            }
            Value::Float(value) => {
                self.series(name, "", &point.labels, None)?;
                writeln!(self.text, " {value:?}")
            }
            Value::Histogram(buckets) => self.histogram(metric, &point.labels, buckets),
        }
    }

    fn histogram(&mut self, metric: &Metric, labels: &[Label], buckets: &Buckets) -> fmt::Result {
        let name = metric.prometheus;
        let bounds = metric.buckets.iter().copied().chain([f64::INFINITY]);
        let mut count = 0;
        for ((bound, more), exemplar) in bounds.zip(&buckets.counts).zip(&buckets.exemplars) {
            count += more;
            self.series(name, "_bucket", labels, Some(bound))?;
            write!(self.text, " {count}")?;
            if let (true, Some(seen)) = (self.is_open(), exemplar) {
                self.exemplar(seen)?;
            }
            self.text.push('\n');
        }
        self.series(name, "_sum", labels, None)?;
        writeln!(self.text, " {:?}", buckets.sum)?;
        self.series(name, "_count", labels, None)?;
        writeln!(self.text, " {count}")
    }

    fn exemplar(&mut self, seen: &SeenExemplar) -> fmt::Result {
        self.text.write_str(" # {trace_id=\"")?;
        hexadecimal(&mut self.text, &seen.exemplar.trace_id)?;
        self.text.write_str("\",span_id=\"")?;
        hexadecimal(&mut self.text, &seen.exemplar.span_id)?;
        let (seconds, millis) = (seen.at / 1_000_000_000, seen.at / 1_000_000 % 1_000);
        write!(self.text, "\"}} {:?} {seconds}.{millis:03}", seen.value)
    }

    /// The name and labels of a sample; `bound` is the upper bound of a bucket.
    fn series(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[Label],
        bound: Option<f64>,
    ) -> fmt::Result {
        self.text.write_str(name)?;
        self.text.write_str(suffix)?;
        let mut separator = '{';
        for label in labels {
            match &label.value {
                LabelValue::Text(value) => self.label(separator, label.name, value)?,
                LabelValue::Shared(value) => self.label(separator, label.name, value)?,
                LabelValue::Integer(value) => {
                    self.label(separator, label.name, &value.to_string())?;
                }
            }
            separator = ',';
        }
        if let Some(bound) = bound {
            if bound.is_infinite() {
                write!(self.text, "{separator}le=\"+Inf\"")?;
            } else {
                write!(self.text, "{separator}le=\"{bound:?}\"")?;
            }
            separator = ',';
        }
        if separator == ',' { self.text.write_str("}") } else { Ok(()) }
    }

    fn label(&mut self, separator: char, name: &str, value: &str) -> fmt::Result {
        self.text.push(separator);
        self.text.extend(label_name(name));
        self.text.write_str("=\"")?;
        for character in value.chars() {
            match character {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
        self.text.write_str("\"")
    }
}

/// What is left of a name in a label.
fn label_name(name: &str) -> impl Iterator<Item = char> {
    name.chars().enumerate().map(|(at, character)| {
        let fits = character.is_ascii_alphabetic()
            || character == '_'
            || at > 0 && character.is_ascii_digit();
        if fits { character } else { '_' }
    })
}

/// Makes labels of attributes, in the order of their names. Where several names become one, so do the values, with `;` between
/// them: a label that comes twice would cost the whole scrape.
fn merged(attributes: &[(String, String)]) -> BTreeMap<String, String> {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_unstable();
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in sorted {
        match labels.entry(label_name(name).collect()) {
            Entry::Vacant(label) => {
                label.insert(value.clone());
            }
            Entry::Occupied(mut label) => {
                label.get_mut().push(';');
                label.get_mut().push_str(value);
            }
        }
    }
    labels
}

/// The name of a family in OpenMetrics: that of its samples without `_total`.
fn family_name(metric: &Metric) -> &'static str {
    metric.prometheus.strip_suffix("_total").unwrap_or(metric.prometheus)
}

/// The unit at the end of a family's name, as OpenMetrics wants it stated.
fn unit(metric: &Metric) -> Option<&'static str> {
    let name = family_name(metric);
    ["seconds", "bytes"].into_iter().find(|unit| name.ends_with(unit))
}

fn hexadecimal(text: &mut String, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(text, "{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::{TextFormat, write};

    #[test]
    fn attributes_whose_names_become_one_are_one_label() {
        let attributes = [("a_b", "2"), ("c", "x"), ("a.b", "1"), ("a-b", "0")];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = write(&[], &attributes, TextFormat::OpenMetrics);
        assert!(text.contains("\ntarget_info{a_b=\"0;1;2\",c=\"x\"} 1\n"), "{text}");
    }

    #[test]
    fn openmetrics_is_what_everybody_gets_who_does_not_ask_for_the_older_format() {
        for (accept, expect) in [
            (None, TextFormat::OpenMetrics),
            (Some("*/*"), TextFormat::OpenMetrics),
            (Some("text/html"), TextFormat::OpenMetrics),
            (Some("text/plain;version=0.0.4;q=1"), TextFormat::Prometheus),
            (
                Some("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"),
                TextFormat::OpenMetrics,
            ),
        ] {
            assert_eq!(TextFormat::accepted(accept), expect, "{accept:?}");
        }
    }
}
