//! An MCP server that follows a script, faults included, and remembers what it was asked.
//!
//! The script can be changed while the server runs. Messages are taken apart with `serde_json`, not with the code under test.

mod fault;
mod reply;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use http::{HeaderMap, Method, Version};
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

pub(crate) use self::fault::Fault;
use self::reply::{event, events, status, streamed, typed};
use super::listen::{any_port, serve, serve_tls};

/// A tool definition with the few members that one must have.
pub(crate) fn tool(name: &str) -> String {
    json!({"name": name, "description": "a tool", "inputSchema": {"type": "object"}}).to_string()
}

/// The form of answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    /// A stream: a priming event, a notification, then the answer.
    Stream,
    /// A stream that ends before the answer; the rest comes on a GET with the last event id.
    Resumed,
    /// A stream on which the server first asks the client for a ping, and for something that it cannot do.
    Asking,
}

/// What the server does.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) version: String,
    pub(crate) issues_session: bool,
    /// The status for a session that the server does not know.
    pub(crate) lost_status: u16,
    pub(crate) list_changed: bool,
    pub(crate) form: Form,
    /// Tools by page, as JSON text.
    pub(crate) pages: Vec<Vec<String>>,
    pub(crate) on_initialize: Option<Fault>,
    pub(crate) on_initialized: Option<Fault>,
    pub(crate) on_list: Option<Fault>,
    pub(crate) on_ping: Option<Fault>,
    /// What happens instead of opening a stream of changes: by default the server has none.
    pub(crate) on_stream: Option<Fault>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            version: "2025-11-25".to_owned(),
            issues_session: true,
            lost_status: 404,
            list_changed: false,
            form: Form::Json,
            pages: vec![vec![tool("one")]],
            on_initialize: None,
            on_initialized: None,
            on_list: None,
            on_ping: None,
            on_stream: Some(Fault::Status(405)),
        }
    }
}

/// A request that the server got.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) verb: Method,
    pub(crate) version: Version,
    /// As it was sent: path and query; over HTTP/2 with scheme and authority.
    pub(crate) uri: http::Uri,
    pub(crate) headers: HeaderMap,
    /// Null when it is no JSON.
    pub(crate) body: Value,
}

