//! Servers that say nothing, or nothing more.

use serde_json::json;

use super::Expect::{Cut, Reset};
use super::{Fault, LIMITS, check_all, names_the_server};
use crate::support::edge::{Edge, at_each_front};
use crate::support::fault_server::{Fault as Wrong, FaultServer};
use crate::support::raw_server::{Pieces, Reply};

#[tokio::test]
async fn server_that_never_answers_is_given_up() {
    at_each_front(async |front| {
        let server = FaultServer::start().await;
        let edge = Edge::with(front, &[("odd", server.url())], LIMITS).await;
        let mut client = edge.connect().await;
        server.fault("tools/call", Wrong::Silence);
        let answer = client.call("odd_echo", json!({})).await;
        names_the_server("silence", &answer, &client.id(), 200);
        let called = server.record().of_method("tools/call").len();
        assert_eq!(called, 1, "a call that may have been executed is not sent again");
        server.heal();
        let answer = client.call("odd_echo", json!({ "text": "well" })).await;
        assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn answer_that_does_not_go_on_is_given_up() {
    at_each_front(|front| check_all(front, faults())).await;
}

fn faults() -> Vec<Fault> {
    vec![
        Fault::new("a head", |_| stuck("application/json", ""), Cut),
        Fault::new("half an answer", |_| stuck("application/json", "{\"jso"), Cut),
        Fault::new("one event", |_| stuck("text/event-stream", ": hello\n\n"), Cut),
        Fault::new("a large answer", |_| stuck("application/json", &"x".repeat(3 << 20)), Reset),
    ]
}

fn stuck(content_type: &str, start: &str) -> Reply {
    Reply::of(content_type, Pieces::Stuck(start.to_owned().into()))
}
