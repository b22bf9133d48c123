//! A call that one server answers: its server session, and the request as the server gets it.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version};
use mcp_gateway_core::answer::AnswerReader;
use mcp_gateway_core::config::{Capture, Mode, TrustMode};
use mcp_gateway_core::header::{
    BAGGAGE, LAST_EVENT_ID, MCP_PROTOCOL_VERSION, MCP_SESSION_ID, TRACEPARENT, TRACESTATE, is_mcp,
};
use mcp_gateway_core::jsonrpc::{Id, Message, code};
use mcp_gateway_core::mcp::method;
use mcp_gateway_core::routing::{
    Rejection, ServerRoute, ToolCall, TraceEdit, TraceStamp, call_body, call_headers,
};
use mcp_gateway_telemetry::metrics::CacheResult;
use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{Span, SpanKind, TraceHeaders};

use crate::chain::Chain;
use crate::describe;
use crate::measure;
use crate::router::access::SessionRequest;
use crate::router::caller::KeptBaggage;
use crate::router::record::Failure;
use crate::router::reply::Challenge;
use crate::router::{Exchange, Reply};
use crate::session::{OpenError, OpenSpans, SessionFacts, UpstreamSession};
use crate::upstream::UpstreamError;

/// A request as a server gets it, relative to what the client sent.
pub struct ServerCall {
    /// The server.
    pub server: Arc<ServerRoute>,
    /// Headers to set, each replacing every value that the client gave.
    pub set: Vec<(HeaderName, HeaderValue)>,
    /// Headers to remove.
    pub remove: Vec<HeaderName>,
    /// The body.
    pub body: Bytes,
}

/// Where in the request's trace a server session is looked for and opened.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    /// The span that the session's spans are children of.
    pub(super) parent: &'s Span,
    /// The router's spans that have not ended yet, beside the request's own: a failure stands on them, too.
    pub(super) open: &'s [&'s Span],
}

/// The call under way.
pub(super) struct OpenCall {
    pub(super) call: ToolCall,
    pub(super) id: Id,
    pub(super) facts: SessionFacts,
    pub(super) session: UpstreamSession,
    /// The span of the request to the server; its context is what the server receives.
    pub(super) span: Span,
    /// Absent when nothing is measured.
    pub(super) started: Option<Instant>,
    /// The version of HTTP of the server's response, once there is one and it is known.
    pub(super) http_version: Option<Version>,
    /// The client's body, kept until the server has answered: the call may have to be sent once more.
    pub(super) body: Bytes,
    pub(super) reader: Option<AnswerReader>,
    /// Set once the server session was made anew; it is done once per call.
    pub(super) is_second_try: bool,
    /// Set once its span and figures were closed.
    pub(super) is_over: bool,
}

impl Exchange {
    /// Finds or opens the server session of a call, and writes the request for the server.
    pub(super) async fn open_call(
        &mut self,
        call: ToolCall,
        body: &Bytes,
        place: Place<'_>,
    ) -> Result<ServerCall, Reply> {
        let (Ok(Some(facts)), Some(id)) = (self.session().clone(), self.id.clone()) else {
            debug_assert!(false, "the router lets no call pass without a session and an id");
            return Err(nothing_to_send());
        };
        let server = Arc::clone(&call.route.server);
        self.record.server(&server);
        self.record.tool(&call.route);
        place.parent.set(|a| {
            a.put(attribute::MCP_SERVER, server.name().to_owned());
            a.put(attribute::MCP_SESSION_ID, facts.log_id().to_owned());
            if let Some(hostname) = &server.server.hostname {
                a.put(attribute::MCP_SERVER_HOSTNAME, hostname.clone());
            }
        });
        let session = self.find_session(&facts, &call, &id, place).await?;
        let span = self.client_span(&call, (&id, &facts), false);
        let open = self.call.insert(OpenCall {
            call,
            id,
            facts,
            session,
            span,
            started: self.router.deps.metrics.now(),
            http_version: None,
            body: body.clone(),
            reader: None,
            is_second_try: false,
            is_over: false,
        });
        let capture = &self.config.telemetry.capture;
        let trust = self.sender.trust(&self.config, self.record.front_end);
        Ok(server_call(&self.head.headers, open, &self.record.baggage, (capture, trust)))
    }

