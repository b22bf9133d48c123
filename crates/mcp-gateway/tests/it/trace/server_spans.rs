//! A client and servers with spans of their own: they, Envoy's, the router's and the broker's are one tree with one root.

use serde_json::json;

use super::envoy_tracing::{ENVOY, GATEWAY, Trace};
use super::run::ARRIVAL;
use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::mcp_client::McpClient;
use crate::support::sample_span::{SampleSpan, export};
use crate::support::span::{Kind, Span};
use crate::support::tree::print;

const TRACE: &str = "5bf92f3577b34da6a3ce929d0e0e4736";
const ROOT: &str = "00f067aa0ba902b8";
const CLIENT: &str = "client";
/// Messages of the trace that each server has spans of: the session is opened, then the tool is called.
const NEWER: [&str; 3] = ["initialize", "notifications/initialized", "tools/call echo"];

/// What is above the span of the server that goes by the header, and of the one that goes by the message.
type Above = [&'static [&'static str]; 2];

async fn spans_of_everybody_are_one_tree(setup: Setup, above: Above) {
    let stand = Stand::start(Setup { server_spans: true, ..setup }).await;
    let mut client = McpClient::new(stand.address());
    client.set_header("traceparent", Some(&format!("00-{TRACE}-{ROOT}-01")));
    assert_eq!(client.initialize("2025-11-25").await.status, 200);
    assert_eq!(client.request("tools/list", json!({})).await.status, 200);
    for tool in ["newer_echo", "older_echo"] {
        let call = client.call(tool, json!({ "text": "t" })).await;
        assert_eq!(call.status, 200, "{call:?}");
    }
    let root = SampleSpan {
        service: CLIENT,
        name: "agent run",
        kind: 3,
        trace_id: TRACE,
        span_id: ROOT,
        parent_span_id: "",
    };
    export(stand.receiver.http(), &root).await;

    // Several processes, each with its own pace: the tree is whole when each server's call is in it and no parent lacks.
    let is_whole = |spans: &[Span]| {
        let trace = Trace::of(spans, TRACE);
        let calls = trace.named("newer", "tools/call echo").len()
            + trace.named("older", "tools/call echo").len();
        calls == 2
            && trace.named(GATEWAY, "tools/call echo").len() == 2
            && trace.named(GATEWAY, "mcp-broker.tools-list").len() == 1
            && matches!(trace.roots()[..], [root] if root.span_id == ROOT)
    };
    let spans = stand.receiver.wait_for("one tree of everybody", ARRIVAL, is_whole).await;
    let trace = Trace::of(&spans, TRACE);

    for name in NEWER {
        let [span] = trace.named("newer", name)[..] else { panic!("{name}:\n{}", print(&spans)) };
        assert_eq!(span.kind, Kind::Server, "{}", print(&spans));
    }
    for (server, above) in ["newer", "older"].into_iter().zip(above) {
        let [call] = trace.named(server, "tools/call echo")[..] else {
            panic!("{server}:\n{}", print(&spans))
        };
        assert_eq!(&trace.services_above(call)[1..], above, "{server}:\n{}", print(&spans));
        let parent = trace.parent(call).unwrap();
        assert_eq!(parent.kind, Kind::Client, "{server}:\n{}", print(&spans));
        if parent.service() == GATEWAY {
            assert_eq!(parent.name, "tools/call echo", "{server}:\n{}", print(&spans));
        }
    }
}

const WITHOUT_ENVOY: Above = [&[GATEWAY, CLIENT]; 2];
/// Envoy puts the span of its own request into the header, which stands below Envoy's span of the client's request, and
/// nothing into the message.
const WITH_ENVOY: Above = [&[ENVOY, CLIENT], &[GATEWAY, ENVOY, CLIENT]];

#[tokio::test]
async fn spans_of_everybody_are_one_tree_standalone() {
    let setup = Setup::new(FrontEnd::Standalone, Transport::Http);
    spans_of_everybody_are_one_tree(setup, WITHOUT_ENVOY).await;
}

#[tokio::test]
async fn spans_of_everybody_are_one_tree_behind_envoy_without_spans() {
    for front_end in [FrontEnd::Duplex, FrontEnd::Buffered] {
        let setup = Setup::new(front_end, Transport::Http);
        spans_of_everybody_are_one_tree(setup, WITHOUT_ENVOY).await;
    }
}

#[tokio::test]
async fn spans_of_everybody_are_one_tree_behind_envoy_with_spans() {
    for front_end in [FrontEnd::Duplex, FrontEnd::Buffered] {
        let setup = Setup { envoy_tracing: true, ..Setup::new(front_end, Transport::Http) };
        spans_of_everybody_are_one_tree(setup, WITH_ENVOY).await;
    }
}
