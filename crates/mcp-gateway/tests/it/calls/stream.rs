//! Answers that come bit by bit: what a server says before its answer is with the client before the answer is there.

use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Mutex;
use tokio::sync::mpsc;

use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::{Pieces, RawServer, Reply};
use crate::support::wait::PATIENCE;

const TOOL: &str = r#"{"name":"slow","inputSchema":{"type":"object"}}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_slow","_meta":{"progressToken":"p"}}}"#;

#[tokio::test]
async fn progress_reaches_the_client_before_the_answer_is_made() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let client = edge.connect().await;
        let (say, said) = mpsc::channel::<Bytes>(1);
        let said = Mutex::new(Some(said));
        server.on("tools/call", move |_| {
            let said = said.lock().unwrap().take().expect("one call");
            Reply::of("text/event-stream", Pieces::Live(said))
        });
        let (opened, ()) = tokio::join!(client.open(CALL), async {
            say.send(event(&progress(0))).await.unwrap();
        });
        let mut stream = opened;
        assert_eq!(stream.status, 200, "{front:?}");
        for step in 0..5 {
            // The next is not sent before this one has arrived.
            let data: Value = serde_json::from_str(&stream.event(PATIENCE).await.unwrap()).unwrap();
            assert_eq!(data, progress(step), "{front:?}");
            say.send(event(&progress(step + 1))).await.unwrap();
        }
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": { "content": [] } });
        say.send(event(&answer)).await.unwrap();
        assert_eq!(stream.event(PATIENCE).await, Some(progress(5).to_string()));
        assert_eq!(stream.event(PATIENCE).await, Some(answer.to_string()));
        drop(say);
        assert_eq!(stream.event(PATIENCE).await, None, "{front:?}");
    })
    .await;
}

fn progress(step: u32) -> Value {
    json!({
        "jsonrpc": "2.0",
        "method": "notifications/progress",
        "params": { "progressToken": "p", "progress": step },
    })
}

fn event(message: &Value) -> Bytes {
    format!("event: message\ndata: {message}\n\n").into()
}
