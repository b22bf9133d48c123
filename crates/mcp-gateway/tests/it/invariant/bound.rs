//! 8: every buffer, cache, queue, wait and retry has a bound with a name. Those that a client can reach, from outside;
//! the others have their tests where they are.

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::edge::{Edge, Front, at_each_front};
use crate::support::http::try_send;
use crate::support::raw_server::{RawServer, Reply};
use crate::support::wait::{PATIENCE, until};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;

#[tokio::test]
async fn invariant_8_streams_are_bounded_and_their_places_are_given_back() {
    at_each_front(async |front| {
        let edge = Edge::launch(front, &[], "limits: {streamsMax: 2}").await;
        let (one, two, three) = (edge.connect().await, edge.connect().await, edge.connect().await);
        let first = one.listen().await;
        let second = two.listen().await;
        assert_eq!((first.status, second.status), (200, 200), "{front:?}");
        let refused = three.listen().await;
        assert_eq!(refused.status, 503, "{front:?}");
        assert_eq!(refused.headers["retry-after"], "5", "{front:?}");
        let figures = edge.admin("/metrics").await.text();
        let counted = r#"mcp_gateway_limit_reached_total{limit="streams_max"} 1"#;
        assert!(figures.contains(counted), "{front:?}: {figures}");
        drop(first);
        until("the place is free again", PATIENCE, async || {
            (three.listen().await.status == 200).then_some(())
        })
        .await;
    })
    .await;
}

/// A full store forgets; what it forgets is made again.
#[tokio::test]
async fn invariant_8_store_is_bounded_and_calls_do_not_notice() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let limits = "limits: {storeEntriesMax: 1}";
        let edge = Edge::with(front, &[("raw", server.url())], limits).await;
        let mut clients = vec![edge.connect().await, edge.connect().await, edge.connect().await];
        let before = server.record().of_method("initialize").len();
        for _ in 0..2 {
            for client in &mut clients {
                let answer = client.call("raw_echo", json!({})).await;
                assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
            }
        }
        let opened = server.record().of_method("initialize").len() - before;
        assert_eq!(opened, 6, "{front:?}: one entry holds one session");
    })
    .await;
}

/// A list without end is given up, and no other server waits for it.
#[tokio::test]
async fn invariant_8_list_of_a_server_is_bounded() {
    at_each_front(async |front| {
        let (endless, good) = tokio::join!(RawServer::start(&[TOOL]), RawServer::start(&[TOOL]));
        endless.on("tools/list", |asked| {
            let page = format!(r#"{{"tools":[],"nextCursor":"{}"}}"#, cursor_of(&asked.id));
            Reply::result(&asked.id, &page)
        });
        let servers = [("endless", endless.url()), ("good", good.url())];
        let edge = Edge::launch(front, &servers, "limits: {listPagesMax: 5}").await;
        edge.until_up(1).await;
        edge.until_server_is("endless", "down").await;
        let status = edge.server_status("endless").await;
        assert_eq!(status["lastError"]["reason"], "too_many_pages", "{front:?}: {status}");
        assert_eq!(edge.server_status("good").await["state"], Value::from("up"), "{front:?}");
    })
    .await;
}

/// A cursor that differs from request to request.
fn cursor_of(id: &str) -> String {
    format!("page-{}", id.trim_matches('"'))
}

/// Standalone the gateway takes connections itself; Envoy has its own bound.
#[tokio::test]
async fn invariant_8_connections_are_bounded() {
    let edge = Edge::launch(Front::Standalone, &[], "limits: {connectionsMax: 2}").await;
    let first = TcpStream::connect(edge.address()).await.unwrap();
    let second = TcpStream::connect(edge.address()).await.unwrap();
    let ask = async || {
        let request = Request::get("/elsewhere").body(Full::default()).unwrap();
        try_send(edge.address(), request).await.map(|answer| answer.status)
    };
    until("further ones are refused", PATIENCE, async || (ask().await == Ok(503)).then_some(()))
        .await;
    drop((first, second));
    until("there is room again", PATIENCE, async || (ask().await == Ok(404)).then_some(())).await;
}
