//! Servers that are not there.

use serde_json::json;

use super::{LIMITS, TOOL, names_the_server};
use crate::support::edge::{Edge, at_each_front, tool_names};
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::port::closed;
use crate::support::raw_server::RawServer;

#[tokio::test]
async fn server_that_is_down_at_the_start_stops_nobody() {
    at_each_front(async |front| {
        let good = RawServer::start(&[TOOL]).await;
        let servers = [("odd", format!("http://{}/mcp", closed())), ("good", good.url())];
        let edge = Edge::launch(front, &servers, LIMITS).await;
        edge.until_up(1).await;
        edge.until_server_is("odd", "down").await;
        assert_eq!(edge.admin("/readyz").await.status, 200);
        let mut client = edge.connect().await;
        assert_eq!(tool_names(&mut client).await, ["good_echo"]);
        let answer = client.call("good_echo", json!({})).await;
        assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
        let answer = client.call("odd_echo", json!({})).await;
        let error = answer.response(&client.id())["error"].clone();
        let message = "server demo/odd is down: none of its tools can be called now";
        assert_eq!(error, json!({ "code": -32603, "message": message }), "{answer:?}");
    })
    .await;
}

#[tokio::test]
async fn server_that_goes_down_later_is_named_and_comes_back() {
    at_each_front(async |front| {
        let good = RawServer::start(&[TOOL]).await;
        let mut odd = McpServer::start(Kind::new("odd")).await;
        let servers = [("odd", odd.url()), ("good", good.url())];
        let edge = Edge::with(front, &servers, LIMITS).await;
        let mut warm = edge.connect().await;
        let mut cold = edge.connect().await;
        let answer = warm.call("odd_echo", json!({ "text": "up" })).await;
        assert!(answer.response(&warm.id()).get("result").is_some(), "{answer:?}");
        odd.stop().await;
        // With a session that is open already, and with one that would have to be opened.
        for (what, client) in [("open session", &mut warm), ("no session", &mut cold)] {
            let answer = client.call("odd_echo", json!({})).await;
            names_the_server(what, &answer, &client.id(), 200);
            let answer = client.call("good_echo", json!({})).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{what}: {answer:?}");
        }
        odd.restart().await;
        for (what, client) in [("open session", &mut warm), ("no session", &mut cold)] {
            let answer = client.call("odd_echo", json!({ "text": "back" })).await;
            let response = answer.response(&client.id());
            assert_eq!(response["result"]["content"][0]["text"], "back", "{what}: {response}");
        }
    })
    .await;
}
