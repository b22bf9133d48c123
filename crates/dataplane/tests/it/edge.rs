//! The gateway as a whole at its edge: what passes between hostile clients, Envoy, and hostile servers.
//!
//! Behind Envoy the test itself speaks Envoy's part, and the one server stands where Envoy would, so that whatever the
//! gateway sends through Envoy reaches it.

mod envoy;
mod peer;
mod phases;
mod proxy;
mod telemetry;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mcp_gateway_core::config::{Config, ListenAddress, Mode, Secret, Server};
use mcp_gateway_dataplane::gateway::{Handles, RunningGateway, start};
use mcp_gateway_telemetry::{BuildInfo, Metrics, SpanRecorder, Status, Telemetry};

use self::envoy::Exchange;
use self::peer::{Peer, TOOL};
use crate::support::listen::any_port;
use crate::support::wait::until;

const PUBLIC_HOST: &str = "mcp.example.com";
const SERVER_HOST: &str = "peer.mcp.local";
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

/// A running gateway with one server.
struct Edge {
    gateway: RunningGateway,
    peer: Peer,
    metrics: Metrics,
    recorder: SpanRecorder,
    /// Lives as long as the test.
    _telemetry: Telemetry,
    /// A client's session.
    session: String,
}

fn config(mode: Mode, peer: &Peer) -> Config {
    let server = Server {
        name: "demo/peer".to_owned(),
        url: peer.url().parse().unwrap(),
        hostname: Some(SERVER_HOST.to_owned()),
        prefix: "p_".to_owned(),
        enabled: true,
        credential: None,
        ca_cert_pem: None,
        ca_cert_file: None,
    };
    Config {
        mode,
        listen: any_port(),
        admin_listen: any_port(),
        ext_proc_listen: ListenAddress::Tcp(any_port()),
        public_host: Some(PUBLIC_HOST.to_owned()),
        envoy_address: Some(peer.url().replace("/mcp", "").parse().unwrap()),
        servers: vec![server],
        signing_key: Some(Secret::new("0123456789abcdef0123456789abcdef")),
        ..Config::default()
    }
}

impl Edge {
    async fn start(mode: Mode) -> Self {
        Self::start_with(mode, |_| {}).await
    }

    async fn start_with(mode: Mode, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(mode, &[], change).await
    }

    /// Starts with these variables of the environment.
    async fn start_in(
        mode: Mode,
        variables: &[(&str, &str)],
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let peer = Peer::start().await;
        let mut config = config(mode, &peer);
        change(&mut config);
        let recorder = SpanRecorder::new(1_000);
        let text = |text: &str| text.to_owned();
        let build = BuildInfo { version: text("1"), revision: text("r"), rust_version: text("1") };
        let env = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| String::from(*value))
        };
        let (telemetry, _) =
            Telemetry::from_env(&env, &build, vec![Box::new(recorder.clone())]).unwrap();
        let metrics = Metrics::new(Status::off());
        let handles = Handles {
            tracer: telemetry.tracer(),
            metrics: metrics.clone(),
            version: "1",
            status_extra: Arc::new(Vec::new),
        };
        let gateway = start(config, handles).await.unwrap();
        let ready = || gateway.is_ready().then_some(()).ok_or_else(|| gateway.servers());
        until("the server is up", ready).await;
        let mut edge = Self {
            gateway,
            peer,
            metrics,
            recorder,
            _telemetry: telemetry,
            session: String::new(),
        };
        let opened = edge.send(Method::POST, &[], INITIALIZE).await;
        let session = opened.headers()["mcp-session-id"].to_str().unwrap();
        edge.session = String::from(session);
        edge
    }

    /// Sends a request to the listener for clients and reads the answer whole.
    async fn send(&self, method: Method, headers: &[(&str, &str)], body: &str) -> Response<Bytes> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let uri = format!("http://{}/mcp", self.gateway.addresses().client);
        let mut request = Request::builder().method(method).uri(uri);
        request = request.header("content-type", "application/json");
        if !self.session.is_empty() {
            request = request.header("mcp-session-id", &self.session);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::copy_from_slice(body.as_bytes()));
        let (head, body) = client.request(request.body(body).unwrap()).await.unwrap().into_parts();
        Response::from_parts(head, body.collect().await.unwrap().to_bytes())
    }

    /// Opens a stream of Envoy's.
    async fn exchange(&self) -> Exchange {
        let Some(ListenAddress::Tcp(address)) = &self.gateway.addresses().ext_proc else {
            panic!("this gateway has no Envoy before it");
        };
        Exchange::open(&address.to_string()).await
    }

    /// Sends a message as Envoy tells of it, with further headers.
    async fn post(&self, headers: &[(&str, &[u8])], body: &str) -> Exchange {
        let mut exchange = self.exchange().await;
        exchange.request_headers(&self.head(headers), false).await;
        exchange.request_body(body).await;
        exchange
    }

    /// The head of a request that carries a message.
    fn head<'a>(&'a self, headers: &[(&'a str, &'a [u8])]) -> Vec<(&'a str, &'a [u8])> {
        let mut all: Vec<(&str, &[u8])> = vec![
            (":method", b"POST"),
            (":path", b"/mcp"),
            (":authority", PUBLIC_HOST.as_bytes()),
            ("content-type", b"application/json"),
            ("mcp-session-id", self.session.as_bytes()),
        ];
        all.extend(headers);
        all
    }
}

/// A call of the one tool.
fn call(id: u64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"p_{TOOL}","arguments":{{}}}}}}"#
    )
}
