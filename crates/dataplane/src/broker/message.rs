//! What each request of a client gets: the order of the checks, and who answers.

use ::http::header::ACCEPT;
use ::http::{HeaderMap, Method, Response};
use mcp_gateway_core::header::MCP_PROTOCOL_VERSION;
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_core::mcp::method;
use mcp_gateway_core::routing::{Rejection, check_protocol_version};
use mcp_gateway_telemetry::Span;

use crate::broker::body::Body;
use crate::broker::notify::stream::{EventStream, Sources};
use crate::broker::respond::{self, BrokerError};
use crate::broker::{Broker, BrokerCall, end, tools_list};

/// The first revision without sessions. Later ones are greater; all of them are dates.
const FIRST_WITHOUT_SESSIONS: &str = "2026-07-28";
/// Longest part of an unknown method's name that an error repeats, in characters.
const METHOD_CHARS_MAX: usize = 100;

/// Answers one request. `id` is that of its message when it is one that waits for an answer.
pub(super) async fn answer(
    broker: &Broker,
    call: &BrokerCall<'_>,
    id: Option<&Id>,
    span: &Span,
) -> Result<Response<Body>, BrokerError> {
    let is_without_sessions = is_without_sessions(call.headers);
    match (call.method, call.message, is_without_sessions) {
        (&Method::POST, Some(message), _) => answer_message(broker, call, message, id, span),
        (&Method::GET, _, false) => open_stream(broker, call, span),
        (&Method::DELETE, _, false) => {
            check_protocol_version(call.headers, None)?;
            end::answer(broker, call.session()?, span).await
        }
        (_, _, _) => Err(BrokerError::MethodNotAllowed { is_without_sessions }),
    }
}

/// The checks go from what makes a message unreadable to what it asks for: revision, session, method.
fn answer_message(
    broker: &Broker,
    call: &BrokerCall<'_>,
    message: &Message<'_>,
    id: Option<&Id>,
    span: &Span,
) -> Result<Response<Body>, BrokerError> {
    let name = message.method();
    if id.is_some() && name == method::SERVER_DISCOVER {
        let is_without_sessions = check_protocol_version(call.headers, None).is_err();
        return Err(BrokerError::Discover { is_without_sessions });
    }
    check_protocol_version(call.headers, Some(message))?;
    let Some(id) = id else {
        // No request of the broker to a client is ever open, so responses are of no use; MCP wants them accepted.
        call.session()?;
        return Ok(respond::accepted());
    };
    if name == method::INITIALIZE {
        return broker.inner.initializer.answer(message, id, span);
    }
    call.session()?;
    match name {
        method::PING => Ok(respond::result(id, b"{}")),
        method::TOOLS_LIST => {
            let snapshot = broker.inner.snapshots.current();
            tools_list::answer(&snapshot, call.visibility, message, id, span)
        }
        method::TOOLS_CALL => Err(BrokerError::NotRouted),
        unknown => {
            let shown = unknown.chars().take(METHOD_CHARS_MAX).collect();
            Err(Rejection::MethodNotFound(shown).into())
        }
    }
}

fn open_stream(
    broker: &Broker,
    call: &BrokerCall<'_>,
    span: &Span,
) -> Result<Response<Body>, BrokerError> {
    check_protocol_version(call.headers, None)?;
    if !accepts_events(call.headers) {
        return Err(BrokerError::NotAcceptable);
    }
    let facts = call.session()?;
    let inner = &broker.inner;
    let sources = Sources {
        snapshots: inner.snapshots.clone(),
        tokens: inner.session_tokens.clone(),
        shutdown: inner.shutdown.clone(),
    };
    let stream = EventStream::open(&inner.streams, sources, facts, call.visibility, span)
        .ok_or(BrokerError::TooManyStreams)?;
    Ok(respond::events(Body::Events(Box::pin(stream.into_pieces()))))
}

/// Whether the request says that it is of a revision that has neither GET nor DELETE.
fn is_without_sessions(headers: &HeaderMap) -> bool {
    let version = headers.get(MCP_PROTOCOL_VERSION).and_then(|version| version.to_str().ok());
    // Dates of one form sort as text.
    version.is_some_and(|version| is_date(version) && version >= FIRST_WITHOUT_SESSIONS)
}

/// Whether `text` has the form `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    text.len() == FIRST_WITHOUT_SESSIONS.len()
        && text.bytes().zip(FIRST_WITHOUT_SESSIONS.bytes()).all(|(byte, model)| match model {
            b'-' => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// Whether `Accept` names event streams. A wildcard does not: an endless response is nothing to give to whoever just
/// looks what is there.
fn accepts_events(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| range.split(';').next())
        .any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}
