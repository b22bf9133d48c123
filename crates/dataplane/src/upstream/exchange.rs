//! One request of the gateway to a server, and its answer, however the server chooses to send it.
//!
//! The answer may be a JSON text or an event stream with other messages before it: notifications are skipped, requests of
//! the server answered by a POST of their own. A stream that breaks off after it gave an event id is resumed by GET,
//! as revision 2025-11-25 lets servers demand.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use mcp_gateway_core::header::{LAST_EVENT_ID, MCP_SESSION_ID};
use mcp_gateway_core::jsonrpc::{self, Id};
use mcp_gateway_core::mcp::ProtocolVersion;
use tokio::time::Instant;
use tracing::debug;

use super::client::{Answered, Envelope, ServerClient};
use super::error::UpstreamError;
use super::media::{self, Media};
use super::message::{self, Received};
use super::stream::MessageStream;
use crate::chain::Chain;
use crate::clock::Clock;
use crate::http::body::read_all;
use crate::session::{UpstreamSession, UpstreamSessionId};

/// How often one answer's stream is resumed before it counts as lost.
const RESUMES_MAX: usize = 5;
/// The wait before a stream is resumed when the server does not say how long.
const RESUME_DELAY: Duration = Duration::from_secs(1);
/// Requests of the server that are answered while the gateway waits for an answer of its own.
const SERVER_REQUESTS_MAX: usize = 100;
/// Time to bring such an answer to the server.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// The answer to one request.
pub(super) struct Answer {
    /// The bytes of the `result` member.
    pub(super) result: Bytes,
    /// The session id that the answer to a request without session issues.
    pub(super) session_id: Option<UpstreamSessionId>,
    /// How HTTP went.
    pub(super) http: Answered,
}

impl ServerClient {
    /// Sends a request and waits for its answer, of at most `bytes_max` bytes, until the envelope's deadline.
    pub(super) async fn call(
        &self,
        method: &str,
        params: Option<&[u8]>,
        envelope: &Envelope<'_>,
        bytes_max: usize,
    ) -> Result<Answer, UpstreamError> {
        let own = Id::from(self.next_id());
        let answer = self.post(jsonrpc::request(&own, method, params), envelope).await?;
        if answer.status() == StatusCode::ACCEPTED || answer.status() == StatusCode::NO_CONTENT {
            return Err(UpstreamError::NoAnswer);
        }
        let http = Answered::of(&answer);
        let (head, body) = answer.into_parts();
        // Only the answer to `initialize` issues an id; what other answers carry there means nothing.
        let session_id = if envelope.session.is_none() { issued(&head.headers)? } else { None };
        let result = match media::of(&head.headers) {
            Media::Json => {
                let body = read_all(body, bytes_max, envelope.deadline).await;
                sole(&body.map_err(UpstreamError::Body)?, &own)?
            }
            Media::EventStream => {
                let opened = opened(envelope, session_id.as_ref());
                let waiting = Waiting {
                    client: self,
                    own,
                    envelope: Envelope { session: Some(&opened), ..*envelope },
                    bytes_max,
                    replies: 0,
                };
                waiting.answer(MessageStream::new(body, bytes_max)).await?
            }
            Media::Other { content_type } => {
                return Err(UpstreamError::ContentType { content_type });
            }
        };
        Ok(Answer { result, session_id, http })
    }

    /// Sends a notification, or a response to a request of the server.
    ///
    /// The specification says 202; every 2xx is taken for it. Whatever comes as a body is dropped unread.
    pub(super) async fn tell(
        &self,
        message: Vec<u8>,
        envelope: &Envelope<'_>,
    ) -> Result<(), UpstreamError> {
        self.post(message, envelope).await.map(drop)
    }

    /// Brings the answer to a request of the server to it. A server that does not take it is on its own.
    pub(super) async fn reply(&self, message: Vec<u8>, envelope: &Envelope<'_>) {
        let deadline = envelope.deadline.min(Instant::now() + REPLY_TIMEOUT);
        if let Err(error) = self.tell(message, &Envelope { deadline, ..*envelope }).await {
            debug!(
                mcp.server = %self.server().name, error = %Chain(&error),
                "The server did not take the answer to its request."
            );
        }
    }

