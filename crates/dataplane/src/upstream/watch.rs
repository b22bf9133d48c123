//! The stream on which a server tells that its tools have changed: opened by GET, and again whenever it ends.
//!
//! Not every server offers it; then nothing is ever told and the periodic refresh has to find changes. Only
//! `notifications/tools/list_changed` matters here; requests of the server are answered, the rest is skipped.

use std::time::Duration;

use http::StatusCode;
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::{Span, TraceHeaders, Tracer};
use tokio::time::Instant;
use tracing::debug;

use super::backoff::Backoff;
use super::client::{Envelope, ServerClient};
use super::error::UpstreamError;
use super::media::{self, Media};
use super::message::{self, Received};
use super::span;
use super::stream::MessageStream;
use crate::chain::Chain;
use crate::describe;
use crate::session::UpstreamSession;

/// Time for the head of the stream. Also the time for one answer to a request of the server.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that the first list waits for the stream, so that no change falls between the two.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(1);
/// A stream without a message for as long is opened anew: it may have died without a sign.
const SILENCE_MAX: Duration = Duration::from_secs(15 * 60);
/// Bytes of one event.
const EVENT_BYTES_MAX: usize = 1024 * 1024;
/// A stream that lasted as long was a good one: the next try does not have to wait.
const GOOD_STREAM: Duration = Duration::from_secs(60);

/// What the stream tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The list of tools may have changed; also told when the stream has been opened late, or again.
    Tools,
    /// The server no longer knows the session.
    SessionLost,
}

/// Watches one session.
pub(super) struct Watcher {
    state: State,
    /// A stream of this session was open before: the server offers it.
    opened_before: bool,
    /// The list has been read since: what the stream would have told until it is open is lost.
    begun: bool,
    last_event_id: Option<String>,
    backoff: Backoff,
    tracer: Tracer,
    /// The trace that the stream was opened in; what is sent on its account belongs there, too.
    trace: Option<TraceHeaders>,
}

enum State {
    /// Nothing to watch.
    Off,
    /// The stream is to be opened.
    Closed { reopen_at: Instant },
    /// The stream is open.
    Open { stream: Box<MessageStream>, opened_at: Instant, heard_at: Instant },
}

impl Watcher {
    /// A watcher without stream; it never opens one when `announces` is false (the server did not declare
    /// `tools.listChanged`). Tries that fail in a row are at most `wait_max` apart.
    pub(super) fn new(announces: bool, wait_max: Duration, tracer: Tracer) -> Self {
        let state =
            if announces { State::Closed { reopen_at: Instant::now() } } else { State::Off };
        let backoff = Backoff::new(wait_max);
        Self {
            state,
            opened_before: false,
            begun: false,
            last_event_id: None,
            backoff,
            tracer,
            trace: None,
        }
    }

    /// Opens the stream before the first list is read. When that takes more than a second, or fails, the list goes first; the
    /// stream tells of a change when it is open.
    pub(super) async fn begin(
        &mut self,
        client: &ServerClient,
        session: &UpstreamSession,
        visit: &Span,
    ) {
        if let State::Closed { .. } = self.state {
            // Past its time the try is given up, and made again by `change`.
            drop(tokio::time::timeout(BEGIN_TIMEOUT, self.open(client, session, visit)).await);
        }
        self.begun = true;
    }

    /// Says whether changes would be told now.
    pub(super) fn is_open(&self) -> bool {
        match self.state {
            State::Open { .. } => true,
            State::Off | State::Closed { .. } => false,
        }
    }

    /// Waits for the next change, forever when there is nothing to watch. Dropping the future loses no change.
    pub(super) async fn change(
        &mut self,
        client: &ServerClient,
        session: &UpstreamSession,
    ) -> Change {
        loop {
            let told = match &mut self.state {
                State::Off => std::future::pending().await,
                State::Closed { reopen_at } => {
                    tokio::time::sleep_until(*reopen_at).await;
                    let visit = span::manage(&self.tracer, client.server());
                    let told = self.open(client, session, &visit).await;
                    visit.end();
                    told
                }
                State::Open { stream, heard_at, .. } => {
                    let next = stream.next(*heard_at + SILENCE_MAX).await;
                    self.hear(next, client, session).await
                }
            };
            if let Some(change) = told {
                return change;
            }
        }
    }

