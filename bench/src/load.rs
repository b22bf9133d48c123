//! The client: keep-alive connections that each send one request after another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures_util::future::try_join_all;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::setup::Setup;
use crate::workload::{Template, result};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const REVISION: HeaderValue = HeaderValue::from_static("2025-11-25");

/// An MCP session, as the headers of its requests.
#[derive(Clone)]
pub(crate) struct Session(HeaderMap);

/// One connection of one session.
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    headers: HeaderMap,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Connection {
    /// Connects; requests carry `headers`.
    async fn open(address: SocketAddr, mut headers: HeaderMap) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        // A connection that breaks is noticed by its next request.
        tokio::spawn(connection);
        headers.insert(HOST, HeaderValue::try_from(address.to_string())?);
        Ok(Self { sender, headers })
    }

    /// Opens connections, each with a session of its own, and sends `warm_up` requests on each.
    pub(crate) async fn open_warm(
        setup: &Setup,
        connections: u16,
        request: &Template,
        warm_up: u32,
    ) -> anyhow::Result<Vec<Self>> {
        let sessions = setup.sessions.iter().take(usize::from(connections));
        let opening = sessions.map(|session| Self::open(setup.address, session.0.clone()));
        let mut connections = try_join_all(opening).await?;
        run(&mut connections, request, warm_up).await?;
        Ok(connections)
    }

    async fn send(&mut self, method: Method, path: Uri, body: Bytes) -> anyhow::Result<Answer> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path;
        request.headers_mut().clone_from(&self.headers);
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    async fn post(&mut self, body: Bytes) -> anyhow::Result<Answer> {
        let answer = self.send(Method::POST, Uri::from_static("/mcp"), body).await?;
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status.is_success(), "{}: {}", answer.status, text());
        Ok(answer)
    }

    /// Sends requests one after another; returns how long each took.
    async fn requests(&mut self, request: &Template, count: u32) -> anyhow::Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        for _ in 0..count {
            let id = Template::next_id();
            let (body, started) = (request.body(id), Instant::now());
            let answer = self.post(body).await?;
            latencies.push(started.elapsed());
            request.check(id, &answer.body)?;
        }
        Ok(latencies)
    }
}

/// Sends `each` requests on each connection, all at the same time; returns how long each request took.
pub(crate) async fn run(
    connections: &mut [Connection],
    request: &Template,
    each: u32,
) -> anyhow::Result<Vec<Duration>> {
    let running = connections.iter_mut().map(|connection| connection.requests(request, each));
    Ok(try_join_all(running).await?.into_iter().flatten().collect())
}

impl Session {
    /// Opens a session as every MCP client does.
    pub(crate) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        let mut connection = Connection::open(address, headers).await?;
        let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
        let answer = connection.post(Bytes::from_static(initialize.as_bytes())).await?;
        result(&answer.body)?;
        let session = answer.headers.get(SESSION).context("no session was issued")?;
        connection.headers.insert(SESSION, session.clone());
        connection.headers.insert(VERSION, REVISION);
        let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        connection.post(Bytes::from_static(initialized.as_bytes())).await?;
        Ok(Self(connection.headers))
    }
}

/// Sends one GET on a connection of its own.
pub(crate) async fn get(address: SocketAddr, path: &'static str) -> anyhow::Result<Answer> {
    let mut connection = Connection::open(address, HeaderMap::new()).await?;
    connection.send(Method::GET, Uri::from_static(path), Bytes::new()).await
}
