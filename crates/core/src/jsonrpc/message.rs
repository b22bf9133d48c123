//! One JSON-RPC message: its envelope, and the members of `params` and `params._meta`.
//!
//! The rules of what a message must be are here, in the order in which they are asked. What a method needs in
//! its `params` is its own business.

use std::borrow::Cow;
use std::fmt;

use super::error::{ParseError, ParseErrorKind};
use super::id::Id;
use super::index::{self, Index};
use super::known;
use super::object::Object;
use super::raw::Raw;
use super::scan::Scanner;

/// How the method of each message without an id starts.
const NOTIFICATIONS: &str = "notifications/";

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `method` and `id`: somebody waits for the answer.
    Request,
    /// `method` without `id`.
    Notification,
    /// `result`.
    Response,
    /// `error`.
    ErrorResponse,
}

/// A message, checked, as it stands in the bytes it was read from.
#[derive(Clone)]
pub struct Message<'a> {
    bytes: &'a [u8],
    kind: Kind,
    id: Option<Raw<'a>>,
    method: Cow<'a, str>,
    envelope: Object<'a>,
    params: Option<Object<'a>>,
    meta: Option<Object<'a>>,
}

impl<'a> Message<'a> {
    /// Reads one message, checking the whole text.
    ///
    /// Errors: each [`ParseErrorKind`] but those of arrays says what is refused. The error carries the caller's
    /// id when the text is JSON and has one `id`.
    pub fn parse(body: &'a [u8]) -> Result<Message<'a>, ParseError> {
        let mut scanner = Scanner::new(body, 0);
        let index = read(&mut scanner).map_err(|kind| ParseError::new(kind, None))?;
        let id = index.id.filter(|id| !index.id_repeated && !id.is_null());
        let refuse = |kind| ParseError::new(kind, id.map(Id::from_raw));
        if let Some(at) = scanner.too_deep_at() {
            return Err(refuse(ParseErrorKind::TooDeep { at }));
        }
        check_members(&index).map_err(refuse)?;
        let (kind, method) = kind(&index).map_err(refuse)?;
        let Index { envelope, params, meta, .. } = index;
        Ok(Message { bytes: body, kind, id, method, envelope, params, meta })
    }

    /// The text that was parsed, white space around the message included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What the message is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The id. Always there for a request and a result; an error response to something unreadable has none.
    pub fn id(&self) -> Option<Raw<'a>> {
        self.id
    }

    /// The method, decoded; empty for responses.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The parameters of a request or notification, `None` when absent.
    pub fn params(&self) -> Option<&Object<'a>> {
        self.params.as_ref()
    }

    /// One parameter.
    pub fn param(&self, key: &str) -> Option<Raw<'a>> {
        self.params.as_ref()?.get(key)
    }

    /// `params._meta`, when it is an object.
    pub fn meta(&self) -> Option<&Object<'a>> {
        self.meta.as_ref()
    }

    /// The result of a response.
    pub fn result(&self) -> Option<Raw<'a>> {
        self.envelope.get("result")
    }

    /// The error of an error response.
    pub fn error(&self) -> Option<Raw<'a>> {
        self.envelope.get("error")
    }

    /// All members of the message, those that JSON-RPC does not know included.
    pub fn envelope(&self) -> &Object<'a> {
        &self.envelope
    }
}

/// Says what the message is, without its content, which may be a secret.
impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Message");
        text.field("kind", &self.kind).field("method", &self.method).field("id", &self.id);
        text.finish_non_exhaustive()
    }
}

fn read<'a>(scanner: &mut Scanner<'a>) -> Result<Index<'a>, ParseErrorKind> {
    scanner.space();
    if scanner.peek() == Some(b'{') {
        let index = index::message(scanner)?;
        scanner.end()?;
        return Ok(index);
    }
    let (at, first) = (scanner.at(), scanner.peek());
    scanner.value(0)?;
    scanner.end()?;
    Err(if first == Some(b'[') {
        ParseErrorKind::Batch
    } else {
        ParseErrorKind::NotAnObject { at }
    })
}

/// Refuses names that come twice, or that another reader could take for a known one.
fn check_members(index: &Index<'_>) -> Result<(), ParseErrorKind> {
    let levels = [
        (Some(&index.envelope), known::ENVELOPE),
        (index.params.as_ref(), known::PARAMS),
        (index.meta.as_ref(), known::META),
    ];
    for (object, known) in levels {
        if let Some(object) = object {
            object.check()?;
            known::check(object, known)?;
        }
    }
    Ok(())
}

fn kind<'a>(index: &Index<'a>) -> Result<(Kind, Cow<'a, str>), ParseErrorKind> {
    let envelope = &index.envelope;
    let version = envelope.get("jsonrpc").and_then(|version| version.as_str());
    if version.as_deref() != Some("2.0") {
        return Err(ParseErrorKind::UnsupportedVersion);
    }
    let (method, result, error) =
        (envelope.get("method"), envelope.get("result"), envelope.get("error"));
    let null_id = index.id.is_some_and(|id| id.is_null());
    match (method, result, error) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => Err(ParseErrorKind::MethodAndResult),
        (None, Some(_), Some(_)) => Err(ParseErrorKind::ResultAndError),
        // Whoever could not read a request cannot know its id either, and says null or leaves it out.
        (None, None, Some(_)) => Ok((Kind::ErrorResponse, Cow::Borrowed(""))),
        _ if null_id => Err(ParseErrorKind::NullId),
        (None, None, None) => Err(ParseErrorKind::MissingMethod),
        (None, Some(_), None) if index.id.is_none() => Err(ParseErrorKind::MissingId),
        (None, Some(_), None) => Ok((Kind::Response, Cow::Borrowed(""))),
        (Some(method), None, None) => call(index, method),
    }
}

/// The rules of messages with a method.
fn call<'a>(index: &Index<'a>, method: Raw<'a>) -> Result<(Kind, Cow<'a, str>), ParseErrorKind> {
    let method = method.as_str().ok_or(ParseErrorKind::MethodNotString)?;
    let kind = match index.id {
        Some(_) => Kind::Request,
        None if method.starts_with(NOTIFICATIONS) => Kind::Notification,
        None => return Err(ParseErrorKind::MissingId),
    };
    if index.params.is_none() && index.envelope.get("params").is_some() {
        return Err(ParseErrorKind::ParamsNotObject);
    }
    Ok((kind, method))
}
