//! An MCP server that does wrong what it is told to do wrong, and everything else right.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream::{Stream, unfold};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::host::Host;
use super::record::Record;

/// Time between what a cut answer still says and the cut, so that it is on its way before.
const BEFORE_THE_CUT: Duration = Duration::from_millis(50);
/// Bytes that a cut body says it has.
const PROMISED_BYTES: usize = 4096;

/// A way of answering wrongly.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A page for people, with status 200.
    Html,
    /// A status with a plain text.
    Status(u16),
    /// Nothing, ever.
    Silence,
    /// The beginning of a JSON body, then the connection is closed.
    CutBody,
    /// An event stream with a notification, then the connection is closed.
    CutStream,
    /// An event stream with a notification that ends as it should, without the response.
    EndStream,
    /// The response to another request.
    WrongId,
    /// This, as `application/json` with status 200.
    Body(&'static str),
    /// A right answer that is compressed with gzip, which nobody has asked for.
    Gzip,
}

/// A running server. Killed when dropped.
pub struct FaultServer {
    host: Host,
    record: Record,
    script: Shared,
}

impl FaultServer {
    /// Starts a server with the tool `echo`, sessions, and no fault yet.
    pub async fn start() -> Self {
        let (record, script) = (Record::default(), Shared::default());
        let app = Router::new().route("/mcp", post(answer).delete(async || StatusCode::OK));
        let host = Host::start(record.of(app.with_state(script.clone()))).await;
        Self { host, record, script }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Returns the URL of its MCP endpoint.
    pub fn url(&self) -> String {
        self.host.url()
    }

    /// Returns what it has received.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Answers each request with this JSON-RPC method wrongly from now on.
    pub fn fault(&self, method: &str, fault: Fault) {
        self.script.lock().faults.insert(method.to_owned(), (fault, usize::MAX));
    }

    /// Answers the next `times` requests with this JSON-RPC method wrongly.
    pub fn fault_times(&self, method: &str, fault: Fault, times: usize) {
        self.script.lock().faults.insert(method.to_owned(), (fault, times));
    }

    /// Takes requests with this JSON-RPC method and answers them when the sender says true.
    pub fn hold(&self, method: &str) -> watch::Sender<bool> {
        let (open, gate) = watch::channel(false);
        self.script.lock().gates.insert(method.to_owned(), gate);
        open
    }

    /// Answers everything rightly from now on.
    pub fn heal(&self) {
        self.script.lock().faults.clear();
    }

    /// Forgets every session, as a restarted server does: requests in them are answered with 404.
    pub fn forget_sessions(&self) {
        self.script.lock().sessions.clear();
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    faults: BTreeMap<String, (Fault, usize)>,
    gates: BTreeMap<String, watch::Receiver<bool>>,
    sessions: BTreeSet<String>,
    opened: u32,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one use of the fault of a method.
    fn take(&self, method: &str) -> Option<Fault> {
        let mut script = self.lock();
        let (fault, times) = script.faults.get_mut(method)?;
        *times = times.checked_sub(1)?;
        Some(fault.clone())
    }
}

async fn answer(State(script): State<Shared>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let message: Value = serde_json::from_slice(&body).unwrap_or_default();
    let method = message["method"].as_str().unwrap_or_default();
    let gate = script.lock().gates.get(method).cloned();
    if let Some(mut gate) = gate {
        // Without its sender the gate stays open.
        drop(gate.wait_for(|is_open| *is_open).await);
    }
    if let Some(fault) = script.take(method) {
        return wrong(&fault, &message["id"]).await;
    }
    if method == "initialize" {
        return initialize(&script, &message);
    }
    let session = headers.get("mcp-session-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    if !script.lock().sessions.contains(session) {
        return plain(StatusCode::NOT_FOUND, "no such session");
    }
    let result = match method {
        "tools/list" => {
            json!({ "tools": [{ "name": "echo", "inputSchema": { "type": "object" } }] })
        }
        "tools/call" => {
            let text = message["params"]["arguments"]["text"].as_str().unwrap_or_default();
            json!({ "content": [{ "type": "text", "text": text }] })
        }
        "ping" => json!({}),
        _ => return plain(StatusCode::ACCEPTED, ""),
    };
    right(&message["id"], &result)
}

fn initialize(script: &Shared, message: &Value) -> Response<Body> {
    let session = {
        let mut script = script.lock();
        script.opened += 1;
        let session = format!("fault-{}", script.opened);
        script.sessions.insert(session.clone());
        session
    };
    let result = json!({
        "protocolVersion": message["params"]["protocolVersion"],
        "capabilities": { "tools": {} },
        "serverInfo": { "name": "fault", "version": "1" },
    });
    let mut response = right(&message["id"], &result);
    response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
    response
}

async fn wrong(fault: &Fault, id: &Value) -> Response<Body> {
    match fault {
        Fault::Html => with_type("text/html; charset=utf-8", "<html><body>Welcome!</body></html>"),
        Fault::Status(status) => {
            plain(StatusCode::from_u16(*status).unwrap(), "it went wrong at 10.1.2.3")
        }
        Fault::Silence => std::future::pending().await,
        Fault::CutBody => {
            let start = r#"{"jsonrpc":"2.0","id":"#;
            let mut response =
                with_type("application/json", Body::from_stream(pieces(start, true)));
            response.headers_mut().insert(CONTENT_LENGTH, PROMISED_BYTES.into());
            response
        }
        Fault::CutStream => {
            with_type("text/event-stream", Body::from_stream(pieces(NOTIFICATION, true)))
        }
        Fault::EndStream => {
            with_type("text/event-stream", Body::from_stream(pieces(NOTIFICATION, false)))
        }
        Fault::WrongId => right(&json!(format!("not {id}")), &json!({ "content": [] })),
        Fault::Body(text) => with_type("application/json", *text),
        Fault::Gzip => gzip(id),
    }
}

fn gzip(id: &Value) -> Response<Body> {
    let result = json!({ "content": [{ "type": "text", "text": "compressed" }] });
    let message = json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(message.as_bytes()).unwrap();
    let mut response = with_type("application/json", encoder.finish().unwrap());
    response.headers_mut().insert(CONTENT_ENCODING, "gzip".parse().unwrap());
    response
}

const NOTIFICATION: &str = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\
    \"params\":{\"level\":\"info\",\"data\":\"half way\"}}\n\n";

/// One piece, then the end: the proper one, or a cut.
fn pieces(piece: &'static str, cut: bool) -> impl Stream<Item = io::Result<Bytes>> {
    unfold(0, move |step| async move {
        match step {
            0 => Some((Ok(Bytes::from_static(piece.as_bytes())), 1)),
            1 if cut => {
                sleep(BEFORE_THE_CUT).await;
                Some((Err(io::ErrorKind::ConnectionAborted.into()), 2))
            }
            _ => None,
        }
    })
}

fn right(id: &Value, result: &Value) -> Response<Body> {
    with_type(
        "application/json",
        json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string(),
    )
}

fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = with_type("text/plain", text);
    *response.status_mut() = status;
    response
}

fn with_type(content_type: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder().header(CONTENT_TYPE, content_type).body(body.into()).unwrap()
}
