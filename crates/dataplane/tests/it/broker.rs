//! The broker over HTTP: every answer it gives, and its event streams.

mod endpoint;
mod messages;
mod spans;
mod streams;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;
use mcp_gateway_core::catalog::Tool;
use mcp_gateway_core::config::{Config, Server, VirtualServer};
use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_dataplane::broker::{Broker, BrokerDeps};
use mcp_gateway_dataplane::clock::{Clock, ManualClock};
use mcp_gateway_dataplane::session::{
    Closer, GatewaySession, ServerSession, SessionCache, SessionCloser, SessionTokens, SigningKey,
    SigningKeys,
};
use mcp_gateway_dataplane::snapshot::Snapshots;
use mcp_gateway_dataplane::store::{MemoryStore, Store};
use mcp_gateway_telemetry::{Metrics, Status, Tracer};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const SESSION_TTL: Duration = Duration::from_secs(3_600);
const STREAMS_MAX: usize = 6;
const BODY_BYTES_MAX: usize = 10_000;
const JSON: &str = "content-type: application/json";
const PING: &str = r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#;

/// A broker without servers behind it: tools are published by the test.
struct Fixture {
    broker: Broker,
    app: TowerToHyperService<Router>,
    snapshots: Snapshots,
    tokens: SessionTokens,
    cache: SessionCache,
    closed: mpsc::Receiver<ServerSession>,
    hand: ManualClock,
    metrics: Metrics,
    shutdown: CancellationToken,
}

/// The whole of a response.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

fn config() -> Arc<Config> {
    let server = Server {
        name: "demo/weather".to_owned(),
        url: "http://127.0.0.1:1/mcp".parse().unwrap(),
        hostname: None,
        prefix: "weather_".to_owned(),
        enabled: true,
        credential: None,
        ca_cert_pem: None,
        ca_cert_file: None,
    };
    let view = VirtualServer { name: "today".to_owned(), tools: vec!["weather_today".to_owned()] };
    let mut config =
        Config { servers: vec![server], virtual_servers: vec![view], ..Config::default() };
    config.limits.body_bytes_max = BODY_BYTES_MAX;
    Arc::new(config)
}

fn fixture() -> Fixture {
    traced(Tracer::off())
}

/// A broker whose spans go to `tracer`.
fn traced(tracer: Tracer) -> Fixture {
    let (clock, hand) = Clock::manual(Duration::from_secs(1_700_000_000));
    let store = Arc::new(Store::Memory(MemoryStore::new(1_000, clock.clone())));
    let keys = SigningKeys::new(SigningKey::random());
    let tokens = SessionTokens::new(&keys, SESSION_TTL, Arc::clone(&store), clock.clone()).unwrap();
    let cache = SessionCache::new(store, clock);
    let (report, closed) = mpsc::channel(10);
    let close: Closer = Arc::new(move |session, _| {
        let report = report.clone();
        Box::pin(async move { report.send(session).await.unwrap() })
    });
    let snapshots = Snapshots::new(&config());
    let metrics = Metrics::new(Status::off());
    let shutdown = CancellationToken::new();
    let broker = Broker::new(BrokerDeps {
        snapshots: snapshots.clone(),
        session_tokens: tokens.clone(),
        session_closer: SessionCloser::new(tokens.clone(), cache.clone(), close),
        tracer,
        metrics: metrics.clone(),
        version: "1.2.3".to_owned(),
        instructions: Some("Ask \"nicely\".".to_owned()),
        streams_max: STREAMS_MAX,
        shutdown: shutdown.clone(),
    });
    let app = TowerToHyperService::new(broker.app());
    Fixture { broker, app, snapshots, tokens, cache, closed, hand, metrics, shutdown }
}

impl Fixture {
    fn session(&self) -> GatewaySession {
        self.tokens.mint(ProtocolVersion::V2025_11_25).unwrap()
    }

    /// Publishes tools of the one server, by name.
    fn publish(&self, names: &[&str]) {
        let tools: Arc<[Tool]> = names
            .iter()
            .map(|name| {
                let raw = format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#);
                Tool::parse(raw.as_bytes()).unwrap()
            })
            .collect();
        self.snapshots.publish(&config(), &BTreeMap::from([("demo/weather".to_owned(), tools)]));
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Response<axum::body::Body> {
        self.app.call(request).await.unwrap()
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Answer {
        let (head, body) = self.send(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A request with the headers that are given; each is `name: value`.
fn request(method: Method, headers: &[&str], body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri("/mcp");
    for header in headers {
        let (name, value) = header.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// The header that names a session.
fn session_header(session: &GatewaySession) -> String {
    format!("mcp-session-id: {}", std::str::from_utf8(session.token.expose()).unwrap())
}

/// A POST of a JSON message, within a session when one is given.
fn post(session: Option<&GatewaySession>, body: &str) -> Request<Full<Bytes>> {
    let mut headers = vec!["content-type: application/json".to_owned()];
    headers.extend(session.map(session_header));
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    request(Method::POST, &headers, body.to_owned())
}

/// What an answer must look like: status, JSON-RPC code, id (`None` when it must be left out).
type Expect = (u16, Option<i64>, Option<Value>);

fn check(what: &str, answer: &Answer, (status, code, id): Expect) {
    assert_eq!(answer.status.as_u16(), status, "{what}: {answer:?}");
    let Some(code) = code else {
        assert!(answer.body.is_empty(), "{what}: {answer:?}");
        return;
    };
    assert_eq!(answer.header("content-type"), Some("application/json"), "{what}");
    let body = answer.json();
    assert_eq!(body["jsonrpc"], "2.0", "{what}");
    assert_eq!(body["error"]["code"], code, "{what}: {body}");
    assert_eq!(body.get("id"), id.as_ref(), "{what}: {body}");
    assert!(answer.headers.get("mcp-session-id").is_none(), "{what}: only initialize names one");
}
