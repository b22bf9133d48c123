//! Answers that are complete, and none.

use super::Expect::{Error, Passed, Refused};
use super::{Fault, TOOL, check_all};
use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::{Pieces, RawServer, Reply};

fn faults() -> Vec<Fault> {
    let json = |what, reply, expect| Fault::new(what, reply, expect);
    vec![
        json("a page for people", |_| Reply::whole("text/html", "<html>10.1.2.3</html>"), Error),
        json("an error page", |_| Reply::whole("text/html", "<html>").with_status(502), Error),
        json(
            "500 with a text",
            |_| Reply::whole("text/plain", "at 10.1.2.3").with_status(500),
            Error,
        ),
        json("500 without a body", |_| Reply::whole("text/plain", "").with_status(500), Error),
        json(
            "500 that says JSON",
            |_| Reply::whole("application/json", "{}").with_status(500),
            Error,
        ),
        json("500 with an answer", |id| error(id, -32050).with_status(500), Passed(-32050)),
        json("400 with another one's answer", |_| error("77", -32000).with_status(422), Error),
        json("429", |_| Reply::whole("text/plain", "").with_status(429), Error),
        json("a JSON-RPC error", |id| error(id, -32050), Passed(-32050)),
        json("an error without id", |_| error("null", -32600), Error),
        json("an empty body", |_| Reply::whole("application/json", ""), Error),
        json(
            "an empty body in chunks",
            |_| Reply::of("application/json", Pieces::Chunks(vec![])),
            Error,
        ),
        json("202", |_| Reply::whole("application/json", "").with_status(202), Error),
        json(
            "204",
            |_| Reply::of("application/json", Pieces::Chunks(vec![])).with_status(204),
            Error,
        ),
        json("garbage", |_| Reply::whole("application/json", "certainly!"), Error),
        json(
            "half of an answer",
            |id| Reply::whole("application/json", format!(r#"{{"jsonrpc":"2.0","id":{id},"res"#)),
            Error,
        ),
        json("another one's answer", |_| Reply::result(r#""nobody""#, "{}"), Error),
        json("an id of another type", |id| Reply::result(&format!("\"{id}\""), "{}"), Error),
        json(
            "a batch",
            |id| {
                Reply::whole(
                    "application/json",
                    format!(r#"[{{"jsonrpc":"2.0","id":{id},"result":{{}}}}]"#),
                )
            },
            Error,
        ),
        json(
            "a notification",
            |_| Reply::whole("application/json", r#"{"jsonrpc":"2.0","method":"notifications/x"}"#),
            Error,
        ),
        json(
            "result and error",
            |id| {
                Reply::whole(
                    "application/json",
                    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}},"error":{{}}}}"#),
                )
            },
            Error,
        ),
        json("an empty stream", |_| Reply::whole("text/event-stream", ""), Error),
        json(
            "a stream of garbage",
            |_| Reply::whole("text/event-stream", "hello\n\nnonsense: 1\n\n"),
            Error,
        ),
        json(
            "a stream that ends early",
            |_| Reply::of("text/event-stream", Pieces::Chunks(vec![": hello\n\n".into()])),
            Error,
        ),
        json(
            "a stream with another one's answer",
            |_| {
                Reply::whole(
                    "text/event-stream",
                    "data: {\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{}}\n\n",
                )
            },
            Error,
        ),
        json(
            "a stream whose answer has no end",
            |id| {
                Reply::whole(
                    "text/event-stream",
                    format!("data: {{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n"),
                )
            },
            Error,
        ),
        json(
            "a redirect",
            |_| {
                Reply::whole("text/html", "")
                    .with_status(307)
                    .with_header("location", "http://10.1.2.3/mcp")
            },
            Error,
        ),
        json("401", |_| challenge(401), Refused(401)),
        json("403", |_| challenge(403), Refused(403)),
    ]
}

fn error(id: &str, code: i64) -> Reply {
    let error = format!(r#"{{"code":{code},"message":"of the server"}}"#);
    Reply::whole("application/json", format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
}

const CHALLENGE: &str = r#"Bearer error="insufficient_scope", scope="a b""#;

fn challenge(status: u16) -> Reply {
    Reply::whole("text/plain", "at 10.1.2.3")
        .with_status(status)
        .with_header("www-authenticate", CHALLENGE)
}

#[tokio::test]
async fn wrong_answer_becomes_an_error_that_names_the_server() {
    at_each_front(|front| check_all(front, faults())).await;
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
