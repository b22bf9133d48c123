//! Spans as trees: drawn for people, and compared with what a test expects.

use std::fmt::Write;

use super::span::{Attributes, Kind, Span, Status, Value};

/// What a test expects of one span and those below it.
///
/// Attributes that are not mentioned may be there, unless [`Expected::nothing_else`] says otherwise. The status is
/// unset unless said otherwise. The spans below are all of them, in any order.
#[derive(Clone, Debug)]
pub struct Expected {
    name: String,
    kind: Kind,
    status: ExpectedStatus,
    attributes: Vec<(&'static str, Match)>,
    exact: bool,
    parent: Option<String>,
    children: Vec<Expected>,
}

#[derive(Clone, Debug)]
enum ExpectedStatus {
    Is(Status),
    /// An error with any description.
    Error,
}

#[derive(Clone, Debug)]
enum Match {
    Is(Value),
    Starts(&'static str),
    Present,
    Absent,
}

/// Expects a span.
pub fn span(name: &str, kind: Kind) -> Expected {
    Expected {
        name: name.to_owned(),
        kind,
        status: ExpectedStatus::Is(Status::Unset),
        attributes: Vec::new(),
        exact: false,
        parent: None,
        children: Vec::new(),
    }
}

impl Expected {
    /// With this value of an attribute.
    pub fn is(self, key: &'static str, value: impl Into<Value>) -> Self {
        self.with(key, Match::Is(value.into()))
    }

    /// With an attribute whose text begins like this.
    pub fn starts(self, key: &'static str, with: &'static str) -> Self {
        self.with(key, Match::Starts(with))
    }

    /// With an attribute, whatever its value.
    pub fn has(self, key: &'static str) -> Self {
        self.with(key, Match::Present)
    }

    /// Without an attribute.
    pub fn lacks(self, key: &'static str) -> Self {
        self.with(key, Match::Absent)
    }

    /// Without any attribute that is not mentioned.
    pub fn nothing_else(mut self) -> Self {
        self.exact = true;
        self
    }

    /// With an error as its status, and this description.
    pub fn error(mut self, description: &str) -> Self {
        self.status = ExpectedStatus::Is(Status::Error(description.to_owned()));
        self
    }

    /// With an error as its status, whatever the description.
    pub fn fails(mut self) -> Self {
        self.status = ExpectedStatus::Error;
        self
    }

    /// Below a span that is not among those compared, such as the caller's.
    pub fn below(mut self, parent_span_id: &str) -> Self {
        self.parent = Some(parent_span_id.to_owned());
        self
    }

    /// With this span below it.
    pub fn child(mut self, child: Expected) -> Self {
        self.children.push(child);
        self
    }

    fn with(mut self, key: &'static str, expected: Match) -> Self {
        self.attributes.push((key, expected));
        self
    }
}

/// Compares spans with the trees that are expected of them. Panics with every difference, and both drawn.
#[track_caller]
pub fn expect_trees(spans: &[Span], expected: &[Expected]) {
    if let Some(report) = report(spans, expected) {
        panic!("{report}");
    }
}

/// Returns every difference, and both drawn; `None` when the spans are as expected.
pub fn report(spans: &[Span], expected: &[Expected]) -> Option<String> {
    let mut differences = Vec::new();
    compare("the trace", &roots(spans), expected, spans, &mut differences);
    if differences.is_empty() {
        return None;
    }
    let mut drawing = String::new();
    for root in expected {
        draw(&mut drawing, root, 0);
    }
    Some(format!("{}\n\nexpected:\n{drawing}\nis:\n{}", differences.join("\n"), print(spans)))
}

/// Compares spans with the one tree that is expected of them. Panics with every difference, and both drawn.
#[track_caller]
pub fn expect_tree(spans: &[Span], expected: &Expected) {
    expect_trees(spans, std::slice::from_ref(expected));
}

fn roots(spans: &[Span]) -> Vec<&Span> {
    let is_here = |id: &String| spans.iter().any(|span| span.span_id == *id);
    in_order(
        spans.iter().filter(|span| !span.parent_span_id.as_ref().is_some_and(is_here)).collect(),
    )
}

fn children<'a>(spans: &'a [Span], parent: &Span) -> Vec<&'a Span> {
    in_order(
        spans.iter().filter(|span| span.parent_span_id.as_ref() == Some(&parent.span_id)).collect(),
    )
}

fn in_order(mut spans: Vec<&Span>) -> Vec<&Span> {
    spans.sort_by_key(|span| span.start_ns);
    spans
}

