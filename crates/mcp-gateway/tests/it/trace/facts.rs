//! What is true of one request, and what each of its spans must therefore say: no attribute more, none less.

use serde_json::Value;

use super::stand::FrontEnd;
use crate::support::span::Kind;
use crate::support::tree::{Expected, span};

/// What is true of one request.
#[derive(Clone, Debug)]
pub struct Facts {
    pub front_end: FrontEnd,
    pub http_method: &'static str,
    pub path: &'static str,
    /// The id of the HTTP request; none when Envoy makes one up.
    pub request_id: Option<String>,
    /// The address that the request came from.
    pub client: String,
    /// The gateway session that it names, as `jti:…`; none when it is not valid.
    pub session: Option<String>,
    /// The revision in its header.
    pub version: Option<&'static str>,
    /// The message, when the router reads it.
    pub message: Option<Message>,
    /// The status that the client gets.
    pub status: u16,
    pub failure: Option<Failure>,
}

/// What the router reads of a message.
#[derive(Clone, Debug)]
pub struct Message {
    /// None for responses.
    pub method: Option<String>,
    /// Without JSON quotes.
    pub id: Option<String>,
    pub tool: Option<String>,
}

/// How a request fails.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    pub error_type: &'static str,
    /// Who failed; none when nobody can know.
    pub source: Option<&'static str>,
    /// The JSON-RPC error code that the client gets, if any.
    pub code: Option<&'static str>,
    /// The description of the status of spans on which it is an error; none when it is one on none.
    pub description: Option<&'static str>,
    /// Whether the caller is to blame: then it is an error on the CLIENT span alone.
    pub is_callers: bool,
    /// Whether a server answered with a JSON-RPC error.
    pub is_rpc: bool,
}

impl Message {
    /// Reads a message as the router does; none when it is not one.
    pub fn read(body: &str) -> Option<Self> {
        let json: Value = serde_json::from_str(body).ok().filter(Value::is_object)?;
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let method = json["method"].as_str().map(str::to_owned);
        let name = json["params"]["name"].as_str().map(str::to_owned);
        let tool = name.filter(|_| method.as_deref() == Some("tools/call"));
        // The id of a response is not the client's.
        let id = json.get("id").filter(|_| method.is_some()).map(text);
        Some(Self { method, id, tool })
    }
}

impl Failure {
    /// A request that is refused because of what its client sent.
    pub const fn of_client(error_type: &'static str, code: &'static str) -> Self {
        let of_server = Self::of_server(error_type, "");
        Self { source: Some("client"), code: Some(code), description: None, ..of_server }
    }

    /// A server that fails; the client gets a JSON-RPC error of the gateway.
    pub const fn of_server(error_type: &'static str, description: &'static str) -> Self {
        Self {
            error_type,
            source: Some("backend"),
            code: Some("-32603"),
            description: Some(description),
            is_callers: false,
            is_rpc: false,
        }
    }

    /// A JSON-RPC error of a server, which the client gets as it is.
    pub const fn of_rpc(code: &'static str, description: &'static str) -> Self {
        Self { code: Some(code), is_rpc: true, ..Self::of_server(code, description) }
    }

    pub const fn blames_caller(self) -> Self {
        Self { is_callers: true, ..self }
    }

    /// Writes it on a span; `status` is that of the client, where the span tells it apart.
    pub fn on(&self, span: Expected, status: Option<u16>) -> Expected {
        let span = self.attributes(span, status);
        match self.description {
            Some(description) if !self.is_callers => span.error(description),
            Some(_) | None => span,
        }
    }

    /// Writes it on the span of the request to the server, for which each is an error.
    fn on_client(&self, span: Expected) -> Expected {
        let mut span = self.attributes(span, None);
        if let (Some(code), true) = (self.code, self.is_rpc) {
            span = span.is("rpc.response.status_code", code);
        }
        match self.description {
            Some(description) => span.error(description),
            None => span,
        }
    }

    fn attributes(&self, span: Expected, status: Option<u16>) -> Expected {
        let mut span = span.is("error.type", self.error_type);
        if let Some(source) = self.source {
            span = span.is("error_source", source);
        }
        match status {
            Some(status) => span.is("http.status_code", status),
            None => span,
        }
    }
}

impl Facts {
    /// The span of the whole request, without what the routing decision adds.
    fn request(&self) -> Expected {
        let mut process = span("mcp-router.process", Kind::Server)
            .is("http.method", self.http_method)
            .is("http.request.method", self.http_method)
            .is("http.path", self.path)
            .is("url.path", self.path)
            .is("client.address", self.client.as_str())
            .nothing_else();
        if self.front_end == FrontEnd::Standalone {
            process = process
                .has("client.port")
                .is("network.transport", "tcp")
                .is("network.protocol.name", "http")
                .is("network.protocol.version", "1.1");
        }
        process = match &self.request_id {
            Some(id) => process.is("http.request_id", id.as_str()),
            None => process.has("http.request_id"),
        };
        if let Some(version) = self.version {
            process = process.is("mcp.protocol.version", version);
        }
        if let Some(session) = &self.session {
            process = process.is("mcp.session.id", session.as_str());
        }
        let Some(message) = &self.message else { return process };
        process = process.is("jsonrpc.protocol.version", "2.0");
        if let Some(method) = &message.method {
            process = named(process, method);
        }
        if let Some(id) = &message.id {
            process = process.is("jsonrpc.request.id", id.as_str());
        }
        process
    }

