//! SIGTERM: what is under way is finished, nothing new begins, and nothing is waited for without end.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::support::edge::{Edge, Front, at_each_front};
use crate::support::raw_server::{Pieces, RawServer, Reply};
use crate::support::wait::{PATIENCE, until};

const TOOL: &str = r#"{"name":"slow","inputSchema":{"type":"object"}}"#;

/// Lets the server answer bit by bit, as the test says.
fn slow(server: &RawServer) -> mpsc::Sender<Bytes> {
    let (say, said) = mpsc::channel(1);
    let said = Mutex::new(Some(said));
    server.on("tools/call", move |_| {
        let said = said.lock().unwrap().take().expect("one call");
        Reply::of("text/event-stream", Pieces::Live(said))
    });
    say
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"raw_slow"}}"#;

#[tokio::test]
async fn call_under_way_is_finished_and_streams_end() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let client = edge.connect().await;
        let mut listening = client.listen().await;
        let mut idle = TcpStream::connect(edge.address()).await.unwrap();
        let say = slow(&server);
        let (mut answer, ()) = tokio::join!(client.open(CALL), async {
            say.send(
                ": under way\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\n"
                    .into(),
            )
            .await
            .unwrap();
        });
        assert!(answer.event(PATIENCE).await.unwrap().contains("notifications/x"));

        edge.gateway().signal("TERM");
        until("it drains", PATIENCE, async || {
            let ready = edge.admin("/readyz").await;
            (ready.status == 503 && ready.text() == "draining\n").then_some(())
        })
        .await;
        assert_eq!(edge.admin("/status").await.json()["draining"], true, "{front:?}");
        assert_eq!(edge.admin("/healthz").await.status, 200, "{front:?}");
        assert_eq!(listening.event(PATIENCE).await, None, "{front:?}");
        assert!(listening.ended_well(), "{front:?}: the stream of changes is cut");
        if front == Front::Standalone {
            let refused = TcpStream::connect(edge.address()).await;
            assert!(refused.is_err(), "nothing new begins");
            tokio::io::AsyncReadExt::read_to_end(&mut idle, &mut Vec::new()).await.unwrap();
        }
        let result = json!({ "jsonrpc": "2.0", "id": 5, "result": { "content": [] } });
        say.send(format!("data: {result}\n\n").into()).await.unwrap();
        drop(say);
        assert_eq!(answer.event(PATIENCE).await, Some(result.to_string()), "{front:?}");
        assert_eq!(answer.event(PATIENCE).await, None, "{front:?}");
        assert!(answer.ended_well(), "{front:?}: the answer is cut");
        let ended = edge.finished(PATIENCE).await;
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{front:?}: {ended:?}");
        assert!(ended.stdout.contains("Stopped."), "{front:?}: {ended:?}");
    })
    .await;
}

/// The drain time, and what the rest of the end may take beyond it on a busy machine. Without the bound the call would
/// be waited for as long as a call may be silent: five minutes.
const DRAIN: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_secs(15);

#[tokio::test]
async fn call_that_never_ends_is_not_waited_for_longer_than_the_drain_time() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::with(front, &[("raw", server.url())], "limits: {drainTimeout: 1s}").await;
        let client = edge.connect().await;
        let say = slow(&server);
        let (mut answer, ()) = tokio::join!(client.open(CALL), async {
            say.send(": under way\n\n".into()).await.unwrap();
        });
        let began = Instant::now();
        let ended = edge.stop(PATIENCE).await;
        let took = began.elapsed();
        assert_eq!(ended.code, Some(0), "{front:?}: {ended:?}");
        assert!(took >= DRAIN && took < DRAIN + REST, "{front:?}: {took:?}");
        assert_eq!(answer.event(PATIENCE).await, None, "{front:?}");
        drop(say);
    })
    .await;
}
