//! Connections that a server closes in the middle of an answer.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::Expect::{Cut, Reset};
use super::{Fault, TOOL, check_all, names_the_server};
use crate::support::edge::{ENVOYS, Edge, at_each_front};
use crate::support::fault_server::{Fault as Wrong, FaultServer};
use crate::support::raw_server::{Pieces, RawServer, Reply};
use crate::support::record::Received;
use crate::support::wait::PATIENCE;

/// More than the gateway holds of an answer.
const LARGE: usize = 3 << 20;

fn faults() -> Vec<Fault> {
    let cut = |what, reply| Fault::new(what, reply, Cut);
    vec![
        cut("a JSON answer of announced length", |id| {
            half(id).with_header("content-length", "4096")
        }),
        cut("a JSON answer in chunks", half),
        cut("nothing but a head", |_| Reply::of("application/json", Pieces::Cut(Bytes::new()))),
        cut("a stream between two events", |_| {
            Reply::of("text/event-stream", Pieces::Cut(": hello\n\n".into()))
        }),
        cut("a stream inside an event", |id| {
            let start = format!(": hello\n\ndata: {{\"jsonrpc\":\"2.0\",\"id\":{id},");
            Reply::of("text/event-stream", Pieces::Cut(start.into()))
        }),
        // Most of it is with the client already, so nothing can be put in its place.
        Fault::new(
            "a large JSON answer",
            |id| Reply::of("application/json", Pieces::Cut(start(id, LARGE))),
            Reset,
        ),
    ]
}

fn half(id: &str) -> Reply {
    let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"resu"#);
    Reply::of("application/json", Pieces::Cut(start.into()))
}

#[tokio::test]
async fn answer_that_breaks_off_never_looks_whole() {
    at_each_front(|front| check_all(front, faults())).await;
}

/// The second try of a call is read by the gateway itself, also behind Envoy.
#[tokio::test]
async fn second_try_that_breaks_off_never_looks_whole() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("odd", server.url())]).await;
        let mut client = edge.connect().await;
        for (what, size) in [("small", 10), ("large", LARGE)] {
            let tries = AtomicU32::new(0);
            server.on("tools/call", move |asked| match tries.fetch_add(1, Ordering::SeqCst) {
                0 => Reply::whole("text/plain", "no such session").with_status(404),
                _ => Reply::of("application/json", Pieces::Cut(start(&asked.id, size))),
            });
            let answer = client.call("odd_echo", json!({})).await;
            // A connection that breaks takes along what was not read yet: then the large one was still held, too.
            if answer.complete {
                names_the_server(what, &answer, &client.id(), 200);
            } else {
                assert_eq!(size, LARGE, "{what} at {front:?}: {} bytes", answer.body.len());
            }
        }
    })
    .await;
}

/// Envoy answers in the place of a gateway that is no more, and still knows whose call it was.
#[tokio::test]
async fn call_outlives_its_gateway() {
    for front in ENVOYS {
        let server = FaultServer::start().await;
        server.fault("tools/call", Wrong::Silence);
        let edge = Edge::start(front, &[("odd", server.url())]).await;
        let client = edge.connect().await;
        let call = r#"{"jsonrpc":"2.0","id":"\u00fc %3$s","method":"tools/call","params":{"name":"odd_echo"}}"#;
        let (answer, _envoy) = tokio::join!(client.post(call), async {
            let is_call = |received: &Received| received.rpc_method() == "tools/call";
            server.record().wait_for("the call", PATIENCE, is_call).await;
            edge.without_gateway()
        });
        names_the_server("no gateway", &answer, &json!("ü %3$s"), 200);
        assert!(answer.text().contains(r#""id":"\u00fc %3$s""#), "{}", answer.text());
    }
}

fn start(id: &str, size: usize) -> Bytes {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"t":"{}"#, "x".repeat(size)).into()
}
