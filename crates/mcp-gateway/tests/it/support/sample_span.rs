//! Spans of the programs around a gateway: a client's, and those of a server that continues the trace it is told of.
//!
//! Written by hand as OTLP in JSON and sent to a receiver, so that nothing of the gateway's own code takes part.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::HeaderMap;
use http_body_util::Full;
use serde_json::{Value, json};

use super::http::send;

/// Bytes of a message that is read.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Where a server looks for the trace that a request belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParentIn {
    /// In the header `traceparent`.
    Header,
    /// In `params._meta` of the message.
    Meta,
}

/// A server that has a SERVER span for each message which names a trace.
#[derive(Clone, Debug)]
pub struct ServerSpans {
    /// Where they are sent: OTLP over HTTP.
    pub receiver: SocketAddr,
    /// The service that they are of.
    pub service: &'static str,
    /// Where the server looks for their parent.
    pub parent_in: ParentIn,
}

impl ServerSpans {
    /// Makes a span of each message that reaches `app`.
    pub fn of(self, app: Router) -> Router {
        app.layer(from_fn_with_state(self, serve))
    }
}

/// One span, whose length is nobody's matter.
#[derive(Clone, Copy, Debug)]
pub struct SampleSpan<'s> {
    pub service: &'s str,
    pub name: &'s str,
    /// 2 of a server, 3 of a client.
    pub kind: u8,
    pub trace_id: &'s str,
    pub span_id: &'s str,
    /// Empty for a root.
    pub parent_span_id: &'s str,
}

/// Sends a span to a receiver.
pub async fn export(receiver: SocketAddr, span: &SampleSpan<'_>) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let end = now + Duration::from_millis(1);
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": span.service } }] },
        "scopeSpans": [{ "scope": { "name": "sample" }, "spans": [{
            "traceId": span.trace_id,
            "spanId": span.span_id,
            "parentSpanId": span.parent_span_id,
            "name": span.name,
            "kind": span.kind,
            "startTimeUnixNano": now.as_nanos().to_string(),
            "endTimeUnixNano": end.as_nanos().to_string(),
            "flags": 1,
        }] }],
    }] });
    let request = http::Request::post("/v1/traces")
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap();
    let answer = send(receiver, request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn serve(State(spans): State<ServerSpans>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MESSAGE_BYTES_MAX).await.unwrap();
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(parent) = spans.parent(&parts.headers, &message) {
        spans.export((parts.method.as_str(), &message), &parent).await;
    }
    next.run(Request::from_parts(parts, Body::from(body))).await
}

impl ServerSpans {
    fn parent(&self, headers: &HeaderMap, message: &Value) -> Option<String> {
        let parent = match self.parent_in {
            ParentIn::Header => headers.get("traceparent")?.to_str().ok(),
            ParentIn::Meta => message["params"]["_meta"]["traceparent"].as_str(),
        };
        parent.map(str::to_owned)
    }

    async fn export(&self, (http_method, message): (&str, &Value), parent: &str) {
        static SPANS: AtomicU64 = AtomicU64::new(1);
        let fields: Vec<&str> = parent.split('-').collect();
        let [_, trace_id, parent_span_id, _] = fields[..] else { panic!("{parent}") };
        let method = message["method"].as_str().unwrap_or(http_method);
        let name = match message["params"]["name"].as_str() {
            Some(target) => format!("{method} {target}"),
            None => method.to_owned(),
        };
        let span_id = format!("5e{:014x}", SPANS.fetch_add(1, Ordering::Relaxed));
        let (service, span_id) = (self.service, span_id.as_str());
        let span = SampleSpan { service, name: &name, kind: 2, trace_id, span_id, parent_span_id };
        export(self.receiver, &span).await;
    }
}
