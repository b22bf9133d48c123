//! Envoy with spans of its own: they and the gateway's are one tree.

use serde_json::{Value, json};

use super::run::ARRIVAL;
use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::mcp_client::McpClient;
use crate::support::span::{Kind, Span};
use crate::support::tree::print;
use crate::support::wait::PATIENCE;

pub const ENVOY: &str = "mcp-gateway-envoy";
pub const GATEWAY: &str = "mcp-gateway";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Two processes, and so two exports: complete is a trace only when no parent is missing in it.
pub struct Trace<'s>(pub Vec<&'s Span>);

impl<'s> Trace<'s> {
    pub fn of(spans: &'s [Span], trace_id: &str) -> Self {
        Self(spans.iter().filter(|span| span.trace_id == trace_id).collect())
    }

    pub fn parent(&self, span: &Span) -> Option<&'s Span> {
        self.0.iter().copied().find(|other| Some(&other.span_id) == span.parent_span_id.as_ref())
    }

    /// The spans whose parent is not among them.
    pub fn roots(&self) -> Vec<&'s Span> {
        self.0.iter().copied().filter(|span| self.parent(span).is_none()).collect()
    }

    pub fn named(&self, service: &str, name: &str) -> Vec<&'s Span> {
        let fits = |span: &&&Span| span.service() == service && span.name == name;
        self.0.iter().filter(fits).copied().collect()
    }

    /// The services of a span, of its parent and so on up to the root, without repetition.
    pub fn services_above(&self, span: &'s Span) -> Vec<&'s str> {
        let mut services: Vec<&str> = std::iter::successors(Some(span), |span| self.parent(span))
            .map(Span::service)
            .collect();
        services.dedup();
        services
    }
}

async fn spans_of_envoy_and_gateway_are_one_tree(front_end: FrontEnd) {
    let setup = Setup { envoy_tracing: true, ..Setup::new(front_end, Transport::Http) };
    let stand = Stand::start(setup).await;
    let mut client = McpClient::connect(stand.address(), "2025-11-25").await;
    client.set_header("traceparent", Some(&format!("00-{TRACE}-{PARENT}-01")));
    let list = client.request("tools/list", json!({})).await;
    assert_eq!(list.status, 200, "{list:?}");
    let call = client.call("newer_echo", json!({ "text": "t" })).await;
    assert_eq!(call.status, 200, "{call:?}");

    // Two requests of the client, two that open the session with the server; each makes one of these in the gateway.
    let is_whole = |spans: &[Span]| {
        let trace = Trace::of(spans, TRACE);
        let roots = trace.roots();
        let is_clients = |span: &&Span| span.parent_span_id.as_deref() == Some(PARENT);
        let are_envoys = roots.iter().all(|root| root.service() == ENVOY && is_clients(root));
        are_envoys && roots.len() == 2 && trace.named(GATEWAY, "mcp-router.process").len() == 4
    };
    let spans = stand.receiver.wait_for("one tree for each request", PATIENCE, is_whole).await;
    let trace = Trace::of(&spans, TRACE);

    for root in trace.roots() {
        assert_eq!(root.kind, Kind::Server, "{}", print(&spans));
    }
    for process in trace.named(GATEWAY, "mcp-router.process") {
        // Below Envoy's call of its filter, which is below Envoy's span of the request.
        let filter = trace.parent(process).unwrap();
        assert_eq!((filter.service(), filter.kind), (ENVOY, Kind::Client), "{}", print(&spans));
        assert_eq!(trace.parent(filter).unwrap().kind, Kind::Server, "{}", print(&spans));
        assert!(process.links.is_empty(), "{}", print(&spans));
    }
    // The broker is below the router, although Envoy has put a context of its own on the way between the two.
    let [broker] = trace.named(GATEWAY, "mcp-broker.handle-request")[..] else {
        panic!("{}", print(&spans))
    };
    assert_eq!(trace.parent(broker).unwrap().name, "mcp-router.process");
    // What opens the session goes out of the gateway and through Envoy back into it.
    let inner = trace
        .named(GATEWAY, "mcp-router.process")
        .into_iter()
        .filter(|process| trace.services_above(process) == [GATEWAY, ENVOY, GATEWAY, ENVOY]);
    assert_eq!(inner.count(), 2, "{}", print(&spans));

    // Envoy writes its own span into the header, as it must; the message tells of the gateway's.
    let [sent] = trace.named(GATEWAY, "tools/call echo")[..] else { panic!("{}", print(&spans)) };
    let received = stand.servers.newer.record().of_method("tools/call").remove(0);
    let in_body = received.json()["params"]["_meta"]["traceparent"].clone();
    assert_eq!(in_body, Value::from(format!("00-{TRACE}-{}-01", sent.span_id)));
    let header = received.header("traceparent").unwrap();
    let upstream = trace.0.iter().find(|span| header.contains(&span.span_id));
    let upstream = upstream.unwrap_or_else(|| panic!("{header} is not in\n{}", print(&spans)));
    assert_eq!((upstream.service(), upstream.kind), (ENVOY, Kind::Client), "{}", print(&spans));
}