    /// Opens an event stream by GET, from behind the event `last_event_id` when there is one.
    pub(super) async fn open_stream(
        &self,
        last_event_id: Option<&str>,
        envelope: &Envelope<'_>,
    ) -> Result<http::Response<hyper::body::Incoming>, UpstreamError> {
        let mut request = self.request(Method::GET, Bytes::new(), envelope)?;
        if let Some(id) = last_event_id {
            let value = HeaderValue::from_str(id)
                .map_err(|error| UpstreamError::InvalidRequest(error.into()))?;
            request.headers_mut().insert(HeaderName::from_static(LAST_EVENT_ID), value);
        }
        self.send(request, envelope).await
    }
}

/// One request that is waited for on event streams.
struct Waiting<'a> {
    client: &'a ServerClient,
    own: Id,
    envelope: Envelope<'a>,
    bytes_max: usize,
    replies: usize,
}

impl Waiting<'_> {
    async fn answer(mut self, mut stream: MessageStream) -> Result<Bytes, UpstreamError> {
        let mut resumes = 0;
        loop {
            let lost = match self.read(&mut stream).await {
                Ok(Some(result)) => return Ok(result),
                Ok(None) => UpstreamError::NoAnswer,
                Err(error) => error,
            };
            if !lost.is_cut() || stream.last_event_id().is_none() || resumes == RESUMES_MAX {
                return Err(lost);
            }
            resumes += 1;
            stream = self.resume(&stream, lost).await?;
        }
    }

    /// Reads messages until the answer is there, or the stream has ended without it.
    async fn read(&mut self, stream: &mut MessageStream) -> Result<Option<Bytes>, UpstreamError> {
        while let Some(data) = stream.next(self.envelope.deadline).await? {
            match message::read(&data)? {
                Received::Result { result, id } if message::is_own(&id, &self.own) => {
                    return Ok(Some(result));
                }
                Received::Error { error, id }
                    if id.as_ref().is_none_or(|id| message::is_own(id, &self.own)) =>
                {
                    return Err(UpstreamError::Refused(error));
                }
                Received::Result { .. } | Received::Error { .. } => {
                    return Err(UpstreamError::WrongId);
                }
                Received::Request { reply } => {
                    if self.replies < SERVER_REQUESTS_MAX {
                        self.replies += 1;
                        self.client.reply(reply, &self.envelope).await;
                    }
                }
                Received::Notification { .. } => {}
            }
        }
        Ok(None)
    }

    /// Opens the stream again behind its last event. `lost` is what to report when that is not possible.
    async fn resume(
        &self,
        stream: &MessageStream,
        lost: UpstreamError,
    ) -> Result<MessageStream, UpstreamError> {
        let delay = stream.retry().unwrap_or(RESUME_DELAY);
        if Instant::now() + delay >= self.envelope.deadline {
            return Err(lost);
        }
        tokio::time::sleep(delay).await;
        let answer = self.client.open_stream(stream.last_event_id(), &self.envelope).await?;
        if answer.status() != StatusCode::OK || media::of(answer.headers()) != Media::EventStream {
            return Err(lost);
        }
        Ok(MessageStream::new(answer.into_body(), self.bytes_max))
    }
}

/// The result in a body that is one message. An error there answers our request, whatever id it has.
fn sole(body: &Bytes, own: &Id) -> Result<Bytes, UpstreamError> {
    match message::read(body)? {
        Received::Result { result, id } if message::is_own(&id, own) => Ok(result),
        Received::Error { error, .. } => Err(UpstreamError::Refused(error)),
        Received::Result { .. } | Received::Request { .. } | Received::Notification { .. } => {
            Err(UpstreamError::WrongId)
        }
    }
}

fn issued(headers: &HeaderMap) -> Result<Option<UpstreamSessionId>, UpstreamError> {
    let id = headers.get(MCP_SESSION_ID).map(|id| UpstreamSessionId::new(id.as_bytes()));
    id.transpose().map_err(UpstreamError::InvalidSessionId)
}

/// The session that replies and resumption belong to while a stream is read: on the stream of `initialize`, the one that
/// its own head opened.
fn opened(envelope: &Envelope<'_>, issued: Option<&UpstreamSessionId>) -> UpstreamSession {
    envelope.session.cloned().unwrap_or_else(|| {
        UpstreamSession::new(issued.cloned(), ProtocolVersion::LATEST, Clock::system().unix())
    })
}
