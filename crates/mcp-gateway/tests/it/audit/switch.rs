//! Levels, sampling and the off switch.

use serde_json::json;

use super::{ECHO, events, wait_for};
use crate::support::edge::{Edge, Front, Setup};
use crate::support::otlp::OtlpReceiver;
use crate::support::raw_server::RawServer;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// The sentence about a refusal, as a line of its own.
const REFUSAL: &str = "Request was not answered with a result: unknown tool: raw_nope.";

async fn call_and_fail(edge: &Edge) {
    let mut client = edge.connect().await;
    client.call("raw_echo", json!({})).await;
    client.call("raw_nope", json!({})).await;
}

#[tokio::test]
async fn no_level_hides_an_event() {
    let raw = RawServer::start(&[ECHO]).await;
    let config = "log: {format: json, level: error}";
    let edge = Edge::with(Front::Standalone, &[("raw", raw.url())], config).await;
    call_and_fail(&edge).await;
    assert_eq!(wait_for(&edge, 2).await.len(), 2);
    assert_eq!(edge.log().lines().count(), 2, "nothing else: {}", edge.log());
}

#[tokio::test]
async fn switched_off_there_is_none_and_refusals_have_a_line_of_their_own() {
    let raw = RawServer::start(&[ECHO]).await;
    let config = "log: {format: json}\ntelemetry: {audit: {enabled: false}}";
    let edge = Edge::with(Front::Standalone, &[("raw", raw.url())], config).await;
    call_and_fail(&edge).await;
    edge.gateway().logged(REFUSAL).await;
    assert!(events(&edge.log()).is_empty(), "{}", edge.log());
}

#[tokio::test]
async fn switch_is_read_again_with_the_file() {
    let raw = RawServer::start(&[ECHO]).await;
    let config = "log: {format: json}\ntelemetry: {audit: {enabled: false}}";
    let servers = [("raw", raw.url())];
    let edge = Edge::with(Front::Standalone, &servers, config).await;
    call_and_fail(&edge).await;
    edge.gateway().logged(REFUSAL).await;
    edge.configure(&servers, "log: {format: json}");
    edge.gateway().signal("HUP");
    let mut client = edge.connect().await;
    let found =
        crate::support::wait::until("an event", crate::support::wait::PATIENCE, async || {
            client.call("raw_echo", json!({})).await;
            Some(events(&edge.log())).filter(|events| !events.is_empty())
        });
    let found = found.await;
    assert_eq!(found[0]["mcp.audit.sequence"], 1, "{found:?}");
}

#[tokio::test]
async fn event_of_an_unsampled_request_has_the_ids_of_its_trace() {
    let (raw, receiver) = (RawServer::start(&[ECHO]).await, OtlpReceiver::start().await);
    let endpoint = format!("http://{}", receiver.http());
    let edge = Edge::launch_with(
        Front::Standalone,
        &[("raw", raw.url())],
        Setup {
            config: super::JSON,
            environment: &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint)],
            ..Setup::default()
        },
    )
    .await;
    edge.until_server_is("raw", "up").await;
    let mut client = edge.connect().await;
    client.set_header("traceparent", Some(&format!("00-{TRACE}-00f067aa0ba902b7-00")));
    client.call("raw_echo", json!({})).await;
    client.call("raw_nope", json!({})).await;
    for event in wait_for(&edge, 2).await {
        assert_eq!(event["trace_id"], TRACE, "{event:?}");
        assert_eq!(event["span_id"].as_str().map(str::len), Some(16), "{event:?}");
    }
}
