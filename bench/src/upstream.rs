//! The MCP server behind every way: answers from prepared bytes, on a thread of its own.
//!
//! It reads a request only as far as an answer needs it, keeps no sessions, and offers a hundred tools.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use anyhow::Context;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::net::TcpListener;

use crate::workload::{JSON_TOOL, STREAM_TOOL};

/// Tools that it offers.
const TOOLS: usize = 100;
/// The session that it gives to every client.
const SESSION: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

/// Starts the server; it ends with the process.
pub(crate) fn start() -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("upstream".to_owned()).spawn(move || {
        if let Err(error) = runtime.block_on(serve(listener)) {
            eprintln!("The MCP server has ended: {error:#}");
        }
    })?;
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let answers = Arc::new(Answers::new()?);
    loop {
        let (stream, _) = listener.accept().await.context("accept")?;
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        let service = service_fn(move |request| answer(Arc::clone(&answers), request));
        // A connection that breaks is noticed by who measures.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Results, ready to send.
struct Answers {
    initialize: Bytes,
    list: Bytes,
    call: Bytes,
    empty: Bytes,
}

impl Answers {
    fn new() -> anyhow::Result<Self> {
        let bytes = |value: &serde_json::Value| serde_json::to_vec(value).map(Bytes::from);
        let names = [JSON_TOOL, STREAM_TOOL].map(str::to_owned).into_iter();
        let names = names.chain((2..TOOLS).map(|number| format!("tool_{number:02}")));
        let tools: Vec<_> = names.map(|name| tool(&name)).collect();
        let text = "Sunny in Zürich, 24 °C, wind from the west at 11 km/h.";
        Ok(Self {
            initialize: bytes(&json!({
                "protocolVersion": "2025-11-25",
                "capabilities": { "tools": {} },
                "serverInfo": { "name": "bench", "version": "1.0.0" },
            }))?,
            list: bytes(&json!({ "tools": tools }))?,
            call: bytes(
                &json!({ "content": [{ "type": "text", "text": text }], "isError": false }),
            )?,
            empty: Bytes::from_static(b"{}"),
        })
    }
}

/// A definition of about 400 bytes.
fn tool(name: &str) -> serde_json::Value {
    json!({
        "name": name,
        "title": "Weather of one day",
        "description": "Returns the weather of one place on one day, as a short text for people.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "text": { "type": "string", "description": "The place, in any language" },
                "days": { "type": "integer", "minimum": 0, "maximum": 14 },
            },
            "required": ["text"],
        },
        "annotations": { "readOnlyHint": true, "openWorldHint": true },
    })
}

/// What of a request an answer needs.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: &'a str,
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    name: Option<&'a str>,
}

type Body = Either<Full<Bytes>, StreamBody<tokio_stream::Once<Result<Frame<Bytes>, Infallible>>>>;

async fn answer(
    answers: Arc<Answers>,
    request: Request<Incoming>,
) -> Result<Response<Body>, hyper::Error> {
    if request.method() != Method::POST {
        return Ok(status(StatusCode::METHOD_NOT_ALLOWED));
    }
    let body = request.into_body().collect().await?.to_bytes();
    let Ok(message) = serde_json::from_slice::<Message<'_>>(&body) else {
        return Ok(status(StatusCode::BAD_REQUEST));
    };
    let Some(id) = message.id else { return Ok(status(StatusCode::ACCEPTED)) };
    let name = message.params.and_then(|params| params.name);
    let result = match message.method {
        "initialize" => &answers.initialize,
        "tools/list" => &answers.list,
        "tools/call" => &answers.call,
        _ => &answers.empty,
    };
    let is_stream = name == Some(STREAM_TOOL);
    let mut response = if is_stream { stream(id, result) } else { whole(id, result) };
    if message.method == "initialize" {
        response.headers_mut().insert("mcp-session-id", HeaderValue::from_static(SESSION));
    }
    Ok(response)
}

fn whole(id: &RawValue, result: &[u8]) -> Response<Body> {
    let body = written(["", "}"], id, result);
    response("application/json", Either::Left(Full::new(body)))
}

/// One event, of a stream whose length is not known before.
fn stream(id: &RawValue, result: &[u8]) -> Response<Body> {
    let body = written(["event: message\ndata: ", "}\n\n"], id, result);
    let body = StreamBody::new(tokio_stream::once(Ok(Frame::data(body))));
    response("text/event-stream", Either::Right(body))
}

fn written(around: [&str; 2], id: &RawValue, result: &[u8]) -> Bytes {
    let [before, after] = around;
    let mut body = Vec::with_capacity(result.len() + 100);
    body.extend_from_slice(before.as_bytes());
    body.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    body.extend_from_slice(id.get().as_bytes());
    body.extend_from_slice(br#","result":"#);
    body.extend_from_slice(result);
    body.extend_from_slice(after.as_bytes());
    body.into()
}

fn response(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Either::Left(Full::default()));
    *response.status_mut() = status;
    response
}