    /// The span of the whole request; `route` is the decision, if there was one.
    pub fn process(&self, route: Option<&str>) -> Expected {
        let mut process = self
            .request()
            .is("http.status_code", self.status)
            .is("http.response.status_code", self.status);
        if let Some(route) = route {
            process = process.is("mcp.route", route);
        }
        if route == Some("tool-call")
            && let Some(tool) = self.message.as_ref().and_then(|message| message.tool.as_ref())
        {
            process = process.is("gen_ai.tool.name", tool.as_str());
        }
        let Some(failure) = &self.failure else { return process };
        let process = failure.on(process, None);
        match failure.code {
            Some(code) => process.is("rpc.response.status_code", code),
            None => process,
        }
    }

    /// A request of the gateway itself for a server, as the router sees it inside Envoy.
    pub fn own(&self, server: &str, http_method: &'static str, status: u16) -> Expected {
        let own = Self { http_method, path: "/mcp", message: None, ..self.clone() };
        Self { session: None, version: None, status, failure: None, ..own }
            .process(None)
            .is("mcp.server", server)
    }

    /// The span of the routing decision. The failure stands on it when `has_failed`.
    pub fn decision(&self, route: Option<&str>, has_failed: bool) -> Expected {
        let mut decision = span("mcp-router.route-decision", Kind::Internal).nothing_else();
        if let Some(method) = self.method().filter(|_| route.is_some()) {
            decision = decision.is("mcp.method.name", method);
        }
        if let Some(route) = route {
            decision = decision.is("mcp.route", route);
        }
        self.failed(decision, has_failed)
    }

    /// The span of the decision that the broker answers.
    pub fn passthrough(&self) -> Expected {
        let span = span("mcp-router.broker-passthrough", Kind::Internal).nothing_else();
        match self.method() {
            Some(method) => span.is("mcp.method.name", method),
            None => span,
        }
    }