    /// The session with the server of a call, from the cache or new.
    async fn find_session(
        &mut self,
        facts: &SessionFacts,
        call: &ToolCall,
        id: &Id,
        place: Place<'_>,
    ) -> Result<UpstreamSession, Reply> {
        let since = self.clock();
        let found = match self.cached_session(facts, call.route.server.name(), place.parent).await {
            Some(session) => Ok(session),
            None => self.open_session(facts, call, id, place).await,
        };
        self.session_settled(since);
        found
    }

    async fn cached_session(
        &self,
        facts: &SessionFacts,
        server: &str,
        parent: &Span,
    ) -> Option<UpstreamSession> {
        let span = parent.child(span::ROUTER_SESSION_CACHE_GET, SpanKind::Internal, |a| {
            a.put(attribute::MCP_SERVER, server.to_owned());
        });
        let cached = self.router.deps.upstream_sessions.get(facts, server).await;
        span.set(|a| a.put(attribute::MCP_SESSION_CACHE_HIT, cached.is_some()));
        let result = if cached.is_some() { CacheResult::Hit } else { CacheResult::Miss };
        self.router.deps.metrics.session_cache(result);
        span.end();
        cached
    }

    /// Opens a session with the server of a call. All requests of one gateway session that need it at the same time
    /// share one initialisation.
    async fn open_session(
        &mut self,
        facts: &SessionFacts,
        call: &ToolCall,
        id: &Id,
        place: Place<'_>,
    ) -> Result<UpstreamSession, Reply> {
        let server = Arc::clone(&call.route.server);
        let init = place.parent.child(span::ROUTER_SESSION_INIT, SpanKind::Client, |a| {
            a.put(attribute::MCP_METHOD_NAME, method::INITIALIZE);
            describe::server(a, &server.server);
        });
        let access = self.router.deps.access.clone();
        let request = SessionRequest {
            config: Arc::clone(&self.config),
            server: Arc::clone(&server.server),
            client: self.head.headers.clone(),
            policy: call_headers(call),
            trace: init.headers(),
            baggage: self.record.baggage.header.header(),
        };
        let span = init.clone();
        let (metrics, route) = (self.router.deps.metrics.clone(), Arc::clone(&server));
        let opening = async move {
            let measured = measure::Opening::begin(metrics, &route, span.clone());
            let mode = request.config.mode;
            let opened = access.open(request).await.map(|(session, http)| {
                // Envoy does not tell what the server speaks.
                let version = (mode == Mode::Standalone).then_some(http.version);
                span.set(|a| describe::response(a, http.status, version));
                session
            });
            measured.end(opened.as_ref().err().map(UpstreamError::reason));
            if opened.is_ok() {
                span.end(); // a failure is written on it first, by whoever waits
            }
            opened
        };
        let sessions = &self.router.deps.upstream_sessions;
        let spans = OpenSpans { parent: place.parent, opening: &init };
        match sessions.open(facts, server.name(), spans, opening).await {
            Ok(opened) => {
                init.end();
                Ok(opened.session().clone())
            }
            Err(error) => {
                let failed = [&[&init], place.open].concat();
                let reply = self.session_failed(&error, server.name(), id, &failed);
                init.end();
                Err(reply)
            }
        }
    }

    fn session_failed(
        &mut self,
        error: &OpenError<UpstreamError>,
        server: &str,
        id: &Id,
        spans: &[&Span],
    ) -> Reply {
        if matches!(error, OpenError::Ended) {
            return self.refuse(spans, &Rejection::SessionEnded);
        }
        if matches!(error, OpenError::Full) {
            self.record.limit_reached("opening_max");
        }
        let failure = Failure::of_opening(error, server, self.record.front_end);
        let reply = match error.refusal() {
            Some(status) => Reply::challenge(
                &Challenge { status, www_authenticate: None },
                id,
                &failure.message,
            ),
            None => Reply::error(id, code::INTERNAL_ERROR, &failure.message),
        };
        self.record.span.in_scope(|| {
            tracing::warn!(
                mcp.server = server, error.type = %failure.error_type,
                error = %Chain(error), "No session with {server} could be opened."
            );
        });
        self.record.failed(spans, failure, reply.status);
        self.record.replied(reply.status);
        reply
    }

