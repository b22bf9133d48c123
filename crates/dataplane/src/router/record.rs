//! What is told about one request: its span, filled as facts become known, and its figures at the end.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::{HeaderMap, StatusCode, Version};
use mcp_gateway_core::config::Config;
use mcp_gateway_core::header::{
    X_MCP_ERROR_CODE, X_MCP_ERROR_SOURCE, X_MCP_ERROR_TYPE, X_MCP_METHOD,
};
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_core::mcp::{ProtocolVersion, method};
use mcp_gateway_core::routing::{Rejection, ServerRoute, ToolRoute};
use mcp_gateway_telemetry::metrics::{Metrics, OTHER, Operation, Request, other, rpc_code};
use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{Attributes, Facts, Span, SpanKind, Tracer, Vocabulary};

use crate::audit::{Draft, End, Fault, Way};
use crate::describe;
use crate::router::caller::{Caller, KeptBaggage};
use crate::router::phases::Phases;
use crate::router::{RequestHead, Router, RouterDeps};
use crate::session::SessionFacts;

/// Why a request did not succeed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// The value of `error.type`: few values.
    pub(super) error_type: Cow<'static, str>,
    /// The value of `error_source`: who failed.
    pub(super) source: &'static str,
    /// Whether the span's status says so too. It does not when the fault is the caller's.
    pub(super) is_error: bool,
    /// The JSON-RPC error code that the caller was given, if any.
    pub(super) code: Option<i64>,
    /// The sentence that the caller was given.
    pub(super) message: String,
}

impl Failure {
    /// `error.type` for figures: of the numbers that servers choose, only those that are known.
    pub(super) fn label(&self) -> Cow<'static, str> {
        let is_status = |number| {
            let status = u16::try_from(number).ok().and_then(|it| StatusCode::from_u16(it).ok());
            status.is_some_and(|status| status.canonical_reason().is_some())
        };
        match self.error_type.parse::<i64>() {
            Ok(number) if rpc_code(number) == OTHER && !is_status(number) => OTHER.into(),
            Ok(_) | Err(_) => self.error_type.clone(),
        }
    }

    /// `rpc.response.status_code` for figures of requests to servers: the code that the server itself gave.
    pub(super) fn server_code(&self) -> Option<&'static str> {
        let code = self.code.filter(|code| self.error_type == code.to_string())?;
        Some(rpc_code(code))
    }

    /// The failure as the account tells it.
    fn as_fault(&self) -> Fault<'_> {
        let Self { error_type, source, code, message, .. } = self;
        Fault { error_type, source, code: *code, message }
    }

    /// Writes the failure on a span.
    pub(super) fn write(&self, span: &Span, status: Option<(StatusCode, Vocabulary)>) {
        span.set(|a| {
            a.put(attribute::ERROR_TYPE, self.error_type.clone().into_owned());
            a.put(attribute::ERROR_SOURCE, self.source);
            if let Some((status, vocabulary)) = status {
                let name = if vocabulary.http_legacy {
                    attribute::HTTP_STATUS_CODE
                } else {
                    attribute::HTTP_RESPONSE_STATUS_CODE
                };
                a.put(name, i64::from(status.as_u16()));
            }
        });
        if self.is_error {
            span.fail(|| self.message.clone());
        }
    }
}

/// The record of one request. Dropping it without [`Record::end`] says that the client has gone.
pub(super) struct Record {
    /// Off until [`Record::join`].
    pub(super) span: Span,
    pub(super) front_end: &'static str,
    /// The baggage that servers get.
    pub(super) baggage: KeptBaggage,
    /// Measured only when the response is to tell them.
    pub(super) phases: Option<Phases>,
    tracer: Tracer,
    metrics: Metrics,
    /// What the span waits for: its parent may be named in the message.
    caller: Option<Caller>,
    /// Absent when nothing is measured.
    started: Option<Instant>,
    /// When the span began; read only when there are spans.
    begun: Option<SystemTime>,
    method: &'static str,
    protocol_version: Option<ProtocolVersion>,
    http_version: Option<Version>,
    tool: Option<Arc<str>>,
    failure: Option<Failure>,
    status: Option<StatusCode>,
    /// What the account of the request will say; absent when it is off.
    audit: Option<Box<Draft>>,
    way: Way,
    /// The status that goes with the failure, where no other is known.
    told: Option<StatusCode>,
    /// It is one of the gateway itself: whoever sent it says how it went.
    is_own: bool,
    ended: bool,
}

