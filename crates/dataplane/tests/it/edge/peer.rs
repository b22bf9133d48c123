//! An MCP server whose answers to calls are given by the test, one after the other.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_util::sync::CancellationToken;

use crate::support::listen::{any_port, serve};

/// The name of the one tool.
pub(crate) const TOOL: &str = "echo";

/// What a call is answered with.
pub(crate) type Answer = Response<Body>;

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// The running server. Stops when dropped.
pub(crate) struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    /// Closed: sessions are opened no further.
    gate: Semaphore,
    seen: Mutex<Vec<Seen>>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            gate: Semaphore::new(1_000),
            seen: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        let address = serve(any_port(), app, &stop).await;
        Self { address, shared, stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Answers the next calls with these; further ones with an empty result.
    pub(crate) fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.answers.lock().unwrap().extend(answers);
    }

    /// Lets nobody open a session until the returned value is dropped.
    pub(crate) async fn closed(&self) -> SemaphorePermit<'_> {
        self.shared.gate.acquire_many(1_000).await.unwrap()
    }

    /// The requests for a JSON-RPC method.
    pub(crate) fn seen(&self, method: &str) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.body["method"] == method).cloned().collect()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    shared.seen.lock().unwrap().push(Seen { headers, body: body.clone() });
    if body["method"] == "initialize" {
        drop(shared.gate.acquire().await.unwrap());
    }
    if method != Method::POST {
        return status(StatusCode::METHOD_NOT_ALLOWED);
    }
    let result = match body["method"].as_str().unwrap_or_default() {
        "initialize" => json!({
            "protocolVersion": body["params"]["protocolVersion"],
            "capabilities": { "tools": {} },
            "serverInfo": { "name": "peer", "version": "1" },
        }),
        "tools/list" => {
            json!({ "tools": [{ "name": TOOL, "inputSchema": { "type": "object" } }] })
        }
        "tools/call" => {
            let scripted = shared.answers.lock().unwrap().pop_front();
            if let Some(scripted) = scripted {
                return scripted;
            }
            json!({ "content": [] })
        }
        "ping" => json!({}),
        _ => return status(StatusCode::ACCEPTED),
    };
    let answer = json!({ "jsonrpc": "2.0", "id": body["id"], "result": result });
    let mut answer = typed("application/json", answer.to_string());
    if body["method"] == "initialize" {
        let count = shared.seen.lock().unwrap().len();
        answer.headers_mut().insert("mcp-session-id", format!("peer-{count}").parse().unwrap());
    }
    answer
}

/// An answer without body.
pub(crate) fn status(status: StatusCode) -> Answer {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// An answer of a content type.
pub(crate) fn typed(content_type: &'static str, body: impl Into<Body>) -> Answer {
    let mut response = Response::new(body.into());
    response.headers_mut().insert("content-type", content_type.parse().unwrap());
    response
}
