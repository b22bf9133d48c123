//! One request from its head to its end.

use std::sync::Arc;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use mcp_gateway_core::answer::AnswerForm;
use mcp_gateway_core::config::{Config, TrustMode};
use mcp_gateway_core::jsonrpc::{Id, Kind, Message, ParseError};
use mcp_gateway_core::mcp::method;
use mcp_gateway_core::routing::{
    Decision, Rejection, ServerRoute, SessionState, Snapshot, Visibility, check_content_type,
    check_protocol_version, decide,
};
use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{Facts, RemoteContext, Span, SpanKind};

use crate::router::call::{OpenCall, Place, ServerCall, nothing_to_send};
use crate::router::caller::Caller;
use crate::router::record::Record;
use crate::router::sender::Sender;
use crate::router::{Reply, RequestHead, Router};
use crate::session::{SessionError, SessionFacts};

/// Why a front end could not read a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than `limits.bodyBytesMax`.
    TooLarge,
    /// Its sender broke off, or took too long.
    Incomplete,
}

/// What a front end does next with a request.
#[allow(
    clippy::large_enum_variant,
    reason = "it lives for one match; a box would cost each request an allocation"
)]
pub enum Step<'b> {
    /// Answer it at once.
    Reply(Reply),
    /// Hand it to the broker; with its message when it has one.
    Broker(Option<Message<'b>>),
    /// Send it to a server.
    Server(Box<ServerCall>),
    /// Let it pass to a server: it is the gateway's own, and its token was verified.
    Own(Arc<ServerRoute>),
}

/// One request under way. Dropping it early records that the client has gone.
pub struct Exchange {
    pub(super) router: Router,
    /// The configuration under which the request began.
    pub(super) config: Arc<Config>,
    /// The routing table of that moment. It goes once the request is routed: answers and streams outlive many of them.
    snapshot: Option<Arc<Snapshot>>,
    pub(super) head: RequestHead,
    pub(super) record: Record,
    pub(super) call: Option<OpenCall>,
    pub(super) id: Option<Id>,
    removed: Vec<String>,
    pub(super) sender: Sender,
    visibility: Visibility,
    session: Result<Option<SessionFacts>, SessionError>,
}

impl Exchange {
    /// Begins with a request's head. `ambient` is the trace context that came beside the request (Envoy's gRPC
    /// metadata), `front_end` the value of `error_source` for what goes wrong in the front end itself.
    pub fn begin(
        router: &Router,
        mut head: RequestHead,
        ambient: &RemoteContext,
        front_end: &'static str,
    ) -> Self {
        let snapshot = router.deps.snapshots.current();
        let sender = Sender::of(router, &snapshot, &head);
        let trust = sender.trust(&snapshot.config, front_end);
        let caller = Caller::read(router, &snapshot.config, &head, ambient, trust)
            .standing(sender.standing(&snapshot.config, &head));
        let record = Record::begin(router, &snapshot.config, &head, caller, front_end);
        let visibility = Visibility::of(&head.headers);
        let mut removed = match &sender {
            Sender::Gateway(_) => head.strip_routing_token(),
            Sender::Client | Sender::Refused(_) => head.strip_internal_headers(),
        };
        if trust != TrustMode::Parent {
            // It has been read. With spans the gateway's own takes its place, without them none does.
            removed.extend(head.strip_trace());
        }
        Self {
            router: router.clone(),
            config: Arc::clone(&snapshot.config),
            snapshot: Some(snapshot),
            head,
            record,
            call: None,
            id: None,
            removed,
            sender,
            visibility,
            session: Ok(None),
        }
    }

    /// Says whether a message is to be read from the body before [`Self::route`].
    pub fn expects_message(&self) -> bool {
        matches!(self.sender, Sender::Client) && self.head.carries_message()
    }

    /// The longest body that is read, in bytes.
    pub fn body_bytes_max(&self) -> usize {
        self.config.limits.body_bytes_max
    }

    /// The configuration under which the request began; it stays the same until the request's end.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// The request's head, without the headers that belong to the gateway alone.
    pub fn head(&self) -> &RequestHead {
        &self.head
    }

    /// The gateway's own headers that the sender had set; they must not reach anyone.
    pub fn removed_headers(&self) -> &[String] {
        &self.removed
    }

    /// What the request may see.
    pub fn visibility(&self) -> &Visibility {
        &self.visibility
    }

    /// What is known of the session that the request names.
    pub fn session(&self) -> &Result<Option<SessionFacts>, SessionError> {
        &self.session
    }

    /// The span of the whole request; it does nothing before [`Self::route`], since the message may name its parent.
    pub fn span(&self) -> &Span {
        &self.record.span
    }

    /// The configuration's public host, which the broker is addressed by behind Envoy.
    pub fn public_host(&self) -> Option<&str> {
        self.config.public_host.as_deref()
    }

