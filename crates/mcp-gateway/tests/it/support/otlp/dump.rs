//! The receiver's detailed dump, read back into spans.
//!
//! The dump is text for people, one value a line, and values are written as they are. So a line that begins no value
//! goes on with the one before. Two things are lost: a value that imitates the dump's own lines, and where strings in
//! a list begin and end; lists are kept as they are written.

use std::sync::Arc;

use crate::support::span::{Attributes, Kind, Link, Span, Status, Value};

/// Reads all spans of a dump, in its order. Panics on anything that it does not know.
pub(super) fn parse(dump: &str) -> Vec<Span> {
    let mut reader = Reader::default();
    for line in lines_of(dump, Section::Spans) {
        reader.line(line);
    }
    reader.end_span();
    reader.spans
}

/// What a part of a dump holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Spans,
    LogRecords,
    Metrics,
}

/// How the parts of a dump begin.
const SECTIONS: [(&str, Section); 3] = [
    ("ResourceSpans #", Section::Spans),
    ("ResourceLog #", Section::LogRecords),
    ("ResourceMetrics #", Section::Metrics),
];

/// Returns the lines of one signal.
pub(super) fn lines_of(dump: &str, wanted: Section) -> impl Iterator<Item = &str> {
    let mut section = Section::Spans;
    // The receiver's own log lines are coloured.
    dump.lines().filter(|line| !line.starts_with('\x1b')).filter(move |line| {
        let begun = SECTIONS.iter().find(|(heading, _)| line.starts_with(heading));
        section = begun.map_or(section, |(_, section)| *section);
        section == wanted
    })
}

/// An attribute whose value may go on in the next line.
type Unread = Vec<(String, String)>;

#[derive(Default)]
struct Reader {
    spans: Vec<Span>,
    resource: Unread,
    scope: String,
    span: Option<Draft>,
    /// What an attribute line belongs to.
    place: Place,
    /// What a line that begins nothing goes on with.
    open: Open,
}

#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    Resource,
    Scope,
    Span,
    Event,
    Link,
}

#[derive(Clone, Copy, Default)]
enum Open {
    #[default]
    Nothing,
    Name,
    StatusMessage,
    Attribute,
}

#[derive(Default)]
struct Draft {
    fields: Vec<(&'static str, String)>,
    attributes: Unread,
    events: Vec<(String, Unread)>,
    links: Vec<(String, String, Unread)>,
}

/// Lines of a span that hold one value, by how they begin.
const FIELDS: [(&str, &str); 10] = [
    ("    Trace ID       : ", "trace_id"),
    ("    Parent ID      : ", "parent"),
    ("    ID             : ", "span_id"),
    ("    Name           : ", "name"),
    ("    Kind           : ", "kind"),
    ("    TraceState     : ", "trace_state"),
    ("Start time: ", "start"),
    ("End time: ", "end"),
    ("    Status code    : ", "status"),
    ("    Status message : ", "message"),
];

impl Reader {
    fn line(&mut self, line: &str) {
        if !(self.heading(line) || self.field(line) || self.entry(line)) {
            self.go_on(line);
        }
    }

    fn heading(&mut self, line: &str) -> bool {
        let (place, rest) = if line.starts_with("ResourceSpans #") {
            self.end_span();
            self.resource.clear();
            (Place::Resource, "")
        } else if line.starts_with("ScopeSpans #") {
            self.end_span();
            (Place::Scope, "")
        } else if line.starts_with("Span #") {
            self.end_span();
            self.span = Some(Draft::default());
            (Place::Span, "")
        } else if line.starts_with("SpanEvent #") {
            self.draft().events.push((String::new(), Unread::new()));
            (Place::Event, "")
        } else if line.starts_with("SpanLink #") {
            self.draft().links.push((String::new(), String::new(), Unread::new()));
            (Place::Link, "")
        } else if let Some(scope) = line.strip_prefix("InstrumentationScope ")
            && line != "InstrumentationScope attributes:"
        {
            (Place::Scope, scope)
        } else {
            // Headings of what is known already from where they stand.
            let known = [
                "Resource attributes:",
                "InstrumentationScope attributes:",
                "Attributes:",
                "Events:",
                "Links:",
            ];
            let schema = ["Resource SchemaURL: ", "ScopeSpans SchemaURL: "];
            return known.contains(&line) || schema.iter().any(|start| line.starts_with(start));
        };
        self.place = place;
        if !rest.is_empty() {
            rest.trim_end().clone_into(&mut self.scope);
        }
        self.open = Open::Nothing;
        true
    }

    fn field(&mut self, line: &str) -> bool {
        let Some((value, field)) =
            FIELDS.iter().find_map(|(start, field)| Some((line.strip_prefix(start)?, *field)))
        else {
            return false;
        };
        if !matches!(self.place, Place::Span) {
            return false;
        }
        self.draft().fields.push((field, value.to_owned()));
        self.open = match field {
            "name" => Open::Name,
            "message" => Open::StatusMessage,
            _ => Open::Nothing,
        };
        true
    }

