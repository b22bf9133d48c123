//! Draws the spans of one trace as a tree for people to read.
//!
//! A pure function: spans in, text out. Each span is a line: how long it took, when in the trace that was, whose work
//! it was, its name and kind, and those attributes that tell something its ancestors have not told already. It does
//! not collect spans; they come from the recorder of the tour.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use mcp_gateway_telemetry::name::attribute;
use mcp_gateway_telemetry::{FinishedSpan, SpanKind, SpanStatus};

use crate::output::{Ink, Style};

/// The attributes that are shown, in this order.
const TELLING: [&str; 9] = [
    attribute::ERROR_TYPE,
    attribute::ERROR_SOURCE,
    attribute::MCP_METHOD_NAME,
    attribute::MCP_ROUTE,
    attribute::GEN_AI_TOOL_NAME,
    attribute::MCP_SERVER,
    attribute::MCP_SESSION_CACHE_HIT,
    attribute::MCP_PROTOCOL_VERSION,
    attribute::HTTP_RESPONSE_STATUS_CODE,
];
/// Columns of the timeline, and from which width on there is room for it.
const TIMELINE_COLUMNS: usize = 12;
const TIMELINE_FROM_WIDTH: usize = 92;
/// Columns of the numbers, such as `12345.678`.
const NUMBER_COLUMNS: usize = 9;
/// Columns of the component.
const COMPONENT_COLUMNS: usize = 6;
/// Characters of a value before it is cut.
const VALUE_CHARS_MAX: usize = 52;

/// Draws `spans`, all of one trace, in lines of at most `width` columns where their names allow it.
pub(crate) fn render(spans: &[FinishedSpan], style: Style, width: usize) -> String {
    let start = spans.iter().map(|span| span.start).min().unwrap_or(SystemTime::UNIX_EPOCH);
    let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
    let mut drawing = Drawing { spans, style, width, start, end, lines: Vec::new() };
    drawing.header();
    let roots = drawing.ordered(|span| match &span.parent_span_id {
        Some(parent) => !spans.iter().any(|other| other.span_id == *parent),
        None => true,
    });
    for root in roots {
        drawing.span(root, &Branch::root());
    }
    drawing.lines.push(String::new());
    drawing.lines.join("\n")
}

/// A drawing in progress.
struct Drawing<'a> {
    spans: &'a [FinishedSpan],
    style: Style,
    width: usize,
    start: SystemTime,
    end: SystemTime,
    lines: Vec<String>,
}

/// What a span's place in the tree decides.
struct Branch<'a> {
    /// The guides in front of the name.
    own: String,
    /// The guides in front of everything below the name.
    below: String,
    /// The component of the parent.
    component: &'static str,
    /// Attributes that an ancestor has shown.
    told: BTreeSet<(&'static str, String)>,
    /// The spans from the root to the parent.
    ancestors: BTreeSet<&'a str>,
}

impl Branch<'_> {
    fn root() -> Self {
        Self {
            own: String::new(),
            below: String::new(),
            component: "",
            told: BTreeSet::new(),
            ancestors: BTreeSet::new(),
        }
    }
}

impl<'a> Drawing<'a> {
    fn header(&mut self) {
        let timeline = match self.timeline_columns() {
            0 => String::new(),
            columns => format!("{:<columns$}  ", "timeline"),
        };
        let text =
            format!("{:>NUMBER_COLUMNS$}  {timeline}{:<COMPONENT_COLUMNS$}  span", "ms", "in");
        self.lines.push(self.style.paint(Ink::Faint, text));
    }

    fn timeline_columns(&self) -> usize {
        if self.width >= TIMELINE_FROM_WIDTH { TIMELINE_COLUMNS } else { 0 }
    }