impl Record {
    /// Begins the record of a request; its span begins with [`Record::join`], as of now.
    pub(super) fn begin(
        router: &Router,
        config: &Config,
        head: &RequestHead,
        caller: Caller,
        front_end: &'static str,
    ) -> Self {
        let mut audit = router.audit.begin(config, front_end);
        if let Some(audit) = &mut audit {
            let client = head.client_address(config);
            audit.request(client, &head.method, head.request_id());
        }
        let RouterDeps { tracer, metrics, .. } = &*router.deps;
        Self {
            span: Span::off(),
            front_end,
            baggage: KeptBaggage::default(),
            phases: config.telemetry.server_timing.then(Phases::begin),
            tracer: tracer.clone(),
            metrics: metrics.clone(),
            caller: Some(caller),
            started: metrics.now(),
            begun: tracer.is_on().then(SystemTime::now),
            method: OTHER,
            protocol_version: None,
            http_version: head.version,
            tool: None,
            failure: None,
            status: None,
            audit,
            way: Way::default(),
            told: None,
            is_own: false,
            ended: false,
        }
    }

    /// Starts the span of the request, once: now all is known that can say where in which trace it stands.
    pub(super) fn join(
        &mut self,
        head: &RequestHead,
        config: &Config,
        message: Option<&Message<'_>>,
    ) {
        let Some(caller) = self.caller.take() else { return };
        let (place, baggage) = caller.join(message, (&self.tracer, &self.metrics));
        if let Some(begun) = self.begun {
            let span = (span::ROUTER_PROCESS, SpanKind::Server);
            self.span = self.tracer.start_at(begun, span, &place.parent, |a| {
                let client = head.client_address(config);
                describe_head(a, self.tracer.vocabulary(), head, client);
                baggage.header.describe(a);
                baggage.meta.describe(a);
            });
            for link in &place.links {
                self.span.link_remote(link);
            }
        }
        self.baggage = baggage;
    }

    /// Notes what the message says.
    pub(super) fn message(&mut self, message: &Message<'_>, id: Option<&Id>) {
        self.method = method::known_method(message.method()).unwrap_or(OTHER);
        if let Some(audit) = &mut self.audit {
            audit.message(message, id);
        }
        let vocabulary = self.tracer.vocabulary();
        self.span.set(|a| {
            a.put(attribute::JSONRPC_PROTOCOL_VERSION, "2.0");
            if !message.method().is_empty() {
                a.put(attribute::MCP_METHOD_NAME, message.method().to_owned());
                a.put_some(
                    attribute::GEN_AI_OPERATION_NAME,
                    operation(vocabulary, message.method()),
                );
            }
            if let Some(id) = id {
                a.put(attribute::JSONRPC_REQUEST_ID, id.text().into_owned());
            }
        });
    }

    /// Decides whether a call is traced, once it is known where it goes, or that it goes nowhere.
    pub(super) fn decide_call(&self, route: Option<&ToolRoute>) {
        self.span.decide(&Facts {
            method: Some(self.method),
            server: route.map(|route| route.server.name()),
            tool: route.map(|route| &*route.served),
        });
    }

    /// Notes the protocol revision that the client speaks.
    pub(super) fn protocol_version(&mut self, version: ProtocolVersion) {
        self.protocol_version = Some(version);
        self.span.set(|a| a.put(attribute::MCP_PROTOCOL_VERSION, version.as_str()));
    }

    /// Notes the gateway session.
    pub(super) fn session(&mut self, facts: &SessionFacts) {
        if let Some(audit) = &mut self.audit {
            audit.session(facts.jti.log_id());
        }
        self.span.set(|a| a.put_shared(attribute::MCP_SESSION_ID, facts.jti.log_id()));
    }

