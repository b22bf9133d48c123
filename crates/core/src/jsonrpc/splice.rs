//! Changes to a message that leave every other byte as it was.
//!
//! A [`Splice`] collects them against the places that [`Message`] noted, and copies the text once, at the end.

use std::ops::Range;

use super::message::Message;
use super::object::{Member, Object};
use super::write::{quote, write_string};

const META: &str = "_meta";
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const BAGGAGE: &str = "baggage";

/// Edits of one message by byte ranges. With none, the bytes come out as they went in.
///
/// Of two edits of one range the later counts. Ranges given to [`replace`](Self::replace) should not overlap
/// otherwise: of two that do, the one that starts first is applied. One that reaches beyond the message is not.
#[derive(Clone)]
pub struct Splice<'a> {
    message: &'a Message<'a>,
    edits: Vec<Edit>,
    strings: Vec<(String, String)>,
    trace: TraceEdit,
    baggage: Baggage,
}

/// What becomes of the trace context that is there.
#[derive(Clone)]
enum TraceEdit {
    Kept,
    Set(Trace),
    Removed,
}

#[derive(Clone)]
struct Trace {
    traceparent: String,
    tracestate: Option<String>,
}

/// What becomes of the baggage that is there.
#[derive(Clone)]
enum Baggage {
    Kept,
    Replaced(String),
    Removed,
}

#[derive(Clone)]
struct Edit {
    at: Range<usize>,
    bytes: Vec<u8>,
    kind: EditKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EditKind {
    Replacement,
    /// A new first member of an object.
    Member {
        /// The object had members before.
        others: bool,
    },
}

impl<'a> Splice<'a> {
    /// Starts with no edit.
    pub fn new(message: &'a Message<'a>) -> Self {
        Self {
            message,
            edits: Vec::new(),
            strings: Vec::new(),
            trace: TraceEdit::Kept,
            baggage: Baggage::Kept,
        }
    }

    /// Puts `bytes` in the place of a range of the message, usually that of a [`Raw`](super::Raw).
    pub fn replace(&mut self, at: Range<usize>, bytes: Vec<u8>) {
        self.edits.retain(|edit| edit.at != at);
        self.edits.push(Edit { at, bytes, kind: EditKind::Replacement });
    }

    /// Sets a member of `params` to a string, adding it when absent. Does nothing when there are no `params`.
    pub fn set_string_param(&mut self, key: &str, value: &str) {
        self.strings.retain(|(earlier, _)| earlier != key);
        self.strings.push((key.to_owned(), value.to_owned()));
    }

    /// Sets the trace context in `params._meta`, which is made when absent. Its other members stay.
    ///
    /// Without `tracestate` an old one goes, since it belongs to the old `traceparent`. Nothing happens when
    /// there are no `params`, or when `_meta` is something else than an object.
    pub fn set_trace(&mut self, traceparent: &str, tracestate: Option<&str>) {
        let (traceparent, tracestate) = (traceparent.to_owned(), tracestate.map(str::to_owned));
        self.trace = TraceEdit::Set(Trace { traceparent, tracestate });
    }

    /// Takes the trace context in `params._meta` away. Nothing happens when there is none.
    pub fn remove_trace(&mut self) {
        self.trace = TraceEdit::Removed;
    }

    /// Puts `baggage` in the place of the one in `params._meta`, or takes that away. Nothing happens when there is none.
    pub fn replace_baggage(&mut self, baggage: Option<&str>) {
        self.baggage =
            baggage.map_or(Baggage::Removed, |baggage| Baggage::Replaced(baggage.to_owned()));
    }

    /// True when [`finish`](Self::finish) would copy the message as it is.
    pub fn is_empty(&self) -> bool {
        let Some(params) = self.message.params() else { return self.edits.is_empty() };
        let no_trace = match self.trace {
            TraceEdit::Kept => true,
            TraceEdit::Set(_) => !takes_trace(params),
            TraceEdit::Removed => self.message.meta().is_none_or(|meta| trace_of(meta).is_empty()),
        };
        let has_baggage = self.message.meta().is_some_and(|meta| meta.get(BAGGAGE).is_some());
        let no_baggage = matches!(self.baggage, Baggage::Kept) || !has_baggage;
        self.edits.is_empty() && self.strings.is_empty() && no_trace && no_baggage
    }

    /// The message with all edits applied.
    pub fn finish(mut self) -> Vec<u8> {
        self.resolve();
        self.edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
        apply(self.message.bytes(), &self.edits)
    }

    /// Turns what was asked for by name into edits.
    fn resolve(&mut self) {
        let Some(params) = self.message.params() else { return };
        for (key, value) in std::mem::take(&mut self.strings) {
            match params.members().iter().find(|member| member.key == key) {
                Some(member) => self.replace(member.start..member.end, quote(&value)),
                None => self.insert(params, members(&[(&key, &value)]), 0),
            }
        }
        let mut removed = self.message.meta().map(|meta| self.resolve_baggage(meta));
        let trace = std::mem::replace(&mut self.trace, TraceEdit::Kept);
        let TraceEdit::Set(Trace { traceparent, tracestate }) = trace else {
            if let (Some(meta), Some(removed)) = (self.message.meta(), &mut removed) {
                if let TraceEdit::Removed = trace {
                    removed.extend(trace_of(meta));
                }
                self.remove(meta, removed);
            }
            return;
        };
        let traceparent = (TRACEPARENT, traceparent.as_str());
        let tracestate = tracestate.as_deref().map(|value| (TRACESTATE, value));
        match (self.message.meta(), removed) {
            (Some(meta), removed) => {
                self.resolve_trace(meta, removed.unwrap_or_default(), (traceparent, tracestate));
            }
            (None, _) if !takes_trace(params) => {}
            (None, _) => {
                let mut bytes = b"\"_meta\":{".to_vec();
                bytes.extend(trace_members(traceparent, tracestate));
                bytes.push(b'}');
                self.insert(params, bytes, 0);
            }
        }
    }

