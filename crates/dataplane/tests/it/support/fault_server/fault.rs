//! The ways in which an answer can be wrong.

use std::convert::Infallible;

use axum::body::Bytes;
use axum::response::Response;
use futures_util::stream::{self, StreamExt};
use http::header;
use serde_json::{Value, json};

use super::Seen;
use super::reply::{events, status, streamed, typed};

/// What the response head says that stands for silence.
const SILENCE: u16 = 599;

/// What goes wrong with one kind of request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    Status(u16),
    /// A status with a JSON-RPC error of this code in the body.
    StatusWithError(u16, i64),
    Html,
    Garbage,
    WrongId,
    RpcError(i64),
    RpcErrorWithoutId(i64),
    /// Sends the client elsewhere.
    Redirect(String),
    /// 202, as if it were a notification.
    Accepted,
    StreamWithoutAnswer,
    /// A stream whose connection is lost in an event.
    CutStream,
    /// A JSON text whose connection is lost.
    CutBody,
    /// Takes the request and never answers.
    Silent,
    /// Sends half an answer and no more.
    Stalled,
    /// A result of this many bytes.
    Long(usize),
    EndlessPages,
    PagesInACircle,
    Result(Value),
}

/// Says whether the server is to keep silent in place of sending this.
pub(super) fn is_silence(response: &Response) -> bool {
    response.status().as_u16() == SILENCE
}

impl Fault {
    pub(super) fn response(&self, seen: &Seen) -> Response {
        let id = &seen.body["id"];
        let cursor = seen.body["params"]["cursor"].as_str().unwrap_or_default();
        match self {
            Fault::Status(code) => status(*code),
            Fault::StatusWithError(code, error) => json(*code, &rpc_error(id, *error)),
            Fault::Html => typed(200, "text/html; charset=utf-8", "<html>secret</html>".to_owned()),
            Fault::Garbage => typed(200, "application/json", "{\"jsonrpc\":\"2.0\",".to_owned()),
            Fault::WrongId => json(200, &result(&json!("another"), &json!({}))),
            Fault::RpcError(code) => json(200, &rpc_error(id, *code)),
            Fault::RpcErrorWithoutId(code) => json(200, &rpc_error(&Value::Null, *code)),
            Fault::Redirect(to) => {
                let mut response = status(307);
                response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
                response
            }
            Fault::Accepted => status(202),
            Fault::StreamWithoutAnswer => events([": nothing\n\n".to_owned()]),
            Fault::CutStream => cut("text/event-stream", "data: {\"jsonrpc\""),
            Fault::CutBody => cut("application/json", "{\"jsonrpc\""),
            Fault::Silent => status(SILENCE),
            Fault::Stalled => {
                let start =
                    stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"jsonrpc\""))]);
                streamed("application/json", start.chain(stream::pending()))
            }
            Fault::Long(bytes) => {
                let long = json!({"tools": [], "x": "x".repeat(*bytes)});
                json(200, &result(id, &long))
            }
            Fault::EndlessPages => {
                let next = json!({"tools": [], "nextCursor": format!("{cursor}x")});
                json(200, &result(id, &next))
            }
            Fault::PagesInACircle => {
                let next = if cursor == "a" { "b" } else { "a" };
                json(200, &result(id, &json!({"tools": [], "nextCursor": next})))
            }
            Fault::Result(value) => json(200, &result(id, value)),
        }
    }
}

fn json(code: u16, value: &Value) -> Response {
    typed(code, "application/json", value.to_string())
}

fn result(id: &Value, result: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

fn rpc_error(id: &Value, code: i64) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "secret detail"}})
}

/// A body that begins, and then loses its connection.
fn cut(content_type: &str, start: &'static str) -> Response {
    let parts = [Ok(Bytes::from_static(start.as_bytes())), Err(std::io::Error::other("cut"))];
    // Yielding lets the first part leave before the connection is closed.
    let parts = stream::iter(parts).then(|part| async {
        tokio::task::yield_now().await;
        part
    });
    streamed(content_type, parts)
}