/// Pairs the spans of one level by name: with the first that fits, or, when none does, with the first in the order of
/// their start.
fn compare(
    place: &str,
    spans: &[&Span],
    expected: &[Expected],
    all: &[Span],
    differences: &mut Vec<String>,
) {
    let mut left = spans.to_vec();
    for expected in expected {
        let fits = |span: &&Span| {
            let mut differences = Vec::new();
            compare_below(place, span, expected, all, &mut differences);
            span.name == expected.name && differences.is_empty()
        };
        let named = |span: &&Span| span.name == expected.name;
        let Some(index) = left.iter().position(fits).or_else(|| left.iter().position(named)) else {
            differences.push(format!("{place}: no span {}", expected.name));
            continue;
        };
        compare_below(place, left.remove(index), expected, all, differences);
    }
    differences.extend(left.iter().map(|span| format!("{place}: unexpected span {}", span.name)));
}

fn compare_below(
    place: &str,
    span: &Span,
    expected: &Expected,
    all: &[Span],
    differences: &mut Vec<String>,
) {
    let place = format!("{place} > {}", span.name);
    compare_one(&place, span, expected, differences);
    compare(&place, &children(all, span), &expected.children, all, differences);
}

fn compare_one(place: &str, span: &Span, expected: &Expected, differences: &mut Vec<String>) {
    if span.kind != expected.kind {
        differences.push(format!("{place}: kind is {}, not {}", span.kind, expected.kind));
    }
    let fits = match &expected.status {
        ExpectedStatus::Is(status) => span.status == *status,
        ExpectedStatus::Error => matches!(span.status, Status::Error(_)),
    };
    if !fits {
        differences
            .push(format!("{place}: status is {:?}, not {:?}", span.status, expected.status));
    }
    if expected.parent.is_some() && span.parent_span_id != expected.parent {
        differences.push(format!(
            "{place}: parent is {:?}, not {:?}",
            span.parent_span_id, expected.parent
        ));
    }
    for (key, expected) in &expected.attributes {
        let value = span.attribute(key);
        let fits = match (expected, value) {
            (Match::Is(expected), Some(value)) => expected == value,
            (Match::Starts(start), Some(Value::Text(text))) => text.starts_with(start),
            (Match::Present, Some(_)) | (Match::Absent, None) => true,
            (Match::Is(_) | Match::Starts(_) | Match::Present, None)
            | (
                Match::Starts(_),
                Some(Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Other(_)),
            )
            | (Match::Absent, Some(_)) => false,
        };
        if !fits {
            let is = value.map_or_else(|| "absent".to_owned(), ToString::to_string);
            differences.push(format!("{place}: {key} is {is}, not {}", describe(expected)));
        }
    }
    if expected.exact {
        let mentioned =
            |key: &str| expected.attributes.iter().any(|(expected, _)| *expected == key);
        let others = span.attributes.iter().filter(|(key, _)| !mentioned(key));
        differences.extend(
            others.map(|(key, value)| format!("{place}: unexpected attribute {key} = {value}")),
        );
    }
}

fn describe(expected: &Match) -> String {
    match expected {
        Match::Is(value) => value.to_string(),
        Match::Starts(start) => format!("{start:?}…"),
        Match::Present => "present".to_owned(),
        Match::Absent => "absent".to_owned(),
    }
}

/// Draws spans as trees, with everything that a test can compare.
pub fn print(spans: &[Span]) -> String {
    let mut text = String::new();
    for root in roots(spans) {
        let parent = root.parent_span_id.as_deref().unwrap_or("none");
        writeln!(text, "trace {} parent {parent}", root.trace_id).unwrap();
        print_below(&mut text, root, spans, 0);
    }
    text
}

fn print_below(text: &mut String, span: &Span, spans: &[Span], depth: usize) {
    let indent = "    ".repeat(depth);
    let micros = span.end_ns.saturating_sub(span.start_ns) / 1000;
    let service = span.service();
    writeln!(text, "{indent}{} {} {} [{service}, {micros} µs]", span.name, span.kind, span.status)
        .unwrap();
    print_attributes(text, &indent, "  ", &span.attributes);
    for (name, attributes) in &span.events {
        writeln!(text, "{indent}  event {name}").unwrap();
        print_attributes(text, &indent, "    ", attributes);
    }
    for link in &span.links {
        writeln!(text, "{indent}  link {}-{}", link.trace_id, link.span_id).unwrap();
        print_attributes(text, &indent, "    ", &link.attributes);
    }
    for child in children(spans, span) {
        print_below(text, child, spans, depth + 1);
    }
}

fn print_attributes(text: &mut String, indent: &str, more: &str, attributes: &Attributes) {
    for (key, value) in attributes {
        writeln!(text, "{indent}{more}{key} = {value}").unwrap();
    }
}

fn draw(text: &mut String, expected: &Expected, depth: usize) {
    let indent = "    ".repeat(depth);
    let status = match &expected.status {
        ExpectedStatus::Is(status) => status.to_string(),
        ExpectedStatus::Error => "error …".to_owned(),
    };
    writeln!(text, "{indent}{} {} {status}", expected.name, expected.kind).unwrap();
    for (key, expected) in &expected.attributes {
        writeln!(text, "{indent}  {key} = {}", describe(expected)).unwrap();
    }
    for child in &expected.children {
        draw(text, child, depth + 1);
    }
}
