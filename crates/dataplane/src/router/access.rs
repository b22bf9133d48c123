//! The way to servers on behalf of clients: sessions opened and closed, calls sent.
//!
//! Standalone the gateway talks to a server itself. Behind Envoy every request of a session passes Envoy, so that the
//! policies on the server's route apply; a routing token makes the router let it through.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use mcp_gateway_core::config::{Config, Mode, Server};
use mcp_gateway_core::header::{BAGGAGE, MCP_INIT_HOST, ROUTER_KEY, X_MCP_METHOD};
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::{Span, TraceHeaders};
use tokio::time::Instant;

use crate::http::client::{HttpClient, HttpClients};
use crate::router::{RequestHead, ServerCall};
use crate::session::{RoutingTokens, UpstreamSession};
use crate::upstream::{
    self, Answered, InitializeContext, ServerClient, ServerFault, UpstreamError, Via,
    forwarded_headers,
};

/// Reaches servers. Cheap to clone.
#[derive(Clone)]
pub struct ServerAccess {
    clients: HttpClients,
    tokens: RoutingTokens,
}

/// What a session is opened with.
pub(super) struct SessionRequest {
    pub(super) config: Arc<Config>,
    pub(super) server: Arc<Server>,
    /// The client's headers, without those that belong to the gateway.
    pub(super) client: HeaderMap,
    /// What policies after the router read: method, tool, server.
    pub(super) policy: Vec<(&'static str, HeaderValue)>,
    pub(super) trace: Option<TraceHeaders>,
    /// The baggage that the server gets.
    pub(super) baggage: Option<String>,
}

impl ServerAccess {
    /// Reaches servers with `clients`; `tokens` authorise what passes Envoy.
    pub fn new(clients: HttpClients, tokens: RoutingTokens) -> Self {
        Self { clients, tokens }
    }

    /// Opens a session with a server.
    pub(super) async fn open(
        &self,
        request: SessionRequest,
    ) -> Result<(UpstreamSession, Answered), UpstreamError> {
        let client = self.client(&request.config, &request.server)?;
        let mut headers = forwarded_headers(&request.client, request.config.mode);
        if let Some(Ok(baggage)) = request.baggage.map(HeaderValue::try_from) {
            headers.insert(BAGGAGE, baggage);
        }
        if request.config.mode == Mode::Envoy {
            for (name, value) in request.policy {
                headers.insert(name, value);
            }
            headers.insert(X_MCP_METHOD, HeaderValue::from_static(method::INITIALIZE));
        }
        let context = InitializeContext {
            headers,
            trace: request.trace,
            deadline: Instant::now() + request.config.limits.session_init_timeout,
        };
        let opened = client.initialize(&context).await?;
        Ok((opened.session, opened.http))
    }

    /// Tells a server that a session is over, in a span below `parent`; best effort.
    pub async fn close(
        &self,
        config: &Config,
        server: &Arc<Server>,
        session: &UpstreamSession,
        parent: &Span,
    ) {
        if session.session_id.is_none() {
            return; // there is nothing to end
        }
        if let Ok(client) = self.client(config, server) {
            let delete = upstream::span::delete(parent, server);
            let closed = client.close(session, delete.headers().as_ref()).await;
            upstream::span::end_delete(&delete, &closed, config.mode == Mode::Standalone);
        }
    }

    /// Sends a call and returns the head of its answer. `head` is the client's; standalone, and for a call that is
    /// sent once more through Envoy.
    pub async fn call(
        &self,
        config: &Config,
        head: &RequestHead,
        call: &ServerCall,
    ) -> Result<Response<Incoming>, ServerFault> {
        let server = &call.server.server;
        let (client, uri) = self.way(config, call).ok_or(ServerFault::Unreachable)?;
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        *headers = forwarded_headers(&head.headers, config.mode);
        for name in &call.remove {
            headers.remove(name);
        }
        for (name, value) in &call.set {
            headers.insert(name, value.clone());
        }
        match config.mode {
            Mode::Standalone => authenticate(headers, server),
            Mode::Envoy => self.authorise(headers, server),
        }
        let sent = client.send(request, config.limits.call_idle_timeout).await;
        let response = sent.map_err(|error| {
            tracing::warn!(
                mcp.server = %server.name, error.type = error.reason(),
                error = %crate::chain::Chain(&error), "A server gave no response to a call."
            );
            ServerFault::from(&error)
        })?;
        match (config.mode, ServerFault::told_by_router(response.headers())) {
            (Mode::Envoy, Some(fault)) => Err(fault),
            (Mode::Envoy, None) | (Mode::Standalone, _) => Ok(response),
        }
    }

    fn client(&self, config: &Config, server: &Arc<Server>) -> Result<ServerClient, UpstreamError> {
        let via = match (config.mode, &config.envoy_address) {
            (Mode::Envoy, Some(address)) => {
                match self.clients.envoy().map_err(UpstreamError::Tls)? {
                    Some(http) => Via::Envoy {
                        http,
                        scheme: address.scheme().to_owned(),
                        tokens: self.tokens.clone(),
                    },
                    None => Via::Direct(self.clients.direct(server).map_err(UpstreamError::Tls)?),
                }
            }
            (Mode::Envoy, None) | (Mode::Standalone, _) => {
                Via::Direct(self.clients.direct(server).map_err(UpstreamError::Tls)?)
            }
        };
        Ok(ServerClient::new(Arc::clone(server), via, config.limits.clone()))
    }

    /// The client that a call goes out with, and its target.
    fn way(&self, config: &Config, call: &ServerCall) -> Option<(HttpClient, Uri)> {
        let route = &call.server;
        let (client, scheme, authority) = match config.mode {
            Mode::Standalone => (
                self.clients.direct(&route.server).ok()?,
                route.server.url.scheme(),
                route.authority.as_str(),
            ),
            Mode::Envoy => (
                self.clients.envoy().ok()??,
                config.envoy_address.as_ref()?.scheme(),
                route.server.hostname.as_deref()?,
            ),
        };
        let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(&*route.path);
        Some((client, uri.build().ok()?))
    }

    /// Marks a request as the gateway's own, for the router that will see it inside Envoy.
    fn authorise(&self, headers: &mut HeaderMap, server: &Server) {
        let hostname = server.hostname.as_deref().unwrap_or_default();
        let (Ok(token), Ok(host)) = (self.tokens.mint(hostname), HeaderValue::try_from(hostname))
        else {
            return; // the router will refuse it and say why
        };
        headers.insert(HeaderName::from_static(ROUTER_KEY), token.header_value());
        headers.insert(HeaderName::from_static(MCP_INIT_HOST), host);
    }
}

/// Sets the gateway's own credential for a server; the client's stays with the gateway.
fn authenticate(headers: &mut HeaderMap, server: &Server) {
    let credential =
        server.credential.as_ref().map(|secret| HeaderValue::try_from(secret.expose()));
    if let Some(Ok(mut value)) = credential {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}