    async fn open(
        &mut self,
        client: &ServerClient,
        session: &UpstreamSession,
        visit: &Span,
    ) -> Option<Change> {
        let get = span::request(visit, "GET", client.server());
        self.trace = get.headers();
        let envelope = envelope(session, self.trace.as_ref());
        let id = self.last_event_id.as_deref();
        let opened = client.open_stream(id, &envelope).await;
        if let Ok(answer) = &opened {
            get.set(|a| describe::response(a, answer.status(), Some(answer.version())));
        }
        span::end(&get, &opened);
        let answer = match opened {
            Ok(answer) => answer,
            Err(error) => {
                self.close(&error, client);
                return None;
            }
        };
        let status = answer.status();
        if status == StatusCode::OK && media::of(answer.headers()) == Media::EventStream {
            let stream = Box::new(MessageStream::new(answer.into_body(), EVENT_BYTES_MAX));
            let now = Instant::now();
            self.state = State::Open { stream, opened_at: now, heard_at: now };
            self.opened_before = true;
            return self.begun.then_some(Change::Tools);
        }
        if self.opened_before && [StatusCode::NOT_FOUND, StatusCode::BAD_REQUEST].contains(&status)
        {
            return Some(Change::SessionLost);
        }
        if status.is_server_error() {
            self.close(&UpstreamError::Status { status, error: None }, client);
        } else {
            // 405 by the specification; 404, 400 and answers that are no stream by other servers.
            self.state = State::Off;
        }
        None
    }

    async fn hear(
        &mut self,
        next: Result<Option<bytes::Bytes>, UpstreamError>,
        client: &ServerClient,
        session: &UpstreamSession,
    ) -> Option<Change> {
        let received = match next {
            Ok(Some(data)) => message::read(&data),
            Ok(None) => Err(UpstreamError::NoAnswer),
            Err(error) => Err(error),
        };
        if let State::Open { stream, heard_at, .. } = &mut self.state {
            *heard_at = Instant::now();
            self.last_event_id = stream.last_event_id().map(str::to_owned);
        }
        match received {
            Ok(Received::Notification { method }) if method == method::TOOLS_LIST_CHANGED => {
                return Some(Change::Tools);
            }
            Ok(Received::Request { reply }) => client.reply(reply, &envelope(session, self.trace.as_ref())).await,
            Ok(
                Received::Notification { .. } | Received::Result { .. } | Received::Error { .. },
            )
            // One message that cannot be read costs itself alone.
            | Err(UpstreamError::InvalidMessage(_) | UpstreamError::InvalidResult(_)) => {}
            Err(error) => self.close(&error, client),
        }
        None
    }

    /// Plans the next try after the stream has ended, or could not be opened.
    fn close(&mut self, error: &UpstreamError, client: &ServerClient) {
        let mut wait = None;
        if let State::Open { stream, opened_at, .. } = &self.state {
            wait = stream.retry();
            if opened_at.elapsed() >= GOOD_STREAM {
                self.backoff.reset();
            }
        }
        // A server may ask for patience, but not for more than the failures of a hurried one would cost it.
        let planned = self.backoff.next(rand::random());
        let wait = wait.map_or(planned, |wait| wait.clamp(planned, planned.max(SILENCE_MAX)));
        debug!(
            mcp.server = %client.server().name, error = %Chain(error), wait_ms = wait.as_millis(),
            "The stream of changes is closed and will be opened again."
        );
        self.state = State::Closed { reopen_at: Instant::now() + wait };
    }
}

fn envelope<'a>(session: &'a UpstreamSession, trace: Option<&'a TraceHeaders>) -> Envelope<'a> {
    let deadline = Instant::now() + OPEN_TIMEOUT;
    Envelope { session: Some(session), headers: None, trace, deadline }
}
