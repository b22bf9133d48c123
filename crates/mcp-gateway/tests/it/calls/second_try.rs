//! The answer to a call that was sent once more because its server had forgotten the session: it is the second
//! answer's head and body that the client gets, and nothing of the first one's.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::{Pieces, RawServer, Reply};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const CALL: &str =
    r#"{"jsonrpc":"2.0","id":1e3,"method":"tools/call","params":{"name":"raw_echo"}}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1e3,"result":{ "content":[],"n":9007199254740993 }}"#;

/// Refusals of the first try: content type, pieces of the body, status.
type Refusal = (&'static str, &'static [&'static str], u16);

const REFUSALS: [Refusal; 4] = [
    ("text/plain", &["no such session"], 404),
    ("text/plain", &[""], 404),
    (
        "application/json",
        &[r#"{"jsonrpc":"2.0","id":1e3,"error":{"code":-32001,"message":"no session"}}"#],
        404,
    ),
    ("text/html", &["no ", "session"], 400),
];

fn refuse((content_type, pieces, status): Refusal) -> Reply {
    let body = match pieces {
        [whole] => Pieces::Whole((*whole).into()),
        pieces => Pieces::Chunks(pieces.iter().map(|&piece| piece.into()).collect()),
    };
    let reply = Reply::of(content_type, body).with_status(status);
    reply.with_header("x-of-the-refusal", "1").with_header("cache-control", "max-age=60")
}

fn answers() -> [(&'static str, &'static str, String); 2] {
    let stream = format!(": hello\n\nevent: message\ndata: {ANSWER}\n\n");
    [
        ("application/json; charset=utf-8", "JSON", ANSWER.to_owned()),
        ("text/event-stream", "events", stream),
    ]
}

#[tokio::test]
async fn second_answer_is_all_that_the_client_gets() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let client = edge.connect().await;
        for refusal in REFUSALS {
            for (content_type, form, body) in answers() {
                let case = format!("{refusal:?}, then {form} at {front:?}");
                let (tries, sent) = (AtomicU32::new(0), body.clone());
                server.on("tools/call", move |_| match tries.fetch_add(1, Ordering::SeqCst) {
                    0 => refuse(refusal),
                    _ => {
                        Reply::whole(content_type, sent.clone()).with_header("x-of-the-answer", "1")
                    }
                });
                let answer = client.post(CALL).await;
                assert_eq!((answer.status, answer.complete), (200, true), "{case}: {answer:?}");
                assert_eq!(answer.text(), body, "{case}");
                assert_eq!(answer.header("content-type"), content_type, "{case}");
                assert_eq!(answer.header("x-of-the-answer"), "1", "{case}");
                assert_eq!(answer.header("x-of-the-refusal"), "", "{case}");
                assert_eq!(answer.header("cache-control"), "", "{case}");
            }
        }
    })
    .await;
}