    /// The broker's span; `opened` is the session that `initialize` opens.
    pub fn broker(&self, opened: Option<(&str, &'static str)>) -> Expected {
        let mut broker = span("mcp-broker.handle-request", Kind::Internal)
            .is("http.request.method", self.http_method)
            .is("http.response.status_code", self.status)
            .is("http.status_code", self.status)
            .nothing_else();
        if let Some(method) = self.method() {
            broker = broker.is("mcp.method.name", method);
        }
        if let Some(id) = self.message.as_ref().and_then(|message| message.id.as_ref()) {
            broker = broker.is("jsonrpc.request.id", id.as_str());
        }
        let session = opened.map(|(session, _)| session).or(self.session.as_deref());
        if let Some(session) = session {
            broker = broker.is("mcp.session.id", session);
        }
        if let Some((_, version)) = opened {
            broker = broker.is("mcp.protocol.version", version);
        }
        match &self.failure {
            Some(failure) => {
                failure.on(broker, None).is("rpc.response.status_code", failure.code.unwrap())
            }
            None => broker,
        }
    }

    /// The router's span of a call, with its first child. The failure stands on it when `has_failed`.
    pub fn call(&self, server: Option<&str>, has_failed: bool) -> Expected {
        let lookup = span("mcp-router.broker.get-server-info", Kind::Internal).nothing_else();
        let mut call = span("mcp-router.tool-call", Kind::Internal).nothing_else().child(lookup);
        if let Some(tool) = self.message.as_ref().and_then(|message| message.tool.as_ref()) {
            call = call.is("gen_ai.tool.name", tool.as_str());
        }
        if let Some(server) = server {
            let hostname = format!("{}.mcp.local", server.trim_start_matches("demo/"));
            call = call
                .is("mcp.server", server)
                .is("mcp.server.hostname", hostname)
                .is("mcp.session.id", self.session.as_deref().unwrap());
        }
        self.failed(call, has_failed)
    }

    pub fn cache_get(server: &str, hit: bool) -> Expected {
        span("mcp-router.session-cache.get", Kind::Internal)
            .is("mcp.server", server)
            .is("mcp.session_cache.hit", hit)
            .nothing_else()
    }

    pub fn cache_store(&self, server: &str) -> Expected {
        span("mcp-router.session-cache.store", Kind::Internal)
            .is("mcp.server", server)
            .is("mcp.session.id", self.session.as_deref().unwrap())
            .nothing_else()
    }

    /// The span of opening a session; below it, behind Envoy, what the router sees of each request.
    pub fn session_init(&self, server: &str, port: u16) -> Expected {
        let init = to_server(span("mcp-router.session-init", Kind::Client), server, port)
            .is("mcp.method.name", "initialize");
        let init = self.answered(init, 200);
        if self.front_end == FrontEnd::Standalone {
            return init;
        }
        [("initialize", 200), ("notifications/initialized", 202)]
            .into_iter()
            .fold(init, |init, (method, status)| {
                init.child(named(self.own(server, "POST", status), method))
            })
    }

    /// The span of opening a session that fails; `own` is what the router sees of it behind Envoy.
    pub fn session_init_failed(&self, server: &str, port: u16, own: Expected) -> Expected {
        let init = to_server(span("mcp-router.session-init", Kind::Client), server, port)
            .is("mcp.method.name", "initialize");
        let init = self.failed(init, true);
        if self.front_end == FrontEnd::Standalone {
            return init;
        }
        init.child(named(own, "initialize"))
    }

    /// The span of the request to the server, whose answer has `answered` as its status.
    pub fn client(&self, target: &Target, answered: Option<u16>) -> Expected {
        let message = self.message.as_ref().unwrap();
        let client = span(&format!("tools/call {}", target.tool), Kind::Client);
        let client = to_server(client, target.server, target.port)
            .is("mcp.method.name", "tools/call")
            .is("gen_ai.operation.name", "execute_tool")
            .is("gen_ai.tool.name", target.tool)
            .is("jsonrpc.request.id", message.id.as_deref().unwrap())
            .is("mcp.protocol.version", target.version)
            .is("mcp.session.id", self.session.as_deref().unwrap());
        let Some(status) = answered else { return client };
        self.answered(client, status)
    }

    /// The span of telling a server that a session has ended, answered with `status`; 503 is Envoy's. Below it, behind
    /// Envoy, what the router sees of the request.
    pub fn delete(&self, server: &str, port: u16, status: u16) -> Expected {
        let delete = to_server(span("DELETE", Kind::Client), server, port)
            .is("http.request.method", "DELETE");
        let is_down = status == 503;
        let delete = if is_down {
            delete.is("error.type", "connect_failed").is("error_source", "backend").fails()
        } else {
            self.answered(delete, status)
        };
        if self.front_end == FrontEnd::Standalone {
            return delete;
        }
        let own = Facts { request_id: None, ..self.clone() }.own(server, "DELETE", status);
        let stopped = Failure::of_server("connect_failed", "server demo/mortal cannot be reached");
        delete.child(if is_down { stopped.on(own, None) } else { own })
    }

    /// What a server's answer says on the span of the request.
    fn answered(&self, client: Expected, status: u16) -> Expected {
        let client = client.is("http.response.status_code", status);
        match self.front_end {
            FrontEnd::Standalone => client.is("network.protocol.version", "1.1"),
            // Envoy does not tell what the server speaks.
            FrontEnd::Buffered | FrontEnd::Duplex => client,
        }
    }

    /// The same, with the failure of the request.
    pub fn client_failed(&self, target: &Target, answered: Option<u16>) -> Expected {
        let client = self.client(target, answered);
        match &self.failure {
            Some(failure) => failure.on_client(client),
            None => client,
        }
    }

    /// The first of two, which found the session lost.
    pub fn client_lost(&self, target: &Target) -> Expected {
        self.client(target, Some(404))
            .is("error.type", "404")
            .is("error_source", "backend")
            .error(&format!("server {} has forgotten the session: HTTP status 404", target.server))
    }

    /// The second of two; below it, behind Envoy, what the router sees of it.
    pub fn client_again(&self, target: &Target) -> Expected {
        let again = self.client(target, Some(200)).is("http.request.resend_count", 1_i64);
        match self.front_end {
            FrontEnd::Standalone => again,
            FrontEnd::Buffered | FrontEnd::Duplex => {
                again.child(named(self.own(target.server, "POST", 200), "tools/call"))
            }
        }
    }

    fn method(&self) -> Option<&str> {
        self.message.as_ref()?.method.as_deref()
    }

    fn failed(&self, span: Expected, has_failed: bool) -> Expected {
        match &self.failure {
            Some(failure) if has_failed => failure.on(span, Some(self.status)),
            Some(_) | None => span,
        }
    }
}

/// The server and the tool that a call is for.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    pub server: &'static str,
    pub port: u16,
    /// The tool as the server knows it.
    pub tool: &'static str,
    /// The revision that the gateway speaks with the server.
    pub version: &'static str,
}

/// The method of a request of the gateway itself.
pub fn named(own: Expected, method: &str) -> Expected {
    own.is("mcp.method.name", method).is("gen_ai.operation.name", method)
}

fn to_server(client: Expected, server: &str, port: u16) -> Expected {
    client
        .is("mcp.server", server)
        .is("network.transport", "tcp")
        .is("network.protocol.name", "http")
        .is("server.address", "127.0.0.1")
        .is("server.port", port)
        .nothing_else()
}
