//! A call that the router sends itself, through Envoy, because the server had forgotten the session of the first try.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::service::ext_proc::v3::ProcessingRequest;
use hyper::body::Incoming;
use mcp_gateway_core::answer::BodyEnd;
use mcp_gateway_core::config::Config;
use tonic::Streaming;

use crate::ext_proc::encode;
use crate::ext_proc::stream::{Answered, State};
use crate::http::body::{BodyError, deadline, next_data};
use crate::router::{AnswerCut, Exchange, RequestHead, ResponseHead, ServerAccess, ServerCall};
use crate::upstream::ServerFault;

/// Sends calls once more.
pub struct Resender {
    access: ServerAccess,
}

/// The answer to a call that was sent once more.
pub(super) struct ResentBody {
    body: Incoming,
    idle: Duration,
}

impl Resender {
    /// Sends with `access`.
    pub fn new(access: ServerAccess) -> Self {
        Self { access }
    }

    /// Sends the call and returns the head and the body of its answer.
    pub(super) async fn send(
        &self,
        config: &Arc<Config>,
        head: &RequestHead,
        call: ServerCall,
    ) -> Result<(ResponseHead, ResentBody), ServerFault> {
        let (parts, body) = self.access.call(config, head, &call).await?.into_parts();
        let has_body = !http_body::Body::is_end_stream(&body);
        let head =
            ResponseHead { status: parts.status, headers: parts.headers, version: None, has_body };
        Ok((head, ResentBody { body, idle: config.limits.call_idle_timeout }))
    }
}

impl ResentBody {
    /// The next bytes, or how the answer has ended. The server may be silent for `limits.callIdleTimeout`.
    pub(super) async fn next(&mut self) -> Result<Bytes, BodyEnd> {
        match next_data(&mut self.body, deadline(self.idle)).await {
            Ok(next) => next.ok_or(BodyEnd::Complete),
            Err(BodyError::Timeout) => Err(BodyEnd::Silent),
            Err(BodyError::Cut(_) | BodyError::TooLarge(_)) => Err(BodyEnd::Cut),
        }
    }
}

/// Passes the next piece of a response that the router fetched itself. What Envoy still sends of the refused one is
/// dropped. `None` when Envoy has gone.
pub(super) async fn pass(
    mut exchange: Box<Exchange>,
    mut body: ResentBody,
    inbound: &mut Streaming<ProcessingRequest>,
) -> Option<Result<Answered, AnswerCut>> {
    let mut is_envoy_done = false;
    loop {
        let next = tokio::select! {
            next = body.next() => next,
            message = inbound.message(), if !is_envoy_done => {
                match message {
                    Ok(Some(_)) => continue,
                    // Envoy may close its side once it has said all.
                    Ok(None) => { is_envoy_done = true; continue }
                    Err(_) => return None,
                }
            }
        };
        match next {
            Ok(chunk) => {
                let out = exchange.answer(chunk);
                if out.is_empty() {
                    continue;
                }
                let state = State::Resent(exchange, body);
                return Some(Ok(Answered::one(encode::response_chunk(out, false), state)));
            }
            Err(end) => {
                let rest = exchange.answer_end(end);
                exchange.end();
                let last = |rest| Answered::one(encode::response_chunk(rest, true), State::Done);
                return Some(rest.map(last));
            }
        }
    }
}

/// Reads an answer whole, of at most `limits.answerBytesMax` bytes.
pub(super) async fn collect(
    exchange: &mut Exchange,
    mut body: ResentBody,
) -> Result<Bytes, ServerFault> {
    let bytes_max = exchange.config().limits.answer_bytes_max;
    let mut whole = Vec::new();
    loop {
        match body.next().await {
            Ok(chunk) => whole.extend_from_slice(&exchange.answer(chunk)),
            Err(end) => {
                let rest = exchange.answer_end(end).map_err(|AnswerCut| ServerFault::Reset)?;
                whole.extend_from_slice(&rest);
                return Ok(whole.into());
            }
        }
        if whole.len() > bytes_max {
            return Err(ServerFault::TooLarge);
        }
    }
}
