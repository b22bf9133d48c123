//! An HTTP client that hides nothing: each request on a connection of its own, each answer as it came.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::wait::PATIENCE;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    /// The body as far as it came.
    pub body: Bytes,
    /// Whether the body came to its end, rather than being cut.
    pub complete: bool,
}

impl Answer {
    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns a header's value; empty when it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Returns the body as JSON. Panics when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Returns every message of the body, be it one JSON value or an event stream.
    pub fn messages(&self) -> Vec<Value> {
        if !self.header(CONTENT_TYPE.as_str()).starts_with("text/event-stream") {
            return vec![self.json()];
        }
        let mut events = Events::default();
        events.buffer.extend_from_slice(&self.body);
        let mut messages = Vec::new();
        while let Some(data) = events.next() {
            messages.push(
                serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error} in {data}")),
            );
        }
        messages
    }

    /// Returns the response with this id. Panics when there is not exactly one.
    pub fn response(&self, id: &Value) -> Value {
        let mut found = self.messages();
        found.retain(|message| message.get("method").is_none() && message.get("id") == Some(id));
        assert_eq!(found.len(), 1, "one response with id {id} in {self:?}");
        found.remove(0)
    }
}

/// Sends a request and reads the answer to its end. Panics when there is none within [`PATIENCE`].
pub async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
    let what = format!("{} {}", request.method(), request.uri());
    let answer = timeout(PATIENCE, try_send(address, request)).await;
    answer
        .unwrap_or_else(|_| panic!("{what}: no answer"))
        .unwrap_or_else(|error| panic!("{what}: {error}"))
}

/// Sends a request and reads the answer to its end; the error says why there is none.
pub async fn try_send(
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> Result<Answer, String> {
    let (parts, mut body) = begin(address, request).await?.into_parts();
    let mut bytes = BytesMut::new();
    let mut complete = true;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
            Err(_) => complete = false,
        }
    }
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: bytes.freeze(),
        complete,
    })
}

/// Sends a request and returns as soon as the answer has begun.
pub async fn open(address: SocketAddr, request: Request<Full<Bytes>>) -> Stream {
    let what = format!("{} {}", request.method(), request.uri());
    let answer = timeout(PATIENCE, begin(address, request)).await;
    let response = answer
        .unwrap_or_else(|_| panic!("{what}: no answer"))
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let (parts, body) = response.into_parts();
    Stream {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body,
        events: Events::default(),
        ending: None,
    }
}

async fn begin(
    address: SocketAddr,
    mut request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, String> {
    if !request.headers().contains_key(HOST) {
        request.headers_mut().insert(HOST, address.to_string().parse().unwrap());
    }
    let stream = TcpStream::connect(address)
        .await
        .map_err(|error| format!("connect to {address}: {error}"))?;
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

/// An answer that is still coming.
pub struct Stream {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: HeaderMap,
    body: Incoming,
    events: Events,
    ending: Option<Ending>,
}

/// How a body came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// As its framing says.
    Complete,
    /// Cut.
    Cut,
}

impl Stream {
    /// Says whether the stream came to its proper end, rather than being cut.
    pub fn ended_well(&self) -> bool {
        self.ending == Some(Ending::Complete)
    }

    /// Returns the data of the next event that has any; `None` when the stream has ended. Panics after `within`.
    pub async fn event(&mut self, within: Duration) -> Option<String> {
        timeout(within, async {
            loop {
                if let Some(data) = self.events.next() {
                    return Some(data);
                }
                self.ending = match self.body.frame().await {
                    Some(Ok(frame)) => {
                        let data = frame.data_ref().map_or(&[][..], |data| data);
                        self.events.buffer.extend_from_slice(data);
                        continue;
                    }
                    Some(Err(_)) => Some(Ending::Cut),
                    None => Some(Ending::Complete),
                };
                return None;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("no event within {within:?}"))
    }
}

/// The events of a stream whose lines end with a line feed, with or without a carriage return.
#[derive(Default)]
struct Events {
    buffer: BytesMut,
}

impl Events {
    /// Takes the data of the next event that has any.
    fn next(&mut self) -> Option<String> {
        loop {
            let text = String::from_utf8_lossy(&self.buffer).replace('\r', "");
            let (event, rest) = text.split_once("\n\n")?;
            let data: Vec<&str> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data:"))
                .map(|data| data.strip_prefix(' ').unwrap_or(data))
                .collect();
            self.buffer = BytesMut::from(rest);
            let data = data.join("\n");
            if !data.is_empty() {
                return Some(data);
            }
        }
    }
}

/// Sends exactly these bytes and returns exactly the bytes that came back until the peer closed or fell silent.
pub async fn exchange(address: SocketAddr, bytes: &[u8], silence: Duration) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut back = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(Ok(count @ 1..)) = timeout(silence, stream.read(&mut chunk)).await {
        back.extend_from_slice(&chunk[..count]);
    }
    back
}
