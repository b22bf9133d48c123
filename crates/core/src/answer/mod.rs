//! Reads the answer of a server while it passes, and makes sure that there is one.
//!
//! A front end feeds the body of a server's response through an [`AnswerReader`] and sends on what it returns. The
//! reader learns how the call ended ([`Outcome`]), and where the server broke its word (no answer, not JSON, another
//! request's id) it supplies a JSON-RPC error with the caller's id instead, while that is still possible.
//!
//! A JSON answer is held whole up to a bound, so that garbage can become an error; beyond the bound it passes unread.
//! Of an event stream only the event under way is held: complete events leave with the chunk that completes them.
//! Clients match responses to requests by id alone, whatever stream they come on. So an event with a response to anything
//! but this request is left out: with it a server could answer in the place of another one.

mod json;
mod outcome;
mod sse;

use std::fmt;

use bytes::Bytes;

use crate::answer::json::JsonAnswer;
use crate::answer::sse::SseAnswer;
use crate::jsonrpc::{Id, Message, code, error_response};
use crate::sse::{DEFAULT_NAME, Event};

pub use outcome::{AnswerFault, Outcome};

/// How the body of a response came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// The sender finished it.
    Complete,
    /// The connection broke.
    Cut,
    /// The sender fell silent for too long.
    Silent,
}

impl BodyEnd {
    /// What is wrong with an answer that is not complete by then.
    fn fault(self) -> Option<AnswerFault> {
        match self {
            Self::Complete => None,
            Self::Cut => Some(AnswerFault::Cut),
            Self::Silent => Some(AnswerFault::Silent),
        }
    }
}

/// What a response claims to be, by its content type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerForm {
    /// `application/json`: one message.
    Json,
    /// `text/event-stream`: events until the answer has come.
    EventStream,
    /// `application/json` of a response whose HTTP status is an error: it may hold a JSON-RPC error all the same.
    ErrorBody(http::StatusCode),
    /// A content coding that the gateway did not ask for: it passes unread.
    Encoded,
    /// Anything else; no answer can be in it.
    Other,
}

impl AnswerForm {
    /// Reads the form from a `content-type` value; parameters are ignored.
    pub fn of(content_type: Option<&http::HeaderValue>) -> Self {
        let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = text.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case("text/event-stream") {
            Self::EventStream
        } else {
            Self::Other
        }
    }
}

/// Follows one response body.
#[derive(Debug)]
pub struct AnswerReader {
    id: Id,
    server: Box<str>,
    form: Form,
    /// The HTTP error status under which the body came; it outweighs what is wrong with the body.
    error_status: Option<http::StatusCode>,
    outcome: Option<Outcome>,
    /// What is to be said of an answer that passed unread.
    unread: Outcome,
    result: KeptResult,
}

/// What is kept of the result for whoever wants to see it.
#[derive(Default)]
enum KeptResult {
    /// Nobody does.
    #[default]
    Unwanted,
    /// It is still to come.
    Wanted,
    /// The JSON text.
    Kept(Vec<u8>),
}

/// Says nothing of the text, which may be anybody's secret.
impl fmt::Debug for KeptResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unwanted => "unwanted",
            Self::Wanted => "wanted",
            Self::Kept(_) => "kept",
        })
    }
}

impl KeptResult {
    /// Keeps the result of an answer, when it is wanted.
    fn keep(&mut self, answer: &[u8]) {
        if matches!(self, Self::Wanted) {
            let message = Message::parse(answer).ok();
            let result = message.as_ref().and_then(Message::result);
            if let Some(result) = result {
                *self = Self::Kept(result.as_bytes().to_vec());
            }
        }
    }
}

#[derive(Debug)]
enum Form {
    Json(JsonAnswer),
    EventStream(Box<SseAnswer>),
    /// A body without an answer in it is dropped; the error takes its place.
    Dropped,
}

impl AnswerReader {
    /// Starts to follow a response to the request `id` by the server named `server` (as clients may know it).
    ///
    /// `held_bytes_max` bounds a JSON answer that is held, and one event of a stream.
    pub fn new(id: Id, server: &str, form: AnswerForm, held_bytes_max: usize) -> Self {
        let error_status = match form {
            AnswerForm::ErrorBody(status) => Some(status),
            AnswerForm::Json
            | AnswerForm::EventStream
            | AnswerForm::Encoded
            | AnswerForm::Other => None,
        };
        let unread = if form == AnswerForm::Encoded { Outcome::Encoded } else { Outcome::Unread };
        let form = match form {
            AnswerForm::Json | AnswerForm::ErrorBody(_) => {
                Form::Json(JsonAnswer::new(held_bytes_max))
            }
            AnswerForm::Encoded => Form::Json(JsonAnswer::unread()),
            AnswerForm::EventStream => Form::EventStream(Box::new(SseAnswer::new(held_bytes_max))),
            AnswerForm::Other => Form::Dropped,
        };
        let result = KeptResult::default();
        Self { id, server: server.into(), form, error_status, outcome: None, unread, result }
    }

