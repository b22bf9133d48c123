//! Servers with which no session can be opened on behalf of a client.

use serde_json::json;

use super::{LIMITS, TOOL, names_the_server};
use crate::support::edge::{Edge, at_each_front};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::raw_server::RawServer;

const FAULTS: [(Fault, u16); 12] = [
    (Fault::Status(500), 200),
    (Fault::Status(404), 200),
    (Fault::Status(400), 200),
    (Fault::Status(401), 401),
    (Fault::Status(403), 403),
    (Fault::Html, 200),
    (Fault::Silence, 200),
    (Fault::CutBody, 200),
    (Fault::CutStream, 200),
    (Fault::EndStream, 200),
    (Fault::WrongId, 200),
    (Fault::Body("{}"), 200),
];

#[tokio::test]
async fn call_whose_session_cannot_be_opened_is_answered_and_the_next_one_tries_again() {
    at_each_front(async |front| {
        let (server, good) = tokio::join!(FaultServer::start(), RawServer::start(&[TOOL]));
        let servers = [("odd", server.url()), ("good", good.url())];
        let edge = Edge::with(front, &servers, LIMITS).await;
        for (fault, status) in FAULTS {
            let what = format!("{fault:?} at {front:?}");
            let mut client = edge.connect().await;
            server.fault("initialize", fault);
            server.record().clear();
            let answer = client.call("odd_echo", json!({})).await;
            names_the_server(&what, &answer, &client.id(), status);
            assert_eq!(server.record().of_method("tools/call").len(), 0, "{what}");
            let answer = client.call("good_echo", json!({})).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{what}: {answer:?}");
            server.heal();
            let answer = client.call("odd_echo", json!({ "text": "well" })).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{what}: {answer:?}");
        }
    })
    .await;
}
