//! One HTTP request as Envoy tells it: phases in, answers out.
//!
//! ```text
//! Head ──► Body ──► ResponseHead ──► ResponseBody ──► Done
//!   │        │           └── session lost ──► Resent ──┘
//!   └────────┴── an immediate response ──► Done
//! ```
//!
//! [`super::request`] answers the request's phases, [`super::response`] the response's; here is what holds them
//! together: the stream, the state, and the wait for something slow.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::BodySendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Phase;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    ProcessingRequest, ProcessingResponse, ProtocolConfiguration,
};
use mcp_gateway_telemetry::RemoteContext;
use tonic::{Status, Streaming};

use crate::ext_proc::resend::{Resender, ResentBody};
use crate::ext_proc::{encode, request, resend, response};
use crate::router::{Exchange, Router};

/// How long a phase may take before a BUFFERED configuration is asked for patience. Below Envoy's default message
/// timeout of 200 ms, since the request for patience must arrive before that has passed.
const PATIENCE: Duration = Duration::from_millis(100);

/// How much longer than the router's own deadlines Envoy is asked to wait, so that the router answers first.
const WAIT_MARGIN: Duration = Duration::from_secs(5);

/// The longest wait that `envoy-config` lets the gateway ask for; Envoy passes over a longer one.
const WAIT_MAX: Duration = Duration::from_hours(1);

/// How the filter is configured to send bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `FULL_DUPLEX_STREAMED` both ways: the headers are answered when the body is there.
    Duplex,
    /// BUFFERED request body, response body on demand.
    Buffered,
}

impl Shape {
    /// Reads the shape from the first message of a stream.
    fn of(config: Option<&ProtocolConfiguration>) -> Self {
        let duplex = i32::from(BodySendMode::FullDuplexStreamed);
        match config {
            Some(config) if config.request_body_mode == duplex => Self::Duplex,
            Some(_) | None => Self::Buffered,
        }
    }
}

/// Who answers the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goes {
    /// The broker.
    ToBroker,
    /// A server: the response is read.
    ToServer,
    /// A server, asked by the gateway itself: the response passes.
    Own,
}

/// Where in the request the stream stands.
pub(super) enum State {
    /// Nothing has come yet.
    Head,
    /// The message is being read.
    Body(Box<Exchange>, BytesMut),
    /// The request is on its way.
    ResponseHead(Box<Exchange>, Goes),
    /// The response is on its way.
    ResponseBody(Box<Exchange>, Goes),
    /// The response of a request that the router has sent once more is on its way; Envoy's own is dropped.
    Resent(Box<Exchange>, ResentBody),
    /// Envoy has answered before the gateway saw a request; its response passes.
    Unseen,
    /// All is said.
    Done,
}

/// The outcome of one phase: the answers to send, then the state to go on with.
pub(super) struct Answered {
    pub(super) responses: Vec<ProcessingResponse>,
    pub(super) state: State,
}

impl Answered {
    /// One answer.
    pub(super) fn one(response: ProcessingResponse, state: State) -> Self {
        Self { responses: vec![response], state }
    }

    /// No answer yet.
    pub(super) fn none(state: State) -> Self {
        Self { responses: Vec::new(), state }
    }
}

type Pending = Pin<Box<dyn Future<Output = Answered> + Send>>;

/// Follows one stream.
pub(super) struct Processor {
    router: Router,
    resender: Arc<Resender>,
    ambient: RemoteContext,
    inbound: Streaming<ProcessingRequest>,
    shape: Shape,
    state: State,
    /// A phase whose answer takes time.
    pending: Option<Pending>,
    /// Answers that are ready: one phase of Envoy's can take several.
    ready: VecDeque<ProcessingResponse>,
}

impl Processor {
    pub(super) fn new(
        router: Router,
        resender: Arc<Resender>,
        ambient: RemoteContext,
        inbound: Streaming<ProcessingRequest>,
    ) -> Self {
        Self {
            router,
            resender,
            ambient,
            inbound,
            shape: Shape::Buffered,
            state: State::Head,
            pending: None,
            ready: VecDeque::with_capacity(3),
        }
    }

    /// The next answer for Envoy; `None` when the stream is over.
    pub(super) async fn next(&mut self) -> Option<Result<ProcessingResponse, Status>> {
        loop {
            if let Some(response) = self.ready.pop_front() {
                return Some(Ok(response));
            }
            if let Some(pending) = self.pending.take() {
                let answered = pending.await;
                self.take(answered);
                continue;
            }
            match std::mem::replace(&mut self.state, State::Done) {
                State::Done => return None,
                State::Resent(exchange, body) => {
                    let passed = resend::pass(exchange, body, &mut self.inbound).await?;
                    match passed {
                        Ok(answered) => self.take(answered),
                        // With an error Envoy breaks the client's connection, which is all that is left to say.
                        Err(cut) => return Some(Err(Status::aborted(cut.to_string()))),
                    }
                }
                state @ (State::Head
                | State::Body(..)
                | State::ResponseHead(..)
                | State::ResponseBody(..)
                | State::Unseen) => {
                    match self.inbound.message().await {
                        Ok(Some(message)) => self.phase(state, message).await,
                        // The exchange finds out from where it stands what it means that Envoy has gone.
                        Ok(None) => return None,
                        // A clean end would tell Envoy that it may go on without the gateway.
                        Err(status) => return Some(Err(status)),
                    }
                }
            }
        }
    }

