//! Event streams: what goes out on which of them, and when they end.

use std::time::Duration;

use axum::body::Body;
use http::Method;
use http_body_util::BodyExt;
use mcp_gateway_dataplane::broker::{KEEP_ALIVE_INTERVAL, STREAMS_PER_SESSION_MAX};
use mcp_gateway_dataplane::session::GatewaySession;

use mcp_gateway_dataplane::http::server::{Drained, ServerOptions, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Fixture, SESSION_TTL, STREAMS_MAX, fixture, request, session_header};

const COMMENT: &str = ":\n\n";
const LIST_CHANGED: &str = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n";
/// Far above what anything here takes, so that only a hang reaches it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens a stream and reads the comment it begins with.
async fn open(fixture: &Fixture, session: &GatewaySession, headers: &[&str]) -> Body {
    let mut body = begin(fixture, session, headers).await;
    assert_eq!(next(&mut body).await.as_deref(), Some(COMMENT));
    body
}

async fn begin(fixture: &Fixture, session: &GatewaySession, headers: &[&str]) -> Body {
    let session = session_header(session);
    let headers: Vec<&str> =
        headers.iter().copied().chain(["accept: text/event-stream", session.as_str()]).collect();
    let response = fixture.send(request(Method::GET, &headers, "")).await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

/// The next piece; `None` when the stream has ended cleanly.
async fn next(body: &mut Body) -> Option<String> {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("a piece in time")?;
    let data = frame.unwrap().into_data().unwrap();
    Some(String::from_utf8(data.to_vec()).unwrap())
}

#[tokio::test(start_paused = true)]
async fn comments_keep_an_idle_stream_alive() {
    let fixture = fixture();
    let mut body = open(&fixture, &fixture.session(), &[]).await;
    for _ in 0..3 {
        let start = tokio::time::Instant::now();
        assert_eq!(next(&mut body).await.as_deref(), Some(COMMENT));
        assert_eq!(start.elapsed(), KEEP_ALIVE_INTERVAL);
    }
}

#[tokio::test]
async fn changed_list_is_told_once_on_the_newest_stream() {
    let fixture = fixture();
    let (mine, other) = (fixture.session(), fixture.session());
    let mut older = open(&fixture, &mine, &[]).await;
    let mut newer = open(&fixture, &mine, &[]).await;
    let mut others = open(&fixture, &other, &[]).await;
    fixture.publish(&["today"]);
    assert_eq!(next(&mut newer).await.as_deref(), Some(LIST_CHANGED));
    assert_eq!(next(&mut others).await.as_deref(), Some(LIST_CHANGED));
    drop(newer);
    fixture.publish(&["today", "tomorrow"]);
    // Had the older stream told of the first change as well, that would come first and the second one after it.
    assert_eq!(next(&mut older).await.as_deref(), Some(LIST_CHANGED));
    fixture.shutdown.cancel();
    assert_eq!(next(&mut older).await, None);
}

#[tokio::test]
async fn unchanged_list_is_not_told() {
    let fixture = fixture();
    fixture.publish(&["today"]);
    let mut body = open(&fixture, &fixture.session(), &[]).await;
    fixture.publish(&["today"]);
    fixture.shutdown.cancel();
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn change_that_a_client_cannot_see_is_not_told() {
    let fixture = fixture();
    let session = fixture.session();
    let mut body = open(&fixture, &session, &["x-mcp-visible: virtual:today"]).await;
    fixture.publish(&["tomorrow"]);
    tokio::select! {
        biased;
        piece = body.frame() => panic!("nothing is new: {piece:?}"),
        () = tokio::task::yield_now() => {}
    }
    fixture.publish(&["tomorrow", "today"]);
    assert_eq!(next(&mut body).await.as_deref(), Some(LIST_CHANGED));
}

#[tokio::test]
async fn older_stream_tells_what_the_newest_could_not() {
    let fixture = fixture();
    let session = fixture.session();
    let mut older = open(&fixture, &session, &[]).await;
    let newer = open(&fixture, &session, &[]).await;
    fixture.publish(&["today"]);
    drop(newer);
    assert_eq!(next(&mut older).await.as_deref(), Some(LIST_CHANGED));
}

#[tokio::test]
async fn stream_ends_with_its_session() {
    let fixture = fixture();
    let (mine, other) = (fixture.session(), fixture.session());
    let mut body = open(&fixture, &mine, &[]).await;
    let mut others = open(&fixture, &other, &[]).await;
    let header = session_header(&mine);
    fixture.answer(request(Method::DELETE, &[header.as_str()], "")).await;
    assert_eq!(next(&mut body).await, None);
    fixture.publish(&["today"]);
    assert_eq!(next(&mut others).await.as_deref(), Some(LIST_CHANGED));
}

#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_session_expires() {
    let fixture = fixture();
    let mut body = begin(&fixture, &fixture.session(), &[]).await;
    let start = tokio::time::Instant::now();
    while next(&mut body).await.is_some() {}
    assert_eq!(start.elapsed(), SESSION_TTL);
}

#[tokio::test(start_paused = true)]
async fn stream_ends_when_its_session_was_ended_elsewhere() {
    let fixture = fixture();
    let session = fixture.session();
    let mut body = open(&fixture, &session, &[]).await;
    fixture.tokens.end(&session.facts).await.unwrap();
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn streams_end_when_the_gateway_stops() {
    let fixture = fixture();
    let mut body = open(&fixture, &fixture.session(), &[]).await;
    fixture.shutdown.cancel();
    assert_eq!(next(&mut body).await, None);
}

#[tokio::test]
async fn streams_of_a_session_are_bounded_by_ending_the_oldest() {
    let fixture = fixture();
    let session = fixture.session();
    let mut oldest = open(&fixture, &session, &[]).await;
    let mut others = Vec::new();
    for _ in 0..STREAMS_PER_SESSION_MAX {
        others.push(open(&fixture, &session, &[]).await);
    }
    assert_eq!(next(&mut oldest).await, None);
}

#[tokio::test]
async fn streams_are_bounded_in_total() {
    let fixture = fixture();
    let mut bodies = Vec::new();
    for _ in 0..STREAMS_MAX {
        bodies.push(open(&fixture, &fixture.session(), &[]).await);
    }
    assert_eq!(fixture.broker.streams_open(), STREAMS_MAX);
    let session = session_header(&fixture.session());
    let headers = ["accept: text/event-stream", session.as_str()];
    let answer = fixture.answer(request(Method::GET, &headers, "")).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"]["code"], -32603);
    assert_eq!(answer.header("retry-after"), Some("5"));
    let counted = fixture.metrics.encode();
    assert!(counted.contains("limit=\"streams_max\"} 1"), "{counted}");
    bodies.pop();
    bodies.push(open(&fixture, &fixture.session(), &[]).await);
}

/// Waits until so many streams are open.
async fn streams_open(fixture: &Fixture, count: usize) {
    let wait = async {
        while fixture.broker.streams_open() != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("the streams in time");
    let gauge = format!("mcp_gateway_streams_open {count}\n");
    assert!(fixture.metrics.encode().contains(&gauge), "{gauge}");
}

/// Opens a stream over a socket and reads its beginning.
async fn connect(fixture: &Fixture, listener: &TcpListener) -> TcpStream {
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let session = session_header(&fixture.session());
    let request = format!(
        "GET /mcp HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n{session}\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    client
}

async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let read = async {
        while !text.ends_with(end) {
            let mut chunk = [0; 1_024];
            let count = client.read(&mut chunk).await.unwrap();
            assert!(count > 0, "the connection ended after {text:?}");
            text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, read).await.expect("the text in time");
    text
}

#[tokio::test]
async fn stream_over_a_socket_is_given_up_by_its_client_or_ended_by_the_gateway() {
    let fixture = fixture();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut leaving = connect(&fixture, &listener).await;
    let mut staying = connect(&fixture, &listener).await;
    let options = ServerOptions::new("client", 10, fixture.metrics.clone());
    let served =
        tokio::spawn(run(listener, fixture.broker.app(), options, fixture.shutdown.clone()));
    for client in [&mut leaving, &mut staying] {
        let head = read_until(client, "\r\n:\n\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    }
    streams_open(&fixture, 2).await;
    drop(leaving);
    streams_open(&fixture, 1).await;
    fixture.shutdown.cancel();
    // The last chunk: the stream has ended, it was not cut.
    read_until(&mut staying, "0\r\n\r\n").await;
    let drained = tokio::time::timeout(PATIENCE, served).await.expect("an end in time").unwrap();
    assert_eq!(drained, Drained { aborted: 0 });
    streams_open(&fixture, 0).await;
}
