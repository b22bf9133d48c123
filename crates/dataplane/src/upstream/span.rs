//! The CLIENT span of one request that the gateway sends to a server on its own account.
//!
//! Requests on behalf of clients have theirs in the router. A message is named by its MCP method, a request without one (the
//! stream of changes, the end of a session) by its HTTP method, as the conventions say.

use http::StatusCode;
use mcp_gateway_core::config::Server;
use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{Facts, RemoteContext, Span, SpanKind, Tracer};

use super::client::Answered;
use super::error::UpstreamError;
use super::initialize::is_closed;
use crate::chain::Chain;
use crate::describe;

/// Begins one visit at a server: a trace of its own. Of the rules of sampling those for the server alone count.
pub(super) fn manage(tracer: &Tracer, server: &Server) -> Span {
    let (name, root) = (span::BROKER_UPSTREAM_MANAGE, RemoteContext::none());
    let visit = tracer.start(name, SpanKind::Internal, &root, |a| {
        a.put(attribute::MCP_SERVER, server.name.clone());
    });
    visit.decide(&Facts { server: Some(&server.name), ..Facts::default() });
    visit
}

/// Begins the span of a message.
pub(super) fn message(parent: &Span, method: &'static str, server: &Server) -> Span {
    parent.child(method, SpanKind::Client, |a| {
        a.put(attribute::MCP_METHOD_NAME, method);
        describe::server(a, server);
    })
}

/// Begins the span of a request without a message.
pub(super) fn request(parent: &Span, method: &'static str, server: &Server) -> Span {
    parent.child(method, SpanKind::Client, |a| {
        a.put(attribute::HTTP_REQUEST_METHOD, method);
        describe::server(a, server);
    })
}

/// Writes how HTTP went with a request straight to a server.
pub(super) fn answered(span: &Span, answered: Answered) {
    span.set(|a| describe::response(a, answered.status, Some(answered.version)));
}

/// Begins the span of telling a server that a session has ended.
pub(crate) fn delete(parent: &Span, server: &Server) -> Span {
    request(parent, "DELETE", server)
}

/// Ends that span with what the server said; `is_direct` says that it was the server itself, not Envoy for it.
pub(crate) fn end_delete(
    span: &Span,
    closed: &Result<Option<Answered>, UpstreamError>,
    is_direct: bool,
) {
    if let Ok(Some(Answered { status, version })) = closed {
        span.set(|a| describe::response(a, *status, is_direct.then_some(*version)));
        if !is_closed(*status) {
            refused(span, *status);
        }
    }
    end(span, closed);
}

fn refused(span: &Span, status: StatusCode) {
    span.set(|a| {
        a.put(attribute::ERROR_TYPE, status.as_u16().to_string());
        a.put(attribute::ERROR_SOURCE, error_source::BACKEND);
    });
    span.fail(|| format!("the server did not close the session: HTTP status {}", status.as_u16()));
}

/// Ends a span, with what went wrong.
pub(super) fn end<T>(span: &Span, outcome: &Result<T, UpstreamError>) {
    if let Err(error) = outcome {
        failed(span, error);
    }
    span.end();
}

/// Writes what went wrong at a server.
pub(super) fn failed(span: &Span, error: &UpstreamError) {
    span.set(|a| {
        a.put(attribute::ERROR_TYPE, error.error_type().into_owned());
        a.put(attribute::ERROR_SOURCE, error_source::BACKEND);
        let status = error.status().map(|status| i64::from(status.as_u16()));
        a.put_some(attribute::HTTP_RESPONSE_STATUS_CODE, status);
        let code = error.code().map(|code| code.to_string());
        a.put_some(attribute::RPC_RESPONSE_STATUS_CODE, code);
    });
    span.fail(|| Chain(error).to_string());
}
