//! One request through the router, without a front end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
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
use mcp_gateway_telemetry::{Metrics, RemoteContext, Status, Tracer};

/// A router without servers.
fn router() -> (Router, Snapshots, Arc<Config>) {
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
        tracer: Tracer::off(),
        metrics: Metrics::new(Status::off()),
    };
    (Router::new(deps), snapshots, config)
}

#[tokio::test]
async fn request_under_way_keeps_no_routing_table_once_it_is_routed() {
    let (router, snapshots, config) = router();
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
