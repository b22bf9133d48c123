//! One request through the router, without a front end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mcp_gateway_core::config::Config;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::router::{
    Exchange, RequestHead, Router, RouterDeps, ServerAccess, Step,
};
use mcp_gateway_dataplane::session::{
    RoutingTokens, SessionCache, SessionCloser, SessionTokens, SigningKey, SigningKeys,
    UpstreamSessions,
};
use mcp_gateway_dataplane::snapshot::Snapshots;
use mcp_gateway_dataplane::store::{MemoryStore, Store};
use mcp_gateway_telemetry::{
    BuildInfo, Metrics, RemoteContext, SamplingPolicy, SpanRecorder, Status, Telemetry, Tracer,
};

/// A router without servers.
fn router(tracer: Tracer) -> (Router, Snapshots, Arc<Config>) {
    let config = Arc::new(Config::default());
    let clock = Clock::system();
    let store = Arc::new(Store::Memory(MemoryStore::new(10, clock.clone())));
    let keys = SigningKeys::new(SigningKey::random());
    let ttl = Duration::from_mins(1);
    let session_tokens = SessionTokens::new(&keys, ttl, Arc::clone(&store), clock.clone()).unwrap();
    let routing_tokens = RoutingTokens::new(&keys, clock.clone()).unwrap();
    let cache = SessionCache::new(store, clock);
    let closer = SessionCloser::new(
        session_tokens.clone(),
        cache.clone(),
        Arc::new(|_, _| Box::pin(std::future::ready(()))),
    );
    let snapshots = Snapshots::new(&config);
    let deps = RouterDeps {
        snapshots: snapshots.clone(),
        session_tokens,
        routing_tokens: routing_tokens.clone(),
        upstream_sessions: UpstreamSessions::new(cache, closer, ttl),
        access: ServerAccess::new(HttpClients::new(&config), routing_tokens),
        tracer,
        metrics: Metrics::new(Status::off()),
    };
    (Router::new(deps), snapshots, config)
}

#[tokio::test]
async fn request_under_way_keeps_no_routing_table_once_it_is_routed() {
    let (router, snapshots, config) = router(Tracer::off());
    for (method, body) in [
        (Method::GET, ""),
        (Method::POST, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#),
        (Method::POST, "nonsense"),
    ] {
        let table = Arc::downgrade(&snapshots.current());
        let head = RequestHead {
            method,
            authority: "localhost".to_owned(),
            path_and_query: "/mcp".to_owned(),
            headers: HeaderMap::new(),
            peer: None,
            version: None,
        };
        let mut exchange = Exchange::begin(&router, head, &RemoteContext::none(), "proxy");
        let body = Bytes::copy_from_slice(body.as_bytes());
        let step = exchange.route(Ok(&body)).await;
        assert!(matches!(step, Step::Broker(_) | Step::Reply(_)));
        snapshots.publish(&config, &BTreeMap::new());
        assert!(table.upgrade().is_none());
        exchange.end();
    }
}

#[tokio::test]
async fn stream_of_the_broker_does_not_wait_for_its_end_to_be_decided_about() {
    let never = |name: &str| match name {
        "OTEL_TRACES_SAMPLER" => Some("traceidratio".to_owned()),
        "OTEL_TRACES_SAMPLER_ARG" => Some("0".to_owned()),
        _ => None,
    };
    let text = |text: &str| text.to_owned();
    let build = BuildInfo { version: text("1"), revision: text("r"), rust_version: text("1") };
    let recorder = Box::new(SpanRecorder::new(10));
    let (telemetry, _) = Telemetry::from_env(&never, &build, vec![recorder]).unwrap();
    let tracer = telemetry.tracer();
    tracer.set_sampling(SamplingPolicy { keep_errors: true, ..SamplingPolicy::default() });
    let (router, ..) = router(tracer.clone());
    for (content_type, waits) in [("application/json", true), ("text/event-stream", false)] {
        let head = RequestHead {
            method: Method::GET,
            authority: "localhost".to_owned(),
            path_and_query: "/mcp".to_owned(),
            headers: HeaderMap::new(),
            peer: None,
            version: None,
        };
        let mut exchange = Exchange::begin(&router, head, &RemoteContext::none(), "proxy");
        exchange.route(Ok(&Bytes::new())).await;
        assert!(exchange.span().is_recording());
        let content_type = HeaderValue::from_static(content_type);
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.clone())]);
        exchange.answered_by_broker(StatusCode::OK, &headers);
        assert_eq!(exchange.span().is_recording(), waits, "{content_type:?}");
        exchange.end();
    }
}