impl Seen {
    /// The JSON-RPC method; "" for responses and requests without body.
    pub(crate) fn rpc(&self) -> &str {
        self.body["method"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// The running server. Stops when dropped.
pub(crate) struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    script: Mutex<Script>,
    seen: Mutex<Vec<Seen>>,
    sessions: Mutex<Vec<String>>,
    /// Messages for open GET streams; `None` ends them.
    news: broadcast::Sender<Option<String>>,
    /// What a resumed stream still has to bring.
    pending: Mutex<Option<String>>,
}

impl FaultServer {
    pub(crate) async fn start(script: Script) -> Self {
        Self::start_on(any_port(), script).await
    }

    pub(crate) async fn start_on(address: SocketAddr, script: Script) -> Self {
        let (shared, stop) = (Shared::new(script), CancellationToken::new());
        let address = serve(address, app(&shared), &stop).await;
        Self { address, shared, stop }
    }

    pub(crate) async fn start_tls(script: Script, tls: rustls::ServerConfig) -> Self {
        let (shared, stop) = (Shared::new(script), CancellationToken::new());
        let address = serve_tls(app(&shared), &stop, tls).await;
        Self { address, shared, stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The script, to read or change it.
    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.script.lock().unwrap()
    }

    /// Everything that was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The first request for a JSON-RPC method.
    pub(crate) fn first(&self, rpc: &str) -> Seen {
        let seen = self.seen();
        let found = seen.iter().find(|seen| seen.rpc() == rpc).cloned();
        found.unwrap_or_else(|| panic!("nobody asked for {rpc}, but {seen:?}"))
    }

    /// How often a JSON-RPC method was asked.
    pub(crate) fn count(&self, rpc: &str) -> usize {
        self.seen().iter().filter(|seen| seen.rpc() == rpc).count()
    }

    /// How often a verb was used.
    pub(crate) fn verbs(&self, verb: &Method) -> usize {
        self.seen().iter().filter(|seen| seen.verb == verb).count()
    }

    /// Forgets every session, as a restarted server has.
    pub(crate) fn forget_sessions(&self) {
        self.shared.sessions.lock().unwrap().clear();
    }

    /// The streams of changes that are open.
    pub(crate) fn streams(&self) -> usize {
        self.shared.news.receiver_count()
    }

    /// Sends a message on every open stream of changes.
    pub(crate) fn announce(&self, message: &Value) {
        self.shared.news.send(Some(message.to_string())).expect("a stream is open");
    }

    /// Ends every open stream of changes.
    pub(crate) fn end_streams(&self) {
        self.shared.news.send(None).expect("a stream is open");
    }

    /// Closes the port and every connection.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn app(shared: &Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(Arc::clone(shared))
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let seen = Seen {
        verb: head.method,
        version: head.version,
        uri: head.uri,
        headers: head.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    shared.seen.lock().unwrap().push(seen.clone());
    let script = shared.script.lock().unwrap().clone();
    let response = if seen.verb == Method::POST {
        shared.post(&script, &seen)
    } else if seen.verb == Method::GET {
        shared.get(&script, &seen)
    } else {
        status(if shared.knows(&script, &seen) { 200 } else { 404 })
    };
    if fault::is_silence(&response) {
        std::future::pending::<Infallible>().await;
    }
    response
}

impl Shared {
    fn new(script: Script) -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::new(script),
            seen: Mutex::default(),
            sessions: Mutex::default(),
            news: broadcast::Sender::new(64),
            pending: Mutex::default(),
        })
    }

    fn knows(&self, script: &Script, seen: &Seen) -> bool {
        let sessions = self.sessions.lock().unwrap();
        !script.issues_session
            || seen.header("mcp-session-id").is_some_and(|id| sessions.iter().any(|s| s == id))
    }

    fn post(&self, script: &Script, seen: &Seen) -> Response {
        if seen.rpc() == "initialize" {
            return self.initialize(script, seen);
        }
        if !self.knows(script, seen) {
            return status(script.lost_status);
        }
        let fault = match seen.rpc() {
            "notifications/initialized" => &script.on_initialized,
            "tools/list" => &script.on_list,
            "ping" => &script.on_ping,
            _ => &None,
        };
        if let Some(fault) = fault {
            return fault.response(seen);
        }
        if seen.body["id"].is_null() || seen.rpc().is_empty() {
            return status(202);
        }
        let list = seen.rpc() == "tools/list";
        let result = if list { page(script, seen) } else { "{}".to_owned() };
        self.success(script.form, seen, &result)
    }

    fn initialize(&self, script: &Script, seen: &Seen) -> Response {
        if let Some(fault) = &script.on_initialize {
            return fault.response(seen);
        }
        let result = json!({
            "protocolVersion": script.version,
            "capabilities": {"tools": {"listChanged": script.list_changed}},
            "serverInfo": {"name": "fault server", "version": "1.2.3"},
        });
        let mut response = self.success(script.form, seen, &result.to_string());
        if script.issues_session {
            let session = format!("session-{}", self.seen.lock().unwrap().len());
            response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
            self.sessions.lock().unwrap().push(session);
        }
        response
    }

    /// Answers with `result`, a JSON text whose bytes stay as they are.
    fn success(&self, form: Form, seen: &Seen, result: &str) -> Response {
        let id = &seen.body["id"];
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#);
        match form {
            Form::Json => typed(200, "application/json", answer),
            Form::Stream => events([
                "id: 1\ndata:\n\n".to_owned(),
                ": keep-alive\n\n".to_owned(),
                event(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#),
                event(&answer),
            ]),
            Form::Resumed => {
                *self.pending.lock().unwrap() = Some(answer);
                events(["id: 7\nretry: 1\ndata:\n\n".to_owned()])
            }
            Form::Asking => events([
                event(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#),
                event(r#"{"jsonrpc":"2.0","id":8,"method":"roots/list"}"#),
                event(&answer),
            ]),
        }
    }

    fn get(&self, script: &Script, seen: &Seen) -> Response {
        if seen.header("last-event-id") == Some("7")
            && let Some(answer) = self.pending.lock().unwrap().take()
        {
            return events([event(&answer)]);
        }
        if !self.knows(script, seen) {
            return status(script.lost_status);
        }
        if let Some(fault) = &script.on_stream {
            return fault.response(seen);
        }
        let news = stream::unfold(self.news.subscribe(), |mut news| async move {
            let message = news.recv().await.ok().flatten()?;
            Some((Ok::<_, Infallible>(Bytes::from(event(&message))), news))
        });
        // The first bytes tell the client that the stream is open.
        let hello = stream::iter([Ok(Bytes::from_static(b":\n\n"))]);
        streamed("text/event-stream", hello.chain(news))
    }
}

/// The result of `tools/list` for the page that the cursor names.
fn page(script: &Script, seen: &Seen) -> String {
    let cursor = seen.body["params"]["cursor"].as_str().map_or(0, |text| text.parse().unwrap());
    let tools = script.pages.get(cursor).map(|tools| tools.join(",")).unwrap_or_default();
    let next = cursor + 1;
    if next < script.pages.len() {
        format!(r#"{{"tools":[{tools}],"nextCursor":"{next}"}}"#)
    } else {
        format!(r#"{{"tools":[{tools}]}}"#)
    }
}
