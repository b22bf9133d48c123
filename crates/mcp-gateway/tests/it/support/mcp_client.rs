//! An MCP client of the session-based revisions that sends what it is told, and nothing else.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use super::http::{Answer, Stream, open, send};

/// A client, with a session once it has initialised one.
pub struct McpClient {
    address: SocketAddr,
    headers: Vec<(String, String)>,
    /// The session id that it was given.
    pub session: Option<String>,
    ids: i64,
}

impl McpClient {
    /// Makes a client of the endpoint `/mcp` at an address.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new(), session: None, ids: 0 }
    }

    /// Makes a client with a session of the revision `version`.
    pub async fn connect(address: SocketAddr, version: &str) -> Self {
        let mut client = Self::new(address);
        let answer = client.initialize(version).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        client
    }

    /// Sends a header with each request from now on, in place of one of the same name.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.set_header(name, Some(value));
        self
    }

    /// Sets or removes a header of the requests from now on.
    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(set, _)| set != name);
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// Opens a session: `initialize`, then `notifications/initialized`. Returns the first answer.
    pub async fn initialize(&mut self, version: &str) -> Answer {
        let params = json!({
            "protocolVersion": version,
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = self.request("initialize", params).await;
        self.session =
            answer.headers.get("mcp-session-id").map(|id| id.to_str().unwrap().to_owned());
        let messages = if answer.status == 200 { answer.messages() } else { Vec::new() };
        let result = messages.iter().find_map(|message| message.get("result"));
        if let Some(agreed) = result.and_then(|result| result["protocolVersion"].as_str()) {
            self.set_header("mcp-protocol-version", Some(agreed));
            let accepted =
                self.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
            assert_eq!(accepted.status, 202, "{accepted:?}");
        }
        answer
    }

    /// Calls a tool. Returns the answer with [`McpClient::id`] as the request's id.
    pub async fn call(&mut self, tool: &str, arguments: Value) -> Answer {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// Sends a request with an id of its own.
    pub async fn request(&mut self, method: &str, params: Value) -> Answer {
        self.ids += 1;
        let body = json!({ "jsonrpc": "2.0", "id": self.ids, "method": method, "params": params });
        self.post(body.to_string()).await
    }

    /// Returns the id of the latest request.
    pub fn id(&self) -> Value {
        json!(self.ids)
    }

    /// Sends a body as it is.
    pub async fn post(&self, body: impl Into<Bytes>) -> Answer {
        send(self.address, self.message(body)).await
    }

    /// Sends a body as it is and returns as soon as the answer has begun.
    pub async fn open(&self, body: impl Into<Bytes>) -> Stream {
        open(self.address, self.message(body)).await
    }

    /// Opens the stream on which the server sends of its own accord.
    pub async fn listen(&self) -> Stream {
        let request = self.builder("GET").header("accept", "text/event-stream");
        open(self.address, request.body(Full::default()).unwrap()).await
    }

    /// Ends the session.
    pub async fn delete(&self) -> Answer {
        send(self.address, self.builder("DELETE").body(Full::default()).unwrap()).await
    }

    /// Returns a request with a body, for who wants to change it before sending.
    pub fn message(&self, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        self.builder("POST")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Full::new(body.into()))
            .unwrap()
    }

    fn builder(&self, method: &str) -> http::request::Builder {
        let mut builder = Request::builder().method(method).uri("/mcp");
        for (name, value) in &self.headers {
            builder = builder.header(name, value);
        }
        match &self.session {
            Some(session) => builder.header("mcp-session-id", session),
            None => builder,
        }
    }
}