    /// Makes the server session anew after the server has forgotten it, and writes the request once more.
    ///
    /// Only called when the server has refused the request unexecuted.
    pub async fn reopen(&mut self) -> Result<ServerCall, Reply> {
        let Some(open) = &mut self.call else { return Err(nothing_to_send()) };
        open.is_second_try = true;
        let (call, id, facts, lost) =
            (open.call.clone(), open.id.clone(), open.facts.clone(), open.session.clone());
        let server = call.route.server.name();
        tracing::info!(
            mcp.server = server,
            mcp.session.id = facts.log_id(),
            "{server} has forgotten its session; it is opened anew."
        );
        if self.router.deps.upstream_sessions.forget(&facts, server, &lost).await {
            let end = (self.router.deps.session_tokens.now(), Some(measure::SESSION_LOST));
            let peer = measure::peer(&call.route.server);
            measure::session_ended(&self.router.deps.metrics, peer, &lost, end);
        }
        let process = self.record.span.clone();
        let place = Place { parent: &process, open: &[] };
        // Another request may have been faster, and then the session is in the cache.
        let session = self.find_session(&facts, &call, &id, place).await?;
        let span = self.client_span(&call, (&id, &facts), true);
        let Some(open) = &mut self.call else { return Err(nothing_to_send()) };
        open.session = session;
        span.link(&open.span); // the first try
        open.span = span;
        open.is_over = false;
        open.started = self.router.deps.metrics.now();
        if let Some(phases) = &mut self.record.phases {
            phases.asked();
        }
        let capture = &self.config.telemetry.capture;
        let trust = self.sender.trust(&self.config, self.record.front_end);
        Ok(server_call(&self.head.headers, open, &self.record.baggage, (capture, trust)))
    }

    fn client_span(
        &self,
        call: &ToolCall,
        (id, facts): (&Id, &SessionFacts),
        is_resend: bool,
    ) -> Span {
        self.record.span.child_named(
            || format!("{} {}", method::TOOLS_CALL, call.route.tool.name()),
            SpanKind::Client,
            |a| {
                a.put(attribute::MCP_METHOD_NAME, method::TOOLS_CALL);
                a.put(attribute::GEN_AI_OPERATION_NAME, attribute::OPERATION_EXECUTE_TOOL);
                a.put(attribute::GEN_AI_TOOL_NAME, call.route.tool.name().to_owned());
                a.put(attribute::JSONRPC_REQUEST_ID, id.text().into_owned());
                describe::server(a, &call.route.server.server);
                a.put(attribute::MCP_SESSION_ID, facts.log_id().to_owned());
                if is_resend {
                    a.put(attribute::HTTP_REQUEST_RESEND_COUNT, 1);
                }
            },
        )
    }
}