    /// Notes what a request of the gateway itself is for: the server, and the message that its header names.
    pub(super) fn own(&mut self, server: &ServerRoute, headers: &HeaderMap) {
        self.server(server);
        (self.is_own, self.audit) = (true, None);
        let method = headers.get(X_MCP_METHOD).and_then(|method| method.to_str().ok());
        self.method = method.and_then(method::known_method).unwrap_or(OTHER);
        let vocabulary = self.tracer.vocabulary();
        self.span.set(|a| {
            a.put_some(attribute::MCP_METHOD_NAME, method.map(str::to_owned));
            let operation = method.and_then(|method| operation(vocabulary, method));
            a.put_some(attribute::GEN_AI_OPERATION_NAME, operation);
        });
    }

    /// Notes the server that answers.
    pub(super) fn server(&self, server: &ServerRoute) {
        self.span.set(|a| a.put(attribute::MCP_SERVER, server.name().to_owned()));
    }

    /// Notes the tool that a call names, on the request's span and on the call's.
    pub(super) fn describe_call(&self, call: &Span, message: &Message<'_>) {
        let name = || message.param("name").and_then(|name| name.as_str());
        for span in [call, &self.span] {
            span.set(|a| {
                if let Some(name) = name() {
                    a.put(attribute::GEN_AI_TOOL_NAME, name.into_owned());
                }
            });
        }
    }

    /// Notes that the tool is one of the catalog, so that figures may name it, and where it is.
    pub(super) fn tool(&mut self, route: &ToolRoute) {
        self.tool = Some(Arc::clone(&route.served));
        if let Some(audit) = &mut self.audit {
            audit.call(route.server.name(), route.tool.name());
        }
    }

    /// Notes a refusal, on the request's span and on `spans`.
    pub(super) fn refused(&mut self, spans: &[&Span], rejection: &Rejection, source: &'static str) {
        if let Rejection::BodyTooLarge(_) = rejection {
            self.limit_reached("body_bytes_max");
        }
        self.failed(
            spans,
            Failure {
                error_type: rejection.reason().into(),
                source,
                is_error: source != error_source::CLIENT,
                code: Some(rejection.code().into()),
                message: rejection.to_string(),
            },
            rejection.status(),
        );
    }

    /// Notes that Envoy refused the request before it was complete: too large, too slow, malformed.
    pub(super) fn refused_by_envoy(&mut self, status: StatusCode) {
        let is_fault = status.is_server_error();
        let failure = Failure {
            error_type: status.as_u16().to_string().into(),
            source: if is_fault { self.front_end } else { error_source::CLIENT },
            is_error: is_fault,
            code: None,
            message: format!("Envoy answered with HTTP status {}", status.as_u16()),
        };
        self.failed(&[], failure, status);
    }

    /// Notes a refusal of the broker, which says so in headers of its response and has logged it.
    pub(super) fn refused_by_broker(&mut self, headers: &HeaderMap, status: StatusCode) {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(error_type) = text(X_MCP_ERROR_TYPE) else { return };
        let source = match text(X_MCP_ERROR_SOURCE) {
            Some(error_source::BROKER) => error_source::BROKER,
            Some(_) | None => error_source::CLIENT,
        };
        self.note(Failure {
            error_type: error_type.to_owned().into(),
            source,
            is_error: source == error_source::BROKER,
            code: text(X_MCP_ERROR_CODE).and_then(|code| code.parse().ok()),
            message: format!("the broker refused the request with HTTP status {}", status.as_u16()),
        });
    }

    /// Notes a failure, on the request's span and on `spans`. Of several the first counts: the others follow from it.
    pub(super) fn failed(&mut self, spans: &[&Span], failure: Failure, status: StatusCode) {
        if self.failure.is_some() {
            return;
        }
        for span in spans {
            failure.write(span, Some((status, self.tracer.vocabulary())));
        }
        // The account says the same, once more is known of the request.
        let is_told = self.audit.as_ref().is_some_and(|it| it.tells(Some(&failure.as_fault())));
        let log = || {
            tracing::info!(
                error.type = %failure.error_type, error_source = failure.source,
                mcp.method.name = self.method, http.status_code = status.as_u16(),
                "Request was not answered with a result: {}.", failure.message
            );
        };
        if !is_told && !self.is_own {
            self.span.in_scope(log);
        }
        self.told = Some(status);
        self.note(failure);
    }

