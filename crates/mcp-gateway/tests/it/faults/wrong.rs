//! Answers that are complete, and none.

use super::Expect::{Error, Passed, Refused};
use super::{Fault, TOOL, check_all};
use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::{Pieces, RawServer, Reply};

const JSON: &str = "application/json";
const STREAM: &str = "text/event-stream";
const TEXT: &str = "text/plain";

/// Bodies that no client could use, with status 200.
fn bodies() -> Vec<Fault> {
    let wrong = |what, reply| Fault::new(what, reply, Error);
    vec![
        wrong("a page for people", |_| Reply::whole("text/html", "<html>10.1.2.3</html>")),
        wrong("nothing", |_| Reply::whole(JSON, "")),
        wrong("nothing, in chunks", |_| Reply::of(JSON, Pieces::Chunks(Vec::new()))),
        wrong("garbage", |_| Reply::whole(JSON, "certainly!")),
        wrong("half of an answer", |id| of_id(JSON, r#"{"jsonrpc":"2.0","id":ID,"res"#, id)),
        wrong("another one's answer", |_| Reply::result(r#""nobody""#, "{}")),
        wrong("an id of another type", |id| Reply::result(&format!("\"{id}\""), "{}")),
        wrong("an error without id", |_| error("null", -32600)),
        wrong("a batch", |id| of_id(JSON, r#"[{"jsonrpc":"2.0","id":ID,"result":{}}]"#, id)),
        wrong("a notification", |_| Reply::whole(JSON, r#"{"jsonrpc":"2.0","method":"x"}"#)),
        wrong("result and error", |id| {
            of_id(JSON, r#"{"jsonrpc":"2.0","id":ID,"result":{},"error":{}}"#, id)
        }),
        Fault::new("a JSON-RPC error", |id| error(id, -32050), Passed(-32050)),
    ]
}

fn streams() -> Vec<Fault> {
    let wrong = |what, reply| Fault::new(what, reply, Error);
    vec![
        wrong("an empty stream", |_| Reply::whole(STREAM, "")),
        wrong("a stream of garbage", |_| Reply::whole(STREAM, "hello\n\nnonsense: 1\n\n")),
        wrong("a stream that ends early", |_| {
            Reply::of(STREAM, Pieces::Chunks(vec![": hello\n\n".into()]))
        }),
        wrong("a stream with another one's answer", |_| {
            Reply::whole(STREAM, "data: {\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}\n\n")
        }),
        wrong("a stream whose answer has no end", |id| {
            of_id(STREAM, "data: {\"jsonrpc\":\"2.0\",\"id\":ID,\"result\":{}}\n", id)
        }),
    ]
}

fn statuses() -> Vec<Fault> {
    let wrong = |what, reply| Fault::new(what, reply, Error);
    vec![
        wrong("202", |_| Reply::whole(JSON, "").with_status(202)),
        wrong("204", |_| Reply::of(JSON, Pieces::Chunks(Vec::new())).with_status(204)),
        wrong("a redirect", |_| {
            let reply = Reply::whole("text/html", "").with_status(307);
            reply.with_header("location", "http://10.1.2.3/mcp")
        }),
        wrong("422 with another one's error", |_| error("77", -32000).with_status(422)),
        wrong("429", |_| Reply::whole(TEXT, "").with_status(429)),
        wrong("500 with a text", |_| Reply::whole(TEXT, "at 10.1.2.3").with_status(500)),
        wrong("500 without a body", |_| Reply::whole(TEXT, "").with_status(500)),
        wrong("500 that says JSON", |_| Reply::whole(JSON, "{}").with_status(500)),
        wrong("502 with a page", |_| Reply::whole("text/html", "<html>").with_status(502)),
        Fault::new("500 with an answer", |id| error(id, -32050).with_status(500), Passed(-32050)),
        Fault::new("401", |_| challenge(401), Refused(401)),
        Fault::new("403", |_| challenge(403), Refused(403)),
    ]
}

/// A body in which the request's id stands where `ID` is.
fn of_id(content_type: &str, body: &str, id: &str) -> Reply {
    Reply::whole(content_type, body.replace("ID", id))
}

fn error(id: &str, code: i64) -> Reply {
    let error = format!(r#"{{"code":{code},"message":"of the server"}}"#);
    Reply::whole(JSON, format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
}

const CHALLENGE: &str = r#"Bearer error="insufficient_scope", scope="a b""#;

fn challenge(status: u16) -> Reply {
    let reply = Reply::whole(TEXT, "at 10.1.2.3").with_status(status);
    reply.with_header("www-authenticate", CHALLENGE)
}

#[tokio::test]
async fn invariant_10_wrong_answer_becomes_an_error_that_names_the_server() {
    at_each_front(|front| check_all(front, [bodies(), streams(), statuses()].concat())).await;
}

#[tokio::test]
async fn client_hears_what_a_server_asks_for() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        server.on("tools/call", |_| challenge(401));
        let edge = Edge::start(front, &[("odd", server.url())]).await;
        let answer = edge.connect().await.call("odd_echo", serde_json::json!({})).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, CHALLENGE));
    })
    .await;
}
