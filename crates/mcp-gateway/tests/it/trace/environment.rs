//! Variables of the environment whose effect only a whole request shows: which context passes, which names are written.

use http::HeaderValue;
use serde_json::json;

use super::stand::{FrontEnd, Setup, Stand, Stopped, Transport};
use crate::support::http::send;
use crate::support::mcp_client::McpClient;
use crate::support::span::{Span, Value};
use crate::support::tree::print;
use crate::support::wait::PATIENCE;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const PROCESS: &str = "mcp-router.process";
const BROKER: &str = "mcp-broker.handle-request";

/// Lists and calls a tool with a caller's trace context, under one variable more; returns what became of it.
async fn run(front_end: FrontEnd, variables: &'static [(&'static str, &'static str)]) -> Stopped {
    let stand = Stand::start(Setup { variables, ..Setup::new(front_end, Transport::Http) }).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    for (method, params) in [
        ("tools/list", json!({})),
        ("tools/call", json!({ "name": "newer_echo", "arguments": { "text": "t" } })),
    ] {
        let body = json!({ "jsonrpc": "2.0", "id": method, "method": method, "params": params });
        let mut request = client.message(body.to_string());
        request.headers_mut().insert("traceparent", HeaderValue::from_static(TRACEPARENT));
        let answer = send(stand.address(), request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    stand.stop().await
}

/// The two spans of the request for the list: the router's and the broker's.
async fn list(stopped: &Stopped) -> (Span, Span) {
    let listing = Value::Text("tools/list".to_owned());
    let of = |spans: &[Span], name: &str| {
        let mut all = spans.iter().filter(|span| span.name == name);
        all.find(|span| span.attribute("mcp.method.name") == Some(&listing)).cloned()
    };
    let has_both = |spans: &[Span]| of(spans, PROCESS).is_some() && of(spans, BROKER).is_some();
    let spans = stopped.receiver.wait_for("both spans of the list", PATIENCE, has_both).await;
    (of(&spans, PROCESS).unwrap(), of(&spans, BROKER).unwrap())
}

async fn check_propagators(front_end: FrontEnd) {
    for (variables, passes) in [
        (&[("OTEL_PROPAGATORS", "none")][..], false),
        (&[("OTEL_PROPAGATORS", "tracecontext")], true),
    ] {
        let stopped = run(front_end, variables).await;
        let (process, broker) = list(&stopped).await;
        assert_eq!(process.trace_id == TRACE, passes, "{variables:?}: {process:?}");
        assert_eq!(process.trace_id, broker.trace_id, "the gateway's own spans stay together");
        let calls = stopped.servers.newer.record().of_method("tools/call");
        let told = calls[0].header("traceparent").is_some_and(|parent| parent.contains(TRACE));
        let in_meta = calls[0].json()["params"]["_meta"].get("traceparent").is_some();
        let spans = stopped.receiver.spans();
        // What a client sent through Envoy is not taken away; the gateway adds nothing of its own.
        let own = calls[0].header("traceparent").is_some_and(|parent| parent != TRACEPARENT);
        assert_eq!((own, in_meta), (passes, passes), "{variables:?}:\n{}", print(&spans));
        assert!(told || !passes, "{variables:?}");
    }
}

#[tokio::test]
async fn only_chosen_context_passes_standalone() {
    check_propagators(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn only_chosen_context_passes_envoy() {
    check_propagators(FrontEnd::Buffered).await;
}

#[tokio::test]
async fn names_of_http_are_those_of_the_opt_in() {
    for (variables, old) in [
        (&[("OTEL_SEMCONV_STABILITY_OPT_IN", "http")][..], false),
        (&[("OTEL_SEMCONV_STABILITY_OPT_IN", "http/dup")], true),
        (&[("OTEL_SEMCONV_STABILITY_OPT_IN", "")], true),
    ] {
        let stopped = run(FrontEnd::Standalone, variables).await;
        let (process, _) = list(&stopped).await;
        for (name, expect) in [
            ("http.method", old),
            ("http.path", old),
            ("http.status_code", old),
            ("http.request.method", true),
            ("url.path", true),
            ("http.response.status_code", true),
        ] {
            assert_eq!(process.attribute(name).is_some(), expect, "{variables:?}: {name}");
        }
    }
}