    /// The spans that `wanted` picks, the earliest first.
    fn ordered(&self, wanted: impl Fn(&FinishedSpan) -> bool) -> Vec<&'a FinishedSpan> {
        let mut picked: Vec<&FinishedSpan> =
            self.spans.iter().filter(|span| wanted(span)).collect();
        picked.sort_by_key(|span| (span.start, Reverse(span.end)));
        picked
    }

    /// Draws one span and everything below it.
    fn span(&mut self, span: &'a FinishedSpan, branch: &Branch<'a>) {
        let children = self.ordered(|child| child.parent_span_id.as_ref() == Some(&span.span_id));
        let component = component_of(span, branch.component);
        let telling: Vec<(&'static str, String)> = telling_of(span)
            .filter(|pair| !branch.told.contains(pair) || is_own_word(span, pair.0))
            .collect();
        let guide = if children.is_empty() { "   " } else { "│  " };
        self.lines(span, component, &telling, (&branch.own, &format!("{}{guide}", branch.below)));

        let told = branch.told.iter().cloned().chain(telling).collect();
        let mut ancestors = branch.ancestors.clone();
        ancestors.insert(&span.span_id);
        let mut below = Branch { component, told, ancestors, ..Branch::root() };
        let last = children.len().saturating_sub(1);
        for (index, child) in children.into_iter().enumerate() {
            // Spans come from a program; a circle among them must not become an endless drawing.
            if below.ancestors.contains(child.span_id.as_str()) {
                continue;
            }
            let (own, rest) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            below.own = format!("{}{own}", branch.below);
            below.below = format!("{}{rest}", branch.below);
            self.span(child, &below);
        }
    }

    /// The lines of one span: the first with its numbers and name, more when its attributes need them.
    fn lines(
        &mut self,
        span: &FinishedSpan,
        component: &str,
        telling: &[(&str, String)],
        (own, below): (&str, &str),
    ) {
        let style = self.style;
        let margin = self.margin(span, component);
        let mut line = Line::new(own, style.paint(Ink::Faint, own));
        line.push("", &span.name, Ink::Strong, style);
        match span.kind {
            // Work inside the process is the rule; saying so on every line would hide the exceptions.
            SpanKind::Internal => {}
            SpanKind::Server => line.push(" ", "SERVER", Ink::Good, style),
            SpanKind::Client => line.push(" ", "CLIENT", Ink::Good, style),
            SpanKind::Producer => line.push(" ", "PRODUCER", Ink::Good, style),
            SpanKind::Consumer => line.push(" ", "CONSUMER", Ink::Good, style),
        }
        let room = self.width.saturating_sub(margin.columns);
        let mut lines = Vec::new();
        for (text, ink) in remarks(span, telling) {
            if line.columns + 2 + text.chars().count() > room && !line.is_fresh {
                let fresh = Line::new(below, style.paint(Ink::Faint, below));
                lines.push(std::mem::replace(&mut line, fresh));
            }
            line.push(if line.is_fresh { "" } else { "  " }, &text, ink, style);
        }
        lines.push(line);
        let blank = " ".repeat(margin.columns);
        for (index, line) in lines.into_iter().enumerate() {
            let front = if index == 0 { &margin.text } else { &blank };
            self.lines.push(format!("{front}{}", line.text));
        }
    }

    /// What stands left of the tree: duration, timeline, component.
    fn margin(&self, span: &FinishedSpan, component: &str) -> Margin {
        let number = milliseconds(span.duration());
        let number = format!("{number:>NUMBER_COLUMNS$}  ");
        let timeline = match self.timeline_columns() {
            0 => String::new(),
            columns => format!("{:<columns$}  ", self.timeline(span, columns)),
        };
        let component = format!("{component:<COMPONENT_COLUMNS$}  ");
        let columns = number.chars().count() + timeline.chars().count() + component.chars().count();
        let text = format!(
            "{}{}{}",
            number,
            self.style.paint(Ink::Value, timeline),
            self.style.paint(Ink::Faint, component)
        );
        Margin { text, columns }
    }

    /// Where in the trace the span was, as a bar of at least one column.
    fn timeline(&self, span: &FinishedSpan, columns: usize) -> String {
        let passed = |moment: SystemTime| moment.duration_since(self.start).unwrap_or_default();
        let whole = passed(self.end).as_nanos().max(1);
        let column_of = |moment: SystemTime| {
            usize::try_from(passed(moment).as_nanos() * columns as u128 / whole).unwrap_or(columns)
        };
        let from = column_of(span.start).min(columns.saturating_sub(1));
        let to = column_of(span.end).clamp(from + 1, columns);
        format!("{}{}", " ".repeat(from), "━".repeat(to - from))
    }
}

/// The text left of the tree, and how many columns it takes on a terminal.
struct Margin {
    text: String,
    columns: usize,
}

/// One line of the tree, and how many columns it takes on a terminal.
struct Line {
    text: String,
    columns: usize,
    /// Nothing but guides so far.
    is_fresh: bool,
}

impl Line {
    fn new(guides: &str, painted: String) -> Self {
        Self { text: painted, columns: guides.chars().count(), is_fresh: true }
    }

    fn push(&mut self, gap: &str, text: &str, ink: Ink, style: Style) {
        self.text.push_str(gap);
        self.text.push_str(&style.paint(ink, text));
        self.columns += gap.chars().count() + text.chars().count();
        self.is_fresh = false;
    }
}

/// What is said behind the name of a span: that it failed, and its attributes.
fn remarks(span: &FinishedSpan, telling: &[(&str, String)]) -> Vec<(String, Ink)> {
    let error = match &span.status {
        SpanStatus::Error(description) => {
            Some((format!("ERROR {}", shortened(description)), Ink::Bad))
        }
        SpanStatus::Ok | SpanStatus::Unset => None,
    };
    let attributes = telling.iter().map(|(name, value)| {
        let ink = if name.starts_with("error") { Ink::Bad } else { Ink::Faint };
        (format!("{name}={}", shortened(value)), ink)
    });
    error.into_iter().chain(attributes).collect()
}

/// Whose work a span is: its name says so, else it belongs to whoever started it.
fn component_of(span: &FinishedSpan, parent: &'static str) -> &'static str {
    if span.name.starts_with(ROUTER_PREFIX) {
        "router"
    } else if span.name.starts_with(BROKER_PREFIX) {
        "broker"
    } else {
        parent
    }
}

const ROUTER_PREFIX: &str = "mcp-router.";
const BROKER_PREFIX: &str = "mcp-broker.";

fn telling_of(span: &FinishedSpan) -> impl Iterator<Item = (&'static str, String)> {
    TELLING
        .iter()
        .filter_map(|name| span.attribute(name).map(|value| (*name, value.as_str().into_owned())))
}

/// Whether an attribute says something of its own even when an ancestor has the same value: the status of a request
/// that was sent comes from another server.
fn is_own_word(span: &FinishedSpan, name: &str) -> bool {
    span.kind == SpanKind::Client && name == attribute::HTTP_RESPONSE_STATUS_CODE
}

/// Milliseconds with three decimals: the digits line up, and a microsecond can be seen.
fn milliseconds(duration: Duration) -> String {
    let microseconds = duration.as_nanos().saturating_add(500) / 1_000;
    format!("{}.{:03}", microseconds / 1_000, microseconds % 1_000)
}

/// The value on one line, cut when it is long.
fn shortened(value: &str) -> String {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests;