    /// Answers one phase. A BUFFERED Envoy that has to wait is asked for patience on the way.
    async fn phase(&mut self, state: State, message: ProcessingRequest) {
        if matches!(state, State::Head) {
            self.shape = Shape::of(message.protocol_config.as_ref());
        }
        let wait = state.wait();
        let exchange_span =
            state.exchange().map(|exchange| exchange.span().clone()).unwrap_or_default();
        let answer = exchange_span.instrument(answer(
            Phases {
                router: self.router.clone(),
                resender: Arc::clone(&self.resender),
                ambient: self.ambient.clone(),
                shape: self.shape,
            },
            state,
            message,
        ));
        if self.shape == Shape::Duplex {
            let answered = answer.await;
            self.take(answered);
            return;
        }
        let mut answer: Pending = Box::pin(answer);
        tokio::select! {
            biased;
            answered = &mut answer => self.take(answered),
            () = tokio::time::sleep(PATIENCE) => {
                self.ready.push_back(encode::extend_timeout(wait));
                self.pending = Some(answer);
            }
        }
    }

    fn take(&mut self, answered: Answered) {
        self.ready.extend(answered.responses);
        self.state = answered.state;
    }
}

/// What the phases work with.
pub(super) struct Phases {
    pub(super) router: Router,
    pub(super) resender: Arc<Resender>,
    pub(super) ambient: RemoteContext,
    pub(super) shape: Shape,
}

/// Answers one message of Envoy's. One that does not fit the state is passed over: newer Envoys may send phases that
/// this version does not know.
async fn answer(phases: Phases, state: State, message: ProcessingRequest) -> Answered {
    let shape = phases.shape;
    let details = crate::ext_proc::decode::code_details(&message.attributes);
    match (state, message.request) {
        (State::Head, Some(Phase::RequestHeaders(headers))) => {
            phases.request_headers(headers).await
        }
        (State::Body(exchange, so_far), Some(Phase::RequestBody(body))) => {
            phases.request_body(exchange, so_far, body).await
        }
        (State::Body(exchange, so_far), Some(Phase::RequestTrailers(trailers))) => {
            phases.request_trailers(exchange, so_far, trailers).await
        }
        // A body that nobody reads, also when its answer has begun.
        (
            state @ (State::ResponseHead(..) | State::ResponseBody(..)),
            Some(Phase::RequestBody(body)),
        ) => Answered::one(request::pass_body(body, shape), state),
        (
            state @ (State::ResponseHead(..) | State::ResponseBody(..)),
            Some(Phase::RequestTrailers(trailers)),
        ) => Answered::one(encode::request_trailers(trailers), state),
        (State::ResponseHead(exchange, goes), Some(Phase::ResponseHeaders(headers))) => {
            phases.response_headers(exchange, goes, headers, details).await
        }
        // Envoy has answered itself before the request was complete: too large, too slow, malformed.
        (State::Body(exchange, _), Some(Phase::ResponseHeaders(headers))) => {
            phases.answered_by_envoy(exchange, headers)
        }
        (State::Head | State::Unseen, Some(phase)) => response::pass_unseen(phase, shape),
        (State::ResponseBody(exchange, goes), Some(Phase::ResponseBody(body))) => {
            response::body(exchange, goes, body)
        }
        (State::ResponseBody(exchange, goes), Some(Phase::ResponseTrailers(trailers))) => {
            response::trailers(exchange, goes, trailers)
        }
        (state, _) => Answered::none(state),
    }
}

impl State {
    /// How long the answer to the next phase may take: as long as the router waits for servers in it.
    fn wait(&self) -> Duration {
        let wait = self.exchange().map_or(Duration::ZERO, |exchange| {
            let limits = &exchange.config().limits;
            match self {
                // The call may have to be sent once more, in a new session.
                Self::ResponseHead(..) => {
                    limits.session_init_timeout.saturating_add(limits.call_idle_timeout)
                }
                Self::Head
                | Self::Body(..)
                | Self::ResponseBody(..)
                | Self::Resent(..)
                | Self::Unseen
                | Self::Done => limits.session_init_timeout,
            }
        });
        wait.saturating_add(WAIT_MARGIN).min(WAIT_MAX)
    }

    fn exchange(&self) -> Option<&Exchange> {
        match self {
            Self::Body(exchange, _)
            | Self::ResponseHead(exchange, _)
            | Self::ResponseBody(exchange, _)
            | Self::Resent(exchange, _) => Some(exchange),
            Self::Head | Self::Unseen | Self::Done => None,
        }
    }
}
