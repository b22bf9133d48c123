//! An MCP server whose answers are what a test says, byte for byte.

use std::collections::BTreeMap;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::routing::post;
use futures_util::stream::unfold;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::host::Host;
use super::record::Record;

/// How session ids of this server begin.
pub const SESSION_PREFIX: &str = "raw-session-of-the-server-";

/// Time between what a cut answer still says and the cut, so that it is on its way before.
const BEFORE_THE_CUT: Duration = Duration::from_millis(50);

/// An answer.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, beside `content-length`.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Pieces,
}

/// How a body is sent.
pub enum Pieces {
    /// At once, its length announced.
    Whole(Bytes),
    /// In chunks.
    Chunks(Vec<Bytes>),
    /// In chunks that come from elsewhere, until the sender is gone.
    Live(mpsc::Receiver<Bytes>),
    /// The beginning of a body, then the connection is closed.
    Cut(Bytes),
    /// The beginning of a body, then nothing.
    Stuck(Bytes),
}

impl Reply {
    /// A body of this content type, its length announced.
    pub fn whole(content_type: &str, body: impl Into<Bytes>) -> Self {
        Self::of(content_type, Pieces::Whole(body.into()))
    }

    /// A body of this content type.
    pub fn of(content_type: &str, body: Pieces) -> Self {
        Self { status: 200, headers: vec![("content-type", content_type.to_owned())], body }
    }

    /// A result, JSON text, for the request with this id, JSON text as well.
    pub fn result(id: &str, result: &str) -> Self {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        Self::whole("application/json", body)
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// What a handler sees of a request.
pub struct Asked {
    /// The id, as it was written.
    pub id: String,
    /// `params.name`; empty when there is none.
    pub tool: String,
}

type Handler = Box<dyn Fn(&Asked) -> Reply + Send + Sync>;

/// A running server. Killed when dropped.
pub struct RawServer {
    host: Host,
    record: Record,
    script: Arc<Script>,
}

struct Script {
    issues_sessions: bool,
    sessions: AtomicU32,
    tools: String,
    handlers: Mutex<BTreeMap<String, Handler>>,
}

impl RawServer {
    /// Starts a server that issues session ids, with these tools, each JSON text.
    pub async fn start(tools: &[&str]) -> Self {
        Self::of(tools, true).await
    }

    /// Starts a server that issues none.
    pub async fn without_sessions(tools: &[&str]) -> Self {
        Self::of(tools, false).await
    }

    async fn of(tools: &[&str], issues_sessions: bool) -> Self {
        let script = Arc::new(Script {
            issues_sessions,
            sessions: AtomicU32::new(0),
            tools: tools.join(","),
            handlers: Mutex::default(),
        });
        let record = Record::default();
        let app = Router::new().fallback(async || StatusCode::METHOD_NOT_ALLOWED);
        let app = app.route("/mcp", post(answer).delete(async || StatusCode::OK));
        let app = app.layer(axum::extract::DefaultBodyLimit::disable());
        let host = Host::start(record.of(app.with_state(Arc::clone(&script)))).await;
        Self { host, record, script }
    }

    /// Answers requests with this JSON-RPC method so from now on.
    pub fn on(&self, method: &str, handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        let mut handlers = self.script.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        handlers.insert(method.to_owned(), Box::new(handler));
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
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(default)]
    method: String,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
}

/// The name, leniently: parameters may hold things that a strict reader refuses.
fn tool_of(params: Option<&RawValue>) -> String {
    let params: Option<serde_json::Value> =
        params.and_then(|params| serde_json::from_str(params.get()).ok());
    params.and_then(|params| Some(params["name"].as_str()?.to_owned())).unwrap_or_default()
}

async fn answer(
    State(script): State<Arc<Script>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&body) else {
        return write(Reply::whole("text/plain", "no message").with_status(400));
    };
    let id = message.id.map_or("null", RawValue::get).to_owned();
    let asked = Asked { id, tool: tool_of(message.params) };
    if let Some(handler) =
        script.handlers.lock().unwrap_or_else(PoisonError::into_inner).get(&message.method)
    {
        return write(handler(&asked));
    }
    write(match message.method.as_str() {
        "initialize" => initialize(&script, &asked),
        _ if script.issues_sessions && !headers.contains_key("mcp-session-id") => {
            Reply::whole("text/plain", "no session").with_status(400)
        }
        "tools/list" => Reply::result(&asked.id, &format!(r#"{{"tools":[{}]}}"#, script.tools)),
        "tools/call" => Reply::result(&asked.id, r#"{"content":[]}"#),
        "ping" => Reply::result(&asked.id, "{}"),
        _ => Reply::whole("text/plain", "").with_status(202),
    })
}

fn initialize(script: &Script, asked: &Asked) -> Reply {
    let result = r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"raw","version":"1"}}"#;
    let reply = Reply::result(&asked.id, result);
    let number = script.sessions.fetch_add(1, Ordering::SeqCst);
    if !script.issues_sessions {
        return reply;
    }
    reply.with_header("mcp-session-id", format!("{SESSION_PREFIX}{number}"))
}

fn write(reply: Reply) -> Response<Body> {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    let body = match reply.body {
        Pieces::Whole(bytes) => {
            response = response.header(CONTENT_LENGTH, bytes.len());
            Body::from(bytes)
        }
        Pieces::Chunks(chunks) => {
            let chunks = chunks.into_iter().map(Ok::<_, io::Error>);
            Body::from_stream(futures_util::stream::iter(chunks))
        }
        Pieces::Cut(start) => Body::from_stream(unfold(Some(start), |start| async {
            if let Some(start) = start {
                return Some((Ok(start), None));
            }
            sleep(BEFORE_THE_CUT).await;
            Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
        })),
        Pieces::Stuck(start) => Body::from_stream(unfold(Some(start), |start| async {
            match start {
                Some(start) => Some((Ok::<_, io::Error>(start), None)),
                None => pending().await,
            }
        })),
        Pieces::Live(receiver) => Body::from_stream(unfold(receiver, |mut receiver| async {
            let piece = receiver.recv().await?;
            Some((Ok::<_, io::Error>(piece), receiver))
        })),
    };
    let response = response.body(body).unwrap();
    debug_assert!(response.headers().contains_key(CONTENT_TYPE), "{response:?}");
    response
}
