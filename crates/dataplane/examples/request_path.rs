//! One tool call after another through the router, in one thread and without a socket: what telemetry costs there.
//!
//! `request_path LEVEL COUNT` takes COUNT calls of a session that is there already, from the head of the request to the end
//! of the answer, and prints how many allocations one call made. Under `valgrind --tool=callgrind`, two runs with different counts tell
//! how many instructions one call takes. `make bench` does both.
//!
//! LEVEL is `off` (no spans, metrics, audit), `metrics`, or `traces` (every trace, to a receiver that refuses, and metrics).

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers, not part of the gateway"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use mcp_gateway_core::answer::BodyEnd;
use mcp_gateway_core::catalog::Tool;
use mcp_gateway_core::config::{Config, Overrides, SecretMode, Source, load};
use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::measure;
use mcp_gateway_dataplane::router::{
    Exchange, RequestHead, ResponseHead, Router, RouterDeps, ServerAccess, ServerResponse, Step,
};
use mcp_gateway_dataplane::session::{
    OpenSpans, RoutingTokens, SessionCache, SessionCloser, SessionTokens, SigningKey, SigningKeys,
    UpstreamSession, UpstreamSessions,
};
use mcp_gateway_dataplane::snapshot::Snapshots;
use mcp_gateway_dataplane::store::{MemoryStore, Store};
use mcp_gateway_telemetry::{BuildInfo, RemoteContext, Span, Telemetry};

const SERVER: &str = "bench/server";
const TOOL: &str = r#"{"name":"forecast","inputSchema":{"type":"object"}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"bench_forecast","arguments":{"city":"Lisbon"}}}"#;
const ANSWER: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"sunny"}]}}"#;
/// Calls before those that count: they fill what is made once.
const WARM_UP: u64 = 100;

/// An environment without variables and files.
struct Nothing;

impl Source for Nothing {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn file(&self, _: &str) -> Result<String, String> {
        Err("there are no files".to_owned())
    }

    fn secrets(&self) -> SecretMode {
        SecretMode::Resolve
    }
}

/// The router and what is sent through it.
struct Path {
    router: Router,
    request: HeaderMap,
    response: ResponseHead,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let level = arguments.next().unwrap_or_else(|| "off".to_owned());
    let count: u64 = arguments.next().map_or(1_000, |count| count.parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let telemetry = telemetry(&level);
    let path = runtime.block_on(Path::new(&level, &telemetry));
    runtime.block_on(path.calls(WARM_UP));
    let counted = measure(|| runtime.block_on(path.calls(count)));
    println!("{:.2}", as_float(counted.count_total) / as_float(count.max(1)));
}

fn as_float(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

fn telemetry(level: &str) -> Telemetry {
    let env = |name: &str| match (level, name) {
        ("traces", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") => Some("http://127.0.0.1:1".to_owned()),
        _ => None,
    };
    let build = BuildInfo {
        version: "1".to_owned(),
        revision: "unknown".to_owned(),
        rust_version: "1".to_owned(),
    };
    Telemetry::from_env(&env, &build, Vec::new()).expect("the environment is good").0
}

impl Path {
    async fn new(level: &str, telemetry: &Telemetry) -> Self {
        let config = Arc::new(config(level));
        let clock = Clock::system();
        let store = Arc::new(Store::Memory(MemoryStore::new(10, clock.clone())));
        let keys = SigningKeys::new(SigningKey::random());
        let ttl = Duration::from_hours(1);
        let tokens = SessionTokens::new(&keys, ttl, Arc::clone(&store), clock.clone()).unwrap();
        let routing_tokens = RoutingTokens::new(&keys, clock.clone()).unwrap();
        let cache = SessionCache::new(store, clock);
        let closer = SessionCloser::new(
            tokens.clone(),
            cache.clone(),
            Arc::new(|_, _| Box::pin(std::future::ready(()))),
        );
        let session = tokens.mint(ProtocolVersion::LATEST).unwrap();
        let sessions = UpstreamSessions::new(cache, closer, ttl);
        let opened = UpstreamSession::new(None, ProtocolVersion::LATEST, Duration::ZERO);
        let opening = std::future::ready(Ok(opened));
        let off = Span::off();
        let spans = OpenSpans { parent: &off, opening: &off };
        sessions.open(&session.facts, SERVER, spans, opening).await.unwrap();
        let snapshots = Snapshots::new(&config);
        let tools: Arc<[Tool]> = Arc::new([Tool::parse(TOOL.as_bytes()).unwrap()]);
        snapshots.publish(&config, &BTreeMap::from([(SERVER.to_owned(), tools)]));
        let router = Router::new(RouterDeps {
            snapshots,
            session_tokens: tokens,
            routing_tokens: routing_tokens.clone(),
            upstream_sessions: sessions,
            access: ServerAccess::new(HttpClients::new(&config), routing_tokens),
            tracer: telemetry.tracer(),
            metrics: measure::metrics(telemetry.status(), &config.telemetry.metrics),
        });
        let json = HeaderValue::from_static("application/json");
        let request = HeaderMap::from_iter([
            (CONTENT_TYPE, json.clone()),
            (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
            ("mcp-session-id".parse().unwrap(), session.token.header_value()),
            ("mcp-protocol-version".parse().unwrap(), HeaderValue::from_static("2025-11-25")),
        ]);
        let response = ResponseHead {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            has_body: true,
            version: None,
        };
        Self { router, request, response }
    }

    /// One call after another; in one future, since moving one costs as much as part of a call.
    async fn calls(&self, count: u64) {
        for _ in 0..count {
            self.call().await;
        }
    }

    /// One call from its head to the end of its answer.
    async fn call(&self) {
        let head = RequestHead {
            method: Method::POST,
            authority: "localhost".to_owned(),
            path_and_query: "/mcp".to_owned(),
            headers: self.request.clone(),
            peer: None,
            version: None,
        };
        let mut exchange = Exchange::begin(&self.router, head, &RemoteContext::none(), "proxy");
        let body = Bytes::from_static(CALL.as_bytes());
        let Step::Server(_) = exchange.route(Ok(&body)).await else { panic!("not sent on") };
        let response = exchange.server_response(&self.response);
        let ServerResponse::Forward { .. } = response else { panic!("not passed on") };
        let mut answer = exchange.answer(Bytes::from_static(ANSWER.as_bytes())).to_vec();
        answer.extend_from_slice(&exchange.answer_end(BodyEnd::Complete).unwrap());
        assert_eq!(answer, ANSWER.as_bytes());
        exchange.end();
    }
}

fn config(level: &str) -> Config {
    let is_on = level != "off";
    let file = format!(
        "
servers: [{{name: {SERVER}, url: 'http://127.0.0.1:1/mcp', prefix: bench_}}]
telemetry: {{metrics: {{enabled: {is_on}}}, audit: {{enabled: false}}}}
"
    );
    load(&file, &Nothing, &Overrides::default()).expect("the file is good").config
}