#[tokio::test]
async fn spans_of_duplex_envoy_and_gateway_are_one_tree() {
    spans_of_envoy_and_gateway_are_one_tree(FrontEnd::Duplex).await;
}

#[tokio::test]
async fn spans_of_buffered_envoy_and_gateway_are_one_tree() {
    spans_of_envoy_and_gateway_are_one_tree(FrontEnd::Buffered).await;
}

#[tokio::test]
async fn envoy_begins_a_trace_that_the_gateway_joins_and_leaves_out_what_is_not_sampled() {
    let setup = Setup { envoy_tracing: true, ..Setup::new(FrontEnd::Duplex, Transport::Grpc) };
    let stand = Stand::start(setup).await;
    let mut client = McpClient::connect(stand.address(), "2025-11-25").await;
    client.set_header("traceparent", Some(&format!("00-{TRACE}-{PARENT}-00")));
    assert_eq!(client.call("older_echo", json!({})).await.status, 200);
    client.set_header("traceparent", None);
    client.set_header("x-request-id", Some("later"));
    assert_eq!(client.request("ping", json!({})).await.status, 200);

    let process = |spans: &[Span]| {
        let is_later = |span: &&Span| {
            span.name == "mcp-router.process"
                && span.attribute("http.request_id") == Some(&"later".into())
        };
        spans.iter().find(is_later).cloned()
    };
    let is_whole = |spans: &[Span]| {
        process(spans).is_some_and(|process| {
            let trace = Trace::of(spans, &process.trace_id);
            matches!(trace.roots()[..], [root] if root.service() == ENVOY)
        })
    };
    let spans = stand.receiver.wait_for("Envoy's span is the root", PATIENCE, is_whole).await;
    let trace_id = process(&spans).unwrap().trace_id;
    let trace = Trace::of(&spans, &trace_id);
    assert_eq!(trace.roots()[0].parent_span_id, None, "{}", print(&spans));
    assert_eq!(trace.named(GATEWAY, "mcp-broker.handle-request").len(), 1, "{}", print(&spans));

    let stopped = stand.stop().await;
    let spans = stopped.receiver.settled(ARRIVAL, |_| true).await.unwrap();
    assert!(Trace::of(&spans, TRACE).0.is_empty(), "{}", print(&spans));
    let call = stopped.servers.older.record().of_method("tools/call").remove(0);
    let in_body = call.json()["params"]["_meta"]["traceparent"].clone();
    for traceparent in [in_body.as_str().unwrap(), call.header("traceparent").unwrap()] {
        assert!(traceparent.starts_with(&format!("00-{TRACE}-")), "{traceparent}");
        assert!(traceparent.ends_with("-00"), "{traceparent}");
    }
}
