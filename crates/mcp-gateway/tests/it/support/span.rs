//! Spans as a receiver of OTLP saw them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// One span.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::struct_field_names, reason = "`span_id` is its name in OpenTelemetry")]
pub struct Span {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// 16 hexadecimal digits; `None` for a root.
    pub parent_span_id: Option<String>,
    /// The W3C trace state; empty when there was none.
    pub trace_state: String,
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: Kind,
    /// The status.
    pub status: Status,
    /// The attributes.
    pub attributes: Attributes,
    /// Events in it: name and attributes.
    pub events: Vec<(String, Attributes)>,
    /// Spans that it is linked to.
    pub links: Vec<Link>,
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    /// Nanoseconds since 1970.
    pub end_ns: u64,
    /// The attributes of the resource that it came from.
    pub resource: Arc<Attributes>,
    /// The name and version of the instrumentation scope that it came from.
    pub scope: String,
}

impl Span {
    /// Returns an attribute's value.
    pub fn attribute(&self, key: &str) -> Option<&Value> {
        self.attributes.get(key)
    }

    /// Returns `service.name` of its resource.
    pub fn service(&self) -> &str {
        match self.resource.get("service.name") {
            Some(Value::Text(name)) => name,
            Some(Value::Int(_) | Value::Bool(_) | Value::Double(_) | Value::Other(_)) | None => "",
        }
    }
}

/// Attributes by key. A key that is there twice is refused where spans are read.
pub type Attributes = BTreeMap<String, Value>;

/// The kind of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// The status of a span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Unset,
    Ok,
    /// With its description, which may be empty.
    Error(String),
}

/// Another span that a span points to.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub trace_id: String,
    pub span_id: String,
    pub attributes: Attributes,
}

/// The value of an attribute, with its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Int(i64),
    Bool(bool),
    Double(f64),
    /// A list, a map or bytes, as the receiver writes them: `Slice(Str(a), Int(1))`.
    Other(String),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u16> for Value {
    fn from(number: u16) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Double(number) => write!(f, "{number:?}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Internal => "INTERNAL",
            Self::Server => "SERVER",
            Self::Client => "CLIENT",
            Self::Producer => "PRODUCER",
            Self::Consumer => "CONSUMER",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset => Ok(()),
            Self::Ok => f.write_str("ok"),
            Self::Error(description) => write!(f, "error {description:?}"),
        }
    }
}
