//! The accept loop: what a connection may cost, and how a listener ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::get;
use mcp_gateway_dataplane::http::server::{Drained, ServerOptions, run};
use mcp_gateway_telemetry::{Metrics, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Far above what anything here takes, so that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Short enough to wait for, long enough to send a request in on a busy machine.
const HEAD_TIMEOUT: Duration = Duration::from_millis(500);

struct Listener {
    address: SocketAddr,
    /// Lets one request to `/slow` go on.
    gate: Arc<Semaphore>,
    /// Has a permit for each request that has reached `/slow`, and for each answer of `/endless` that was given up.
    arrived: Arc<Semaphore>,
    shutdown: CancellationToken,
    served: JoinHandle<Drained>,
    metrics: Metrics,
}

/// Tells when it is dropped.
struct AtEnd(Arc<Semaphore>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

fn options(metrics: &Metrics) -> ServerOptions {
    ServerOptions::new("test", 100, metrics.clone())
}

async fn start(adjust: impl FnOnce(&mut ServerOptions)) -> Listener {
    let (gate, arrived) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let slow = {
        let (gate, arrived) = (Arc::clone(&gate), Arc::clone(&arrived));
        move || async move {
            arrived.add_permits(1);
            gate.acquire().await.unwrap().forget();
            "slow"
        }
    };
    let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
    let endless = {
        let arrived = Arc::clone(&arrived);
        move || async move {
            let guard = AtEnd(arrived);
            Body::from_stream(futures_util::stream::repeat_with(move || {
                let AtEnd(_) = &guard;
                Ok::<_, std::io::Error>(vec![b'x'; 100_000])
            }))
        }
    };
    let app = Router::new()
        .route("/who", get(who))
        .route("/slow", get(slow))
        .route("/endless", get(endless));
    let metrics = Metrics::new(Status::off());
    let mut options = options(&metrics);
    adjust(&mut options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let served = tokio::spawn(run(listener, app, options, shutdown.clone()));
    Listener { address, gate, arrived, shutdown, served, metrics }
}

async fn connect(listener: &Listener) -> TcpStream {
    TcpStream::connect(listener.address).await.unwrap()
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn get_path(stream: &mut TcpStream, path: &str) {
    send(stream, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
}

/// Reads one response with a content length: its status line and its body.
async fn response(stream: &mut TcpStream) -> (String, String) {
    let mut text = String::new();
    let read = async {
        loop {
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length: usize = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .map_or(0, |length| length.parse().unwrap());
                if body.len() >= length {
                    return (text.lines().next().unwrap().to_owned(), body.to_owned());
                }
            }
            let mut chunk = [0; 4_096];
            let count = stream.read(&mut chunk).await.unwrap();
            assert!(count > 0, "the connection ended after {text:?}");
            text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("a response in time")
}

/// Waits until the server has closed the connection; returns what it sent before.
async fn closed(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut text)).await;
    // A reset is a close, too: it is what a peer gets whose last bytes were not read.
    drop(read.expect("a close in time"));
    String::from_utf8(text).unwrap()
}

/// Whether a new connection gets an answer to its request.
async fn answers(listener: &Listener) -> bool {
    let mut client = connect(listener).await;
    let request = b"GET /who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.is_ok() && closed(&mut client).await.contains(" 200 OK")
}

async fn drained(listener: Listener) -> Drained {
    tokio::time::timeout(PATIENCE, listener.served).await.expect("an end in time").unwrap()
}

#[tokio::test]
async fn connections_are_kept_and_requests_know_their_peer() {
    let listener = start(|_| {}).await;
    let mut client = connect(&listener).await;
    for _ in 0..2 {
        get_path(&mut client, "/who").await;
        let expect = client.local_addr().unwrap().to_string();
        assert_eq!(response(&mut client).await, ("HTTP/1.1 200 OK".to_owned(), expect));
    }
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_ended() {
    let listener = start(|options| options.head_timeout = HEAD_TIMEOUT).await;
    let never = async {
        closed(&mut connect(&listener).await).await;
    };
    let partly = async {
        let mut client = connect(&listener).await;
        send(&mut client, "GET /who HTTP/1.1\r\nhost: x\r\n").await;
        closed(&mut client).await;
    };
    let idle = async {
        let mut client = connect(&listener).await;
        get_path(&mut client, "/who").await;
        response(&mut client).await;
        closed(&mut client).await;
    };
    tokio::join!(never, partly, idle);
}

#[tokio::test]
async fn slow_answers_are_not_slow_heads() {
    let listener = start(|options| options.head_timeout = HEAD_TIMEOUT).await;
    let mut client = connect(&listener).await;
    get_path(&mut client, "/slow").await;
    // A second connection that is ended for its slow head shows that the time is over.
    closed(&mut connect(&listener).await).await;
    listener.gate.add_permits(1);
    assert_eq!(response(&mut client).await.1, "slow");
}

#[tokio::test]
async fn heads_have_a_size() {
    let listener = start(|options| options.head_bytes_max = 10_000).await;
    for (bytes, expect) in [(9_000, "HTTP/1.1 200 OK"), (11_000, "HTTP/1.1 431 ")] {
        let mut client = connect(&listener).await;
        let filler = "a".repeat(bytes);
        send(&mut client, &format!("GET /who HTTP/1.1\r\nhost: x\r\nx: {filler}\r\n\r\n")).await;
        let (status, _) = response(&mut client).await;
        assert!(status.starts_with(expect), "{bytes}: {status}");
    }
}

#[tokio::test]
async fn connections_beyond_the_cap_are_turned_away_until_one_ends() {
    let listener = start(|options| options.connections_max = 1).await;
    let mut first = connect(&listener).await;
    get_path(&mut first, "/who").await;
    response(&mut first).await;
    let mut second = connect(&listener).await;
    assert!(closed(&mut second).await.starts_with("HTTP/1.1 503 "));
    let counted = listener.metrics.encode();
    assert!(counted.contains("limit=\"connections_max\"} 1"), "{counted}");
    drop(first);
    let served = async {
        // A connection that is turned away may be reset while its request is on the way.
        while !answers(&listener).await {}
    };
    tokio::time::timeout(PATIENCE, served).await.expect("a free slot in time");
}

#[tokio::test]
async fn open_requests_finish_and_idle_connections_close_when_the_listener_stops() {
    let listener = start(|_| {}).await;
    let (mut idle, mut busy) = (connect(&listener).await, connect(&listener).await);
    get_path(&mut idle, "/who").await;
    response(&mut idle).await;
    get_path(&mut busy, "/slow").await;
    listener.arrived.acquire().await.unwrap().forget();
    listener.shutdown.cancel();
    assert_eq!(closed(&mut idle).await, "");
    listener.gate.add_permits(1);
    assert_eq!(response(&mut busy).await.1, "slow");
    assert_eq!(closed(&mut busy).await, "");
    let address = listener.address;
    assert_eq!(drained(listener).await, Drained { aborted: 0 });
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn requests_that_do_not_finish_are_cut_at_the_deadline() {
    let listener = start(|options| options.drain_timeout = Duration::from_millis(50)).await;
    let mut stuck = connect(&listener).await;
    get_path(&mut stuck, "/slow").await;
    listener.arrived.acquire().await.unwrap().forget();
    listener.shutdown.cancel();
    assert_eq!(drained(listener).await, Drained { aborted: 1 });
    assert_eq!(closed(&mut stuck).await, "");
}

#[tokio::test]
async fn client_that_does_not_read_is_cut() {
    let listener = start(|options| options.write_timeout = Duration::from_millis(200)).await;
    let mut stuck = connect(&listener).await;
    get_path(&mut stuck, "/endless").await;
    let given_up = listener.arrived.acquire();
    tokio::time::timeout(PATIENCE, given_up)
        .await
        .expect("the answer is given up")
        .unwrap()
        .forget();
}
