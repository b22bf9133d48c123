//! Requests that are refused: each with its status, its JSON-RPC code and its caller's own id, at every front end.

mod connection;
mod endpoint;
mod message;
mod session;
mod tool;
mod version;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::Full;
use serde_json::Value;

use crate::support::edge::{Edge, at_each_front};
use crate::support::http::{Answer, send};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::RawServer;

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;

/// One request, and how it must be refused.
struct Row {
    what: &'static str,
    method: Method,
    path: &'static str,
    body: Bytes,
    session: Session,
    accept: &'static str,
    /// Whether it says that its body is JSON.
    content_type: bool,
    /// Further headers.
    headers: Vec<(&'static str, &'static str)>,
    status: u16,
    /// The code of the JSON-RPC error; `None` when there is no body.
    code: Option<i64>,
    /// The id in the answer, as it is written; `None` when there must be none.
    id: Option<&'static str>,
}

/// The session id that a request comes with.
#[derive(Clone, Copy)]
enum Session {
    Valid,
    Missing,
    Text(&'static str),
    Expired,
    Ended,
    Twice,
    /// Signed by nobody.
    AlgNone,
    /// Signed with the right key, for another purpose.
    RoutingToken,
}

impl Row {
    /// A POST of a message in a good session that is refused so.
    fn post(what: &'static str, body: impl Into<Bytes>, status: u16, code: i64) -> Self {
        Self {
            what,
            method: Method::POST,
            path: "/mcp",
            body: body.into(),
            session: Session::Valid,
            content_type: true,
            accept: "application/json, text/event-stream",
            headers: Vec::new(),
            status,
            code: Some(code),
            id: None,
        }
    }

    /// The answer has this id.
    fn id(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    fn session(mut self, session: Session) -> Self {
        self.session = session;
        self
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

#[tokio::test]
async fn invariant_10_every_refusal_has_its_status_its_code_and_its_callers_id() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let sessions = session::Sessions::new(&edge).await;
        server.record().clear();
        let tables = [
            message::rows(),
            connection::rows(),
            session::rows(),
            tool::rows(),
            version::rows(),
            endpoint::rows(),
        ];
        let mut wrong = Vec::new();
        for row in tables.into_iter().flatten() {
            let answer = ask(&edge, &sessions, &row).await;
            wrong.extend(differences(&row, &answer));
        }
        assert!(wrong.is_empty(), "{front:?}:\n{}", wrong.join("\n"));
        let called = server.record().of_method("tools/call");
        assert!(called.is_empty(), "a refused call reached the server: {called:?}");
        let mut client: McpClient = edge.connect().await;
        let answer = client.call("raw_echo", Value::Object(serde_json::Map::new())).await;
        assert!(answer.response(&client.id()).get("result").is_some(), "after all: {answer:?}");
    })
    .await;
}

async fn ask(edge: &Edge, sessions: &session::Sessions, row: &Row) -> Answer {
    let mut request =
        Request::builder().method(row.method.clone()).uri(row.path).header("accept", row.accept);
    if row.method == Method::POST && row.content_type {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    for session in sessions.ids(row.session) {
        request = request.header("mcp-session-id", session);
    }
    for (name, value) in &row.headers {
        request = request.header(*name, *value);
    }
    send(edge.address(), request.body(Full::new(row.body.clone())).unwrap()).await
}

/// Says what of the answer is not as the row wants it.
fn differences(row: &Row, answer: &Answer) -> Option<String> {
    let text = answer.text();
    let start = match (row.code, row.id) {
        (None, _) => String::new(),
        (Some(code), Some(id)) => {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":""#)
        }
        (Some(code), None) => format!(r#"{{"jsonrpc":"2.0","error":{{"code":{code},"message":""#),
    };
    let is_json = answer.header("content-type") == "application/json"
        && serde_json::from_slice::<Value>(&answer.body).is_ok();
    let fits = answer.status == row.status
        && text.starts_with(&start)
        && !text.contains(r#""id":null"#)
        && (row.code.is_some() == is_json)
        && (row.code.is_some() || text.is_empty())
        && answer.headers.keys().all(|name| !name.as_str().starts_with("x-mcp-"));
    let Row { what, method, path, status, .. } = row;
    (!fits).then(|| {
        let body = String::from_utf8_lossy(row.body.get(..200).unwrap_or(&row.body)).into_owned();
        format!("{what}: {method} {path} {body}\n  expected {status} {start}…\n  got {answer:?}")
    })
}