    /// `     -> key: value`, deeper in events and links.
    fn entry(&mut self, line: &str) -> bool {
        let deep = line.strip_prefix("          -> ");
        let Some((key, value)) =
            deep.or_else(|| line.strip_prefix("     -> ")).and_then(|rest| rest.split_once(": "))
        else {
            // `     -> Attributes::` heads the attributes of an event or a link.
            return line == "     -> Attributes::";
        };
        match (self.place, deep.is_some()) {
            (Place::Event | Place::Link, false) => self.detail(key, value),
            (Place::Scope, _) => {}
            (Place::Resource | Place::Span | Place::Event | Place::Link, _) => {
                self.attributes().push((key.to_owned(), value.to_owned()));
                self.open = Open::Attribute;
            }
        }
        true
    }

    /// What an event or a link says beside attributes.
    fn detail(&mut self, key: &str, value: &str) {
        let draft = self.draft();
        let place = match key {
            "Name" => &mut draft.events.last_mut().unwrap().0,
            "Trace ID" => &mut draft.links.last_mut().unwrap().0,
            "ID" => &mut draft.links.last_mut().unwrap().1,
            "Timestamp" | "DroppedAttributesCount" | "TraceState" => &mut String::new(),
            _ => panic!("unknown detail {key}: {value}"),
        };
        value.clone_into(place);
        self.open = Open::Nothing;
    }

    fn attributes(&mut self) -> &mut Unread {
        match self.place {
            Place::Resource => &mut self.resource,
            Place::Scope => panic!("attributes of scopes are not kept"),
            Place::Span => &mut self.draft().attributes,
            Place::Event => &mut self.draft().events.last_mut().unwrap().1,
            Place::Link => &mut self.draft().links.last_mut().unwrap().2,
        }
    }

    fn go_on(&mut self, line: &str) {
        let value = match self.open {
            Open::Name | Open::StatusMessage => &mut self.draft().fields.last_mut().unwrap().1,
            Open::Attribute => &mut self.attributes().last_mut().unwrap().1,
            Open::Nothing => panic!("a line that begins nothing: {line}"),
        };
        value.push('\n');
        value.push_str(line);
    }

    fn draft(&mut self) -> &mut Draft {
        self.span.as_mut().expect("this stands in a span")
    }

    fn end_span(&mut self) {
        if let Some(draft) = self.span.take() {
            self.spans.push(draft.span(&self.resource, &self.scope));
        }
        self.open = Open::Nothing;
    }
}

impl Draft {
    fn span(self, resource: &Unread, scope: &str) -> Span {
        let field = |name: &str| -> String {
            let mut found = self.fields.iter().filter(|(field, _)| *field == name);
            let value = found.next().map_or_else(String::new, |(_, value)| value.clone());
            assert!(found.next().is_none(), "{name} is there twice: {:?}", self.fields);
            value
        };
        let parent = field("parent");
        Span {
            trace_id: field("trace_id"),
            span_id: field("span_id"),
            parent_span_id: (!parent.is_empty()).then_some(parent),
            trace_state: field("trace_state"),
            name: field("name"),
            kind: kind(&field("kind")),
            status: status(&field("status"), field("message")),
            attributes: attributes(&self.attributes),
            events: self
                .events
                .iter()
                .map(|(name, unread)| (name.clone(), attributes(unread)))
                .collect(),
            links: self.links.iter().map(link).collect(),
            start_ns: field("start").parse().unwrap(),
            end_ns: field("end").parse().unwrap(),
            resource: Arc::new(attributes(resource)),
            scope: scope.to_owned(),
        }
    }
}

fn link((trace_id, span_id, unread): &(String, String, Unread)) -> Link {
    Link { trace_id: trace_id.clone(), span_id: span_id.clone(), attributes: attributes(unread) }
}

fn attributes(unread: &Unread) -> Attributes {
    let mut attributes = Attributes::new();
    for (key, text) in unread {
        let before = attributes.insert(key.clone(), value(text));
        assert!(before.is_none(), "attribute {key} is there twice: {unread:?}");
    }
    attributes
}

fn value(text: &str) -> Value {
    let inner = |start: &str| text.strip_prefix(start).and_then(|rest| rest.strip_suffix(')'));
    if let Some(text) = inner("Str(") {
        Value::from(text)
    } else if let Some(number) = inner("Int(") {
        Value::Int(number.parse().unwrap())
    } else if let Some(flag) = inner("Bool(") {
        Value::Bool(flag.parse().unwrap())
    } else if let Some(number) = inner("Double(") {
        Value::Double(number.parse().unwrap())
    } else {
        Value::Other(text.to_owned())
    }
}

fn kind(text: &str) -> Kind {
    match text {
        "SPAN_KIND_INTERNAL" => Kind::Internal,
        "SPAN_KIND_SERVER" => Kind::Server,
        "SPAN_KIND_CLIENT" => Kind::Client,
        "SPAN_KIND_PRODUCER" => Kind::Producer,
        "SPAN_KIND_CONSUMER" => Kind::Consumer,
        _ => panic!("unknown kind {text}"),
    }
}

fn status(code: &str, message: String) -> Status {
    match code {
        "" | "STATUS_CODE_UNSET" => Status::Unset,
        "STATUS_CODE_OK" => Status::Ok,
        "STATUS_CODE_ERROR" => Status::Error(message),
        _ => panic!("unknown status {code}"),
    }
}
