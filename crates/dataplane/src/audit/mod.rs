//! The account of who did what: one event per call that reaches a server or is refused.
//!
//! Events are never sampled and pass every log level; `telemetry.audit.enabled` switches them off, and then nothing is
//! collected. What an event says is gathered by the router's record in a draft, which becomes an event when the request
//! is over. Arguments, results, session tokens and credentials are never in it, and what clients and servers name is cut
//! and escaped.

mod event;
mod field;
mod text;
mod uri;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use http::{Method, StatusCode};
use mcp_gateway_core::config::Config;
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::log::AUDIT_TARGET;
use uuid::Uuid;

pub(crate) use self::event::{End, Fault, Way};
pub use self::field::{FIELDS, Field, reference};
pub use self::text::TEXT_BYTES_MAX;
use self::text::bounded;

/// Numbers the audit events of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Stands for this process, since each counts for itself.
    instance: String,
    /// The number of the last event.
    last: AtomicU64,
}

/// What is known of a request that may become an audit event.
#[derive(Debug)]
pub(crate) struct Draft {
    log: AuditLog,
    started: Instant,
    front_end: &'static str,
    client: Option<IpAddr>,
    http_method: Method,
    request_id: Option<Box<str>>,
    session: Option<Arc<str>>,
    /// The MCP method, as the client wrote it.
    method: Option<Box<str>>,
    id: Option<Box<str>>,
    target: Option<Target>,
    call: Option<Call>,
}

/// What a message is about, as its client names it.
#[derive(Debug)]
enum Target {
    Tool(Box<str>),
    Prompt(Box<str>),
    /// Without what may be a secret.
    Resource(Box<str>),
}

/// Where a message went.
#[derive(Debug)]
struct Call {
    server: Box<str>,
    /// The target as the server knows it.
    upstream: Box<str>,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self::new()
    }
}

impl AuditLog {
    /// Begins an account: its events are numbered from 1.
    pub fn new() -> Self {
        let instance = Uuid::new_v4().to_string();
        Self(Arc::new(Inner { instance, last: AtomicU64::new(0) }))
    }

    /// Begins to gather what is known of a request; absent when the configuration wants no account, or nobody reads it.
    pub(crate) fn begin(&self, config: &Config, front_end: &'static str) -> Option<Box<Draft>> {
        let is_wanted = !cfg!(telemetry_compiled_out)
            && config.telemetry.audit.enabled
            && tracing::enabled!(target: AUDIT_TARGET, tracing::Level::INFO);
        is_wanted.then(|| {
            Box::new(Draft {
                log: self.clone(),
                started: Instant::now(),
                front_end,
                client: None,
                http_method: Method::POST,
                request_id: None,
                session: None,
                method: None,
                id: None,
                target: None,
                call: None,
            })
        })
    }

    /// The number of the next event.
    fn next(&self) -> u64 {
        self.0.last.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Draft {
    /// Notes who sent which HTTP request.
    pub(crate) fn request(
        &mut self,
        client: Option<IpAddr>,
        http_method: &Method,
        request_id: Option<&str>,
    ) {
        self.client = client;
        self.http_method = http_method.clone();
        self.request_id = request_id.map(bounded);
    }

    /// Notes the gateway session: its name for logs, never the token.
    pub(crate) fn session(&mut self, log_id: &Arc<str>) {
        self.session = Some(Arc::clone(log_id));
    }

    /// Notes the message, and what it is about.
    pub(crate) fn message(&mut self, message: &Message<'_>, id: Option<&Id>) {
        let method = message.method();
        self.method = Some(method).filter(|method| !method.is_empty()).map(bounded);
        self.id = id.map(|id| bounded(&id.text()));
        let text = |key| message.param(key).and_then(|value| value.as_str());
        self.target = match method {
            method::TOOLS_CALL => text("name").map(|name| Target::Tool(bounded(&name))),
            method::PROMPTS_GET => text("name").map(|name| Target::Prompt(bounded(&name))),
            method::RESOURCES_READ
            | method::RESOURCES_SUBSCRIBE
            | method::RESOURCES_UNSUBSCRIBE => {
                text("uri").map(|uri| Target::Resource(bounded(&uri::without_secrets(&uri))))
            }
            _ => None,
        };
    }

    /// Notes that the message goes to a server, and what its target is called there.
    pub(crate) fn call(&mut self, server: &str, upstream: &str) {
        self.call = Some(Call { server: bounded(server), upstream: bounded(upstream) });
    }

    /// Says whether a request that ends with this failure is worth an event: it goes to a server, or is refused.
    pub(crate) fn tells(&self, fault: Option<&Fault<'_>>) -> bool {
        self.call.is_some() || fault.is_some_and(Fault::is_refusal)
    }

    /// Writes the event, if the request is worth one.
    pub(crate) fn finish(self: Box<Self>, end: &End<'_>) {
        if self.tells(end.fault.as_ref()) {
            event::write(&self, end);
        }
    }
}

/// The number of a status, for a field.
fn number(status: StatusCode) -> u64 {
    u64::from(status.as_u16())
}

#[cfg(test)]
mod tests;