    /// Writes a failure on the request's span and keeps it for the figures.
    fn note(&mut self, failure: Failure) {
        failure.write(&self.span, None);
        self.span.set(|a| {
            a.put_some(attribute::RPC_RESPONSE_STATUS_CODE, failure.code.map(|c| c.to_string()));
        });
        self.failure = Some(failure);
    }

    /// Notes how the request ended beside any failure.
    pub(super) fn ends(&mut self, way: Way) {
        self.way = way;
    }

    /// Counts that a bound was reached.
    pub(super) fn limit_reached(&self, limit: &'static str) {
        self.metrics.limit_reached(limit);
    }

    /// The value of `error.type`, when the request has failed.
    pub(super) fn failure_reason(&self) -> Option<&str> {
        self.failure.as_ref().map(|failure| failure.error_type.as_ref())
    }

    /// Notes the status that the client gets.
    pub(super) fn replied(&mut self, status: StatusCode) {
        if self.status.replace(status).is_some() {
            return; // what was said first is what the client gets
        }
        self.span.set(|a| {
            describe::http_status(a, self.tracer.vocabulary(), status);
        });
    }

    /// Ends the record: span, figures and account, in this order: with the span's end it is known whether the trace is kept.
    pub(super) fn end(&mut self) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.span.end();
        if self.metrics.is_on() {
            self.measure();
        }
        if let Some(audit) = self.audit.take() {
            let fault = self.failure.as_ref().map(Failure::as_fault);
            let end = End { fault, way: self.way, status: self.status.or(self.told) };
            self.span.in_scope(|| audit.finish(&end));
        }
    }

    fn measure(&mut self) {
        let failure = self.failure.as_ref();
        let is_call = self.method == method::TOOLS_CALL;
        let operation = Operation {
            method: self.method,
            tool: self.tool.take().or_else(|| is_call.then(other)),
            error: failure.map(Failure::label),
            rpc_code: failure.and_then(|failure| failure.code).map(rpc_code),
            protocol_version: self.protocol_version.map(ProtocolVersion::as_str),
            http_version: self.http_version.and_then(describe::http_version),
        };
        let duration = self.started.map(|started| started.elapsed());
        self.metrics.server_operation(operation, duration, || self.span.exemplar());
        self.metrics.request(Request {
            front_end: self.front_end,
            status: self.status.map(|status| status.as_u16()),
            error_source: failure.map(|failure| failure.source),
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        if !self.ended {
            // The stream ended before the response did: the client, or Envoy for it, has gone. Nobody's error.
            self.span.set(|a| a.put(attribute::CLIENT_DISCONNECTED, true));
            self.ends(Way::Left);
            self.end();
        }
    }
}

/// The value of `gen_ai.operation.name`: the method, or by the newest conventions only that a tool is executed.
fn operation(vocabulary: Vocabulary, method: &str) -> Option<String> {
    if vocabulary.gen_ai_latest {
        let operation = attribute::OPERATION_EXECUTE_TOOL;
        return (method == method::TOOLS_CALL).then(|| operation.to_owned());
    }
    Some(method.to_owned())
}

fn describe_head(
    a: &mut Attributes,
    vocabulary: Vocabulary,
    head: &RequestHead,
    client: Option<IpAddr>,
) {
    describe::http_method(a, vocabulary, &head.method);
    describe::http_path(a, vocabulary, head.path());
    if let Some(id) = head.request_id() {
        a.put(attribute::HTTP_REQUEST_ID, id.to_owned());
    }
    if let Some(client) = client {
        a.put(attribute::CLIENT_ADDRESS, client.to_string());
    }
    describe::connection(a, head.client_port(client), head.version);
}