    /// Keeps a copy of the result, for [`Self::take_result`].
    #[must_use]
    pub fn keeping_result(self) -> Self {
        Self { result: KeptResult::Wanted, ..self }
    }

    /// The JSON text of the result, when it was to be kept and has passed; once.
    pub fn take_result(&mut self) -> Option<Vec<u8>> {
        match std::mem::take(&mut self.result) {
            KeptResult::Kept(result) => Some(result),
            KeptResult::Unwanted | KeptResult::Wanted => None,
        }
    }

    /// Takes the next bytes of the body and returns those to send on now; possibly none.
    pub fn push(&mut self, chunk: Bytes) -> Bytes {
        match &mut self.form {
            Form::Json(json) => {
                let out = json.push(chunk);
                if out.is_empty() || self.error_status.is_none() {
                    return out;
                }
                // Too long for the error that it was looked at for.
                self.form = Form::Dropped;
                Bytes::new()
            }
            Form::EventStream(stream) => {
                let id = &self.id;
                let outcome = &mut self.outcome;
                let result = &mut self.result;
                stream.push(&chunk, &mut |event| {
                    let was_open = outcome.is_none();
                    let passes = passes(event, id, outcome);
                    if was_open && outcome.is_some() {
                        result.keep(event.data);
                    }
                    passes
                })
            }
            Form::Dropped => Bytes::new(),
        }
    }

    /// Takes the end of the body and returns the bytes that complete the response for the client.
    pub fn finish(&mut self, end: BodyEnd) -> Bytes {
        let cut = end.fault();
        match &mut self.form {
            Form::Json(json) => match json.take_held() {
                None => {
                    // Already on its way, unread: nothing can be put in its place.
                    let unread = self.unread.clone();
                    self.outcome.get_or_insert(cut.map_or(unread, Outcome::Fault));
                    Bytes::new()
                }
                Some(held) => {
                    let read = match cut {
                        Some(fault) => Err(fault),
                        None => Outcome::of_message(&held, &self.id)
                            .and_then(|read| read.ok_or(AnswerFault::NotJsonRpc)),
                    };
                    match read {
                        Ok(outcome) => {
                            self.result.keep(&held);
                            self.outcome = Some(outcome);
                            held.into()
                        }
                        Err(fault) => self.fault(fault).into(),
                    }
                }
            },
            Form::EventStream(stream) => {
                let rest = stream.finish();
                if self.outcome.is_some() || stream.is_blind() {
                    self.outcome.get_or_insert(cut.map_or(Outcome::Unread, Outcome::Fault));
                    return rest;
                }
                let error = self.fault(cut.unwrap_or(AnswerFault::NoAnswer));
                crate::sse::encode_message(&error).into()
            }
            Form::Dropped => self.fault(cut.unwrap_or(AnswerFault::NotMcp)).into(),
        }
    }

    /// How the call ended; `None` while the answer is still to come.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    fn fault(&mut self, fault: AnswerFault) -> Vec<u8> {
        let fault = self.error_status.map_or(fault, AnswerFault::HttpStatus);
        self.outcome = Some(Outcome::Fault(fault));
        error_response(Some(&self.id), code::INTERNAL_ERROR, &fault.message(&self.server))
    }
}

/// Says whether an event may reach the client that waits for the answer to `id`, and takes note of the answer.
///
/// Events of other names are no messages to clients that go by the rules; what is in them passes unless it is a response.
fn passes(event: &Event<'_>, id: &Id, outcome: &mut Option<Outcome>) -> bool {
    let is_message = event.name == DEFAULT_NAME;
    if event.data.is_empty() {
        return true; // gives an id to resume from, or a time to wait
    }
    match Outcome::of_message(event.data, id) {
        Ok(None) => true,
        Ok(Some(read)) => {
            let is_first = is_message && outcome.is_none();
            if is_first {
                *outcome = Some(read);
            }
            is_first
        }
        Err(AnswerFault::WrongId) => false,
        // Readers differ in what they make of such a text.
        Err(
            AnswerFault::NotJsonRpc
            | AnswerFault::NoAnswer
            | AnswerFault::Cut
            | AnswerFault::Silent
            | AnswerFault::HttpStatus(_)
            | AnswerFault::NotMcp,
        ) => !is_message,
    }
}

#[cfg(test)]
mod tests;