    /// Puts the new baggage into the place of the old one; returns the member that is to go instead, if one is.
    fn resolve_baggage(&mut self, meta: &Object<'_>) -> Vec<usize> {
        let at = meta.members().iter().position(|member| member.key == BAGGAGE);
        let Some(at) = at else { return Vec::new() };
        match std::mem::replace(&mut self.baggage, Baggage::Kept) {
            Baggage::Kept => {}
            Baggage::Replaced(baggage) => self.replace_some(value(meta, at), quote(&baggage)),
            Baggage::Removed => return vec![at],
        }
        Vec::new()
    }

    fn resolve_trace(
        &mut self,
        meta: &Object<'_>,
        mut removed: Vec<usize>,
        (traceparent, tracestate): ((&str, &str), Option<(&str, &str)>),
    ) {
        let position = |key: &str| meta.members().iter().position(|member| member.key == key);
        let old = (position(TRACEPARENT), position(TRACESTATE));
        // Both members go in by one edit, so that they always stand in the same order.
        match (old, tracestate) {
            ((None, None), _) => {
                self.insert(meta, trace_members(traceparent, tracestate), removed.len());
            }
            ((None, Some(at)), _) => self.replace_some(
                meta.members().get(at).map(|member| member.key_start..member.end),
                trace_members(traceparent, tracestate),
            ),
            ((Some(at), None), None) => self.replace_some(value(meta, at), quote(traceparent.1)),
            ((Some(at), None), Some(tracestate)) => {
                self.replace_some(value(meta, at), quote(traceparent.1));
                self.insert(meta, members(&[tracestate]), removed.len());
            }
            ((Some(at), Some(state_at)), Some(tracestate)) => {
                self.replace_some(value(meta, at), quote(traceparent.1));
                self.replace_some(value(meta, state_at), quote(tracestate.1));
            }
            ((Some(at), Some(state_at)), None) => {
                self.replace_some(value(meta, at), quote(traceparent.1));
                removed.push(state_at);
            }
        }
        self.remove(meta, &removed);
    }

    /// Takes members away, each with one comma.
    fn remove(&mut self, object: &Object<'_>, removed: &[usize]) {
        for at in removed {
            self.replace_some(removal(object.members(), *at, removed), Vec::new());
        }
    }

    fn replace_some(&mut self, at: Option<Range<usize>>, bytes: Vec<u8>) {
        if let Some(at) = at {
            self.replace(at, bytes);
        }
    }

    /// Puts members behind the opening bracket of an object, of whose own ones as many as `removed` go.
    fn insert(&mut self, object: &Object<'_>, bytes: Vec<u8>, removed: usize) {
        let at = object.range().start + 1;
        let kind = EditKind::Member { others: object.members().len() > removed };
        self.edits.push(Edit { at: at..at, bytes, kind });
    }
}

/// True when there is a place for a trace context: `_meta` is an object, or free to become one.
fn takes_trace(params: &Object<'_>) -> bool {
    params.get(META).is_none_or(|meta| meta.is_object())
}

/// Copies `text` with edits that are in order.
fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let added: usize = edits.iter().map(|edit| edit.bytes.len() + 1).sum();
    let mut out = Vec::with_capacity(text.len() + added);
    let mut copied = 0;
    let mut edits = edits.iter().peekable();
    while let Some(edit) = edits.next() {
        // Neither an edit that overlaps the one before nor one that reaches beyond the text has bytes here.
        let (Some(before), Some(_)) = (text.get(copied..edit.at.start), text.get(edit.at.clone()))
        else {
            continue;
        };
        out.extend_from_slice(before);
        out.extend_from_slice(&edit.bytes);
        copied = edit.at.end;
        if let EditKind::Member { others } = edit.kind {
            let another = edits.peek().is_some_and(|next| next.at == edit.at);
            if others || another {
                out.push(b',');
            }
        }
    }
    out.extend_from_slice(text.get(copied..).unwrap_or_default());
    out
}

/// The place of one member's value.
fn value(object: &Object<'_>, at: usize) -> Option<Range<usize>> {
    object.members().get(at).map(|member| member.start..member.end)
}

/// The members that name a trace.
fn trace_of(meta: &Object<'_>) -> Vec<usize> {
    let all = meta.members().iter().enumerate();
    let is_one = |member: &Member<'_>| member.key == TRACEPARENT || member.key == TRACESTATE;
    all.filter(|(_, member)| is_one(member)).map(|(at, _)| at).collect()
}

/// What to cut so that one member goes, together with one comma; the others in `removed` go too.
fn removal(members: &[Member<'_>], at: usize, removed: &[usize]) -> Option<Range<usize>> {
    let member = members.get(at)?;
    let is_after_kept = (0..at).any(|earlier| !removed.contains(&earlier));
    if let (true, Some(previous)) =
        (is_after_kept, at.checked_sub(1).and_then(|at| members.get(at)))
    {
        return Some(previous.end..member.end);
    }
    let end = members.get(at + 1).map_or(member.end, |next| next.key_start);
    Some(member.key_start..end)
}

fn trace_members(traceparent: (&str, &str), tracestate: Option<(&str, &str)>) -> Vec<u8> {
    match tracestate {
        Some(tracestate) => members(&[traceparent, tracestate]),
        None => members(&[traceparent]),
    }
}

/// `"key":"value"` pairs, set off by commas.
fn members(strings: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in strings {
        if !out.is_empty() {
            out.push(b',');
        }
        write_string(&mut out, key);
        out.push(b':');
        write_string(&mut out, value);
    }
    out
}