/// Writes the request for the server from a call. `client` is what the client's request said.
///
/// What described the client's request does not describe this one: the body is another one, read as plain UTF-8
/// whatever its head claimed, the session and the revision are others, and only one form of answer can be read.
fn server_call(
    client: &HeaderMap,
    open: &OpenCall,
    baggage: &KeptBaggage,
    (capture, trust): (&Capture, TrustMode),
) -> ServerCall {
    open.span.set(|a| {
        a.put(attribute::MCP_PROTOCOL_VERSION, open.session.protocol_version.as_str());
    });
    let trace = open.span.headers();
    let body = match Message::parse(&open.body) {
        Ok(message) => {
            open.capture_arguments(&message, capture);
            let baggage = baggage.meta.header();
            call_body(&message, &open.call, edit(trace.as_ref(), trust), baggage.as_deref())
        }
        Err(_) => open.body.clone(), // it parsed before
    };
    let mut call = ServerCall {
        server: Arc::clone(&open.call.route.server),
        set: Vec::with_capacity(10),
        remove: client.keys().filter(|name| is_about_request(name)).cloned().collect(),
        body,
    };
    for (name, value) in call_headers(&open.call) {
        call.set(name, value);
    }
    call.set(CONTENT_TYPE.as_str(), HeaderValue::from_static("application/json"));
    call.set(ACCEPT.as_str(), HeaderValue::from_static("application/json, text/event-stream"));
    let version = HeaderValue::from_static(open.session.protocol_version.as_str());
    call.set(MCP_PROTOCOL_VERSION, version);
    if let Some(session) = &open.session.session_id {
        call.set(MCP_SESSION_ID, session.header_value());
    }
    call.stamp(trace.as_ref());
    match baggage.header.header().map(HeaderValue::try_from) {
        Some(Ok(value)) => call.set(BAGGAGE, value),
        Some(Err(_)) | None => call.remove.push(HeaderName::from_static(BAGGAGE)),
    }
    call
}

/// Whether a header says something of a client's request that does not hold for the one to the server.
fn is_about_request(name: &HeaderName) -> bool {
    [ACCEPT_ENCODING, CONTENT_ENCODING, ORIGIN].contains(name)
        || name.as_str() == LAST_EVENT_ID
        || is_mcp(name.as_str())
}

pub(super) fn nothing_to_send() -> Reply {
    Reply::json(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
}

impl ServerCall {
    fn set(&mut self, name: &'static str, value: HeaderValue) {
        self.set.push((HeaderName::from_static(name), value));
    }

    /// Sets the trace headers, when there is a trace: without one the client's own pass unchanged.
    fn stamp(&mut self, trace: Option<&TraceHeaders>) {
        let Some(trace) = trace else { return };
        if let Ok(value) = HeaderValue::try_from(&trace.traceparent) {
            self.set(TRACEPARENT, value);
        }
        match trace.tracestate.as_ref().map(HeaderValue::try_from) {
            Some(Ok(value)) => self.set(TRACESTATE, value),
            Some(Err(_)) | None => self.remove.push(HeaderName::from_static(TRACESTATE)),
        }
    }
}

/// What becomes of the trace context in a message: without spans, that of a client that is trusted passes unchanged.
fn edit(trace: Option<&TraceHeaders>, trust: TrustMode) -> TraceEdit<'_> {
    match (trace, trust) {
        (Some(trace), _) => TraceEdit::Set(TraceStamp {
            traceparent: &trace.traceparent,
            tracestate: trace.tracestate.as_deref(),
        }),
        (None, TrustMode::Parent) => TraceEdit::Kept,
        (None, TrustMode::Link | TrustMode::Restart) => TraceEdit::Removed,
    }
}

impl Failure {
    /// The failure to open a session with a server; `front_end` is to blame for what the gateway itself lacks.
    fn of_opening(error: &OpenError<UpstreamError>, server: &str, front_end: &'static str) -> Self {
        let (source, message) = match error {
            OpenError::Opening(error) if matches!(**error, UpstreamError::Policy { .. }) => {
                (error_source::CLIENT, error.client_message(server))
            }
            OpenError::Opening(error) => (error_source::BACKEND, error.client_message(server)),
            OpenError::Timeout => {
                (error_source::BACKEND, format!("server {server} did not open a session in time"))
            }
            OpenError::Aborted | OpenError::Full => {
                (front_end, format!("the gateway could not open a session with server {server}"))
            }
            OpenError::Ended => (error_source::CLIENT, "the session was ended".to_owned()),
        };
        Self {
            error_type: error.reason(UpstreamError::error_type),
            source,
            is_error: source != error_source::CLIENT,
            code: Some(code::INTERNAL_ERROR.into()),
            message,
        }
    }
}

impl OpenError<UpstreamError> {
    /// The status by which the server, or a policy before it, asked for other credentials.
    fn refusal(&self) -> Option<StatusCode> {
        let Self::Opening(error) = self else { return None };
        error.status().filter(|s| matches!(*s, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }
}