    /// Finds out where the request goes; opens a server session when a call needs one.
    ///
    /// `body` is the whole body, empty when [`Self::expects_message`] is false.
    pub async fn route<'b>(&mut self, body: Result<&'b Bytes, BodyFault>) -> Step<'b> {
        let message = match body {
            Ok(body) if self.expects_message() => Some(Message::parse(body)),
            Ok(_) | Err(_) => None,
        };
        let parsed = message.as_ref().and_then(|message| message.as_ref().ok());
        self.join(parsed);
        self.decide_early(parsed);
        let span = self.record.span.clone();
        let step = span.instrument(self.step(body, message)).await;
        self.snapshot = None;
        if let Some(phases) = &mut self.record.phases {
            phases.routed();
        }
        step
    }

    /// Starts the request's span, unless it has begun.
    fn join(&mut self, message: Option<&Message<'_>>) {
        self.record.join(&self.head, &self.config, message);
    }

    /// Decides whether the request is traced, unless its server and tool have a say in that.
    fn decide_early(&self, message: Option<&Message<'_>>) {
        let facts = match (&self.sender, message) {
            (Sender::Client, Some(message)) if is_call(message) => return,
            (Sender::Client | Sender::Refused(_), message) => {
                Facts { method: message.map(Message::method), ..Facts::default() }
            }
            (Sender::Gateway(server), _) => {
                Facts { server: Some(server.name()), ..Facts::default() }
            }
        };
        self.record.span.decide(&facts);
    }

    async fn step<'b>(
        &mut self,
        body: Result<&'b Bytes, BodyFault>,
        message: Option<Result<Message<'b>, ParseError>>,
    ) -> Step<'b> {
        match &self.sender {
            Sender::Refused(rejection) => {
                let rejection = rejection.clone();
                return Step::Reply(self.refuse(&[], &rejection));
            }
            Sender::Gateway(server) => {
                let server = Arc::clone(server);
                self.record.own(&server, &self.head.headers);
                return Step::Own(server);
            }
            Sender::Client => {}
        }
        if !self.head.is_mcp() {
            return Step::Reply(self.refuse(&[], &Rejection::NotFound));
        }
        self.session = self.router.deps.session_tokens.read(&self.head.headers).await;
        if let Ok(Some(facts)) = &self.session {
            self.record.session(facts);
        }
        let decision =
            self.record.span.child(span::ROUTER_ROUTE_DECISION, SpanKind::Internal, |_| {});
        let step = match (body, message) {
            (Err(fault), _) => Step::Reply(self.refuse(&[&decision], &self.body_rejection(fault))),
            (Ok(body), Some(message)) => self.route_message((body, message), &decision).await,
            (Ok(_), None) => self.hand_to_broker(&decision, None),
        };
        decision.end();
        step
    }

    fn body_rejection(&self, fault: BodyFault) -> Rejection {
        match fault {
            BodyFault::TooLarge => Rejection::BodyTooLarge(self.body_bytes_max()),
            BodyFault::Incomplete => Rejection::BodyIncomplete,
        }
    }

    async fn route_message<'b>(
        &mut self,
        (body, message): (&'b Bytes, Result<Message<'b>, ParseError>),
        decision: &Span,
    ) -> Step<'b> {
        let message = match self.admit(message) {
            Ok(message) => message,
            Err(rejection) => return Step::Reply(self.refuse(&[decision], &rejection)),
        };
        decision.set(|a| a.put_some(attribute::MCP_METHOD_NAME, named(&message)));
        if is_call(&message) {
            return self.route_call(message, decision, body).await;
        }
        self.hand_to_broker(decision, Some(message))
    }

    /// Checks content type, message and protocol version; notes what the spans say of it.
    fn admit<'b>(
        &mut self,
        parsed: Result<Message<'b>, ParseError>,
    ) -> Result<Message<'b>, Rejection> {
        self.id = match &parsed {
            // A response carries an id of the other side's: an error with it would look like an answer.
            Ok(message) if message.kind() != Kind::Request => None,
            Ok(message) => message.id().map(Id::from_raw),
            Err(error) => error.id().cloned(),
        };
        if let Ok(message) = &parsed {
            self.record.message(message, self.id.as_ref());
        }
        check_content_type(&self.head.headers)?;
        let message = parsed.map_err(Rejection::Malformed)?;
        if message.method() == method::SERVER_DISCOVER {
            // The broker knows the answer that makes newer clients fall back.
            return Ok(message);
        }
        if let Some(version) = check_protocol_version(&self.head.headers, Some(&message))? {
            self.record.protocol_version(version);
        }
        Ok(message)
    }

    fn hand_to_broker<'b>(&mut self, decision: &Span, message: Option<Message<'b>>) -> Step<'b> {
        let route = |a: &mut mcp_gateway_telemetry::Attributes| {
            a.put(attribute::MCP_ROUTE, attribute::ROUTE_BROKER);
        };
        decision.set(route);
        self.record.span.set(route);
        let passthrough =
            decision.child(span::ROUTER_BROKER_PASSTHROUGH, SpanKind::Internal, |a| {
                a.put_some(attribute::MCP_METHOD_NAME, message.as_ref().and_then(named));
            });
        passthrough.end();
        Step::Broker(message)
    }

    async fn route_call<'b>(
        &mut self,
        message: Message<'b>,
        decision: &Span,
        body: &'b Bytes,
    ) -> Step<'b> {
        let route = |a: &mut mcp_gateway_telemetry::Attributes| {
            a.put(attribute::MCP_ROUTE, attribute::ROUTE_TOOL_CALL);
        };
        decision.set(route);
        self.record.span.set(route);
        let call_span = decision.child(span::ROUTER_TOOL_CALL, SpanKind::Internal, |_| {});
        self.record.describe_call(&call_span, &message);
        let lookup =
            call_span.child(span::ROUTER_BROKER_GET_SERVER_INFO, SpanKind::Internal, |_| {});
        let Some(snapshot) = &self.snapshot else {
            debug_assert!(false, "a request is routed once");
            return Step::Reply(nothing_to_send());
        };
        let decided = decide(snapshot, &message, self.session_state(), &self.visibility);
        lookup.end();
        let step = match decided {
            Decision::ToolCall(call) => {
                self.record.decide_call(Some(&call.route));
                let place = Place { parent: &call_span, open: &[&call_span, decision] };
                match self.open_call(*call, body, place).await {
                    Ok(server_call) => Step::Server(Box::new(server_call)),
                    Err(reply) => Step::Reply(reply),
                }
            }
            Decision::Reject(rejection) => {
                if let Rejection::ServerDown(name) = &rejection
                    && let Some(server) = snapshot.server(name)
                {
                    self.record.server(server);
                }
                Step::Reply(self.refuse(&[&call_span, decision], &rejection))
            }
            Decision::Broker => self.hand_to_broker(decision, Some(message)),
        };
        call_span.end();
        step
    }

    fn session_state(&self) -> SessionState {
        match &self.session {
            Ok(Some(_)) => SessionState::Valid,
            Ok(None) => SessionState::Missing,
            Err(error) => error.state(),
        }
    }

    /// Refuses the request; the refusal is written on `spans` and on the request's own.
    pub(super) fn refuse(&mut self, spans: &[&Span], rejection: &Rejection) -> Reply {
        self.record.decide_call(None);
        let reply = Reply::rejection(rejection, self.id.as_ref());
        let is_down = matches!(rejection, Rejection::ServerDown(_));
        let source = if is_down { error_source::BACKEND } else { error_source::CLIENT };
        self.record.refused(spans, rejection, source);
        self.record.replied(reply.status);
        reply
    }

    /// Takes note of the head of the broker's response.
    pub fn answered_by_broker(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.upstream_settled();
        self.record.replied(status);
        self.record.refused_by_broker(headers, status);
        if AnswerForm::of(headers.get(CONTENT_TYPE)) == AnswerForm::EventStream {
            self.record.span.streams(); // as long as its client likes
        }
    }

    /// Takes note of the status of a server's response to the gateway's own request. Its headers are the server's, and
    /// say nothing about the gateway.
    pub fn answered_by_server(&mut self, status: StatusCode) {
        self.record.replied(status);
    }

    /// Takes note that Envoy answered the request itself before it was complete.
    pub fn answered_by_envoy(&mut self, status: StatusCode) {
        self.record.refused_by_envoy(status);
    }

    /// The value of `error.type` when the request has failed, else `answered`.
    pub fn failure_reason(&self) -> String {
        self.record.failure_reason().unwrap_or("answered").to_owned()
    }

    /// Ends the exchange: the response has been handed over whole.
    pub fn end(mut self) {
        self.record.end();
    }
}

impl Drop for Exchange {
    /// A client may close its connection as soon as it has read the answer, before the server ends the body. Then the
    /// call is over like any other. Otherwise the record says, when it is dropped, that the client has gone.
    fn drop(&mut self) {
        self.join(None); // a client that leaves in the middle of its message has a span, too
        if self.has_answer() {
            self.end_answered();
            self.record.end();
        } else if self.is_cut_by_envoy() {
            self.reset();
        } else if let Some(open) = &self.call {
            open.span.end(); // before the span around it
        }
    }
}

/// Whether a message is a call of a tool.
fn is_call(message: &Message<'_>) -> bool {
    message.kind() == Kind::Request && message.method() == method::TOOLS_CALL
}

/// The method of a message as spans tell it; responses have none.
fn named(message: &Message<'_>) -> Option<String> {
    Some(message.method().to_owned()).filter(|method| !method.is_empty())
}
