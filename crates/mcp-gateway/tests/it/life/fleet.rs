//! Many servers, of which one is a trouble.

use serde_json::json;

use crate::support::edge::{Edge, at_each_front, tool_names};
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::raw_server::RawServer;

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const NAMES: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
const FLAPS: usize = 3;

#[tokio::test]
async fn invariant_9_server_that_flaps_changes_nothing_for_nine_others() {
    at_each_front(async |front| {
        let steady = futures_util::future::join_all(NAMES.map(|_| RawServer::start(&[TOOL]))).await;
        let mut flapping = McpServer::start(Kind::new("flapping")).await;
        let mut servers: Vec<_> =
            NAMES.iter().zip(&steady).map(|(name, server)| (*name, server.url())).collect();
        servers.insert(4, ("flapping", flapping.url()));
        let edge = Edge::start(front, &servers).await;
        let mut client = edge.connect().await;
        for flap in 0..FLAPS {
            flapping.stop().await;
            let answer = client.call("flapping_echo", json!({})).await;
            let response = answer.response(&client.id());
            let message = response["error"]["message"].as_str().unwrap_or_default();
            assert!(message.contains("demo/flapping"), "{front:?} {flap}: {response}");
            let names = tool_names(&mut client).await;
            for name in NAMES {
                let tool = format!("{name}_echo");
                assert!(names.contains(&tool), "{front:?} {flap}: {names:?}");
                let answer = client.call(&tool, json!({})).await;
                let response = answer.response(&client.id());
                assert!(response.get("result").is_some(), "{front:?} {flap}: {response}");
                assert_eq!(edge.server_status(name).await["state"], "up", "{front:?} {flap}");
            }
            flapping.restart().await;
            let answer = client.call("flapping_echo", json!({ "text": "back" })).await;
            let response = answer.response(&client.id());
            assert_eq!(response["result"]["content"][0]["text"], "back", "{front:?} {flap}");
        }
        for server in &steady {
            let opened = server.record().of_method("initialize").len();
            assert_eq!(opened, 2, "{front:?}: one session for the list, one for the client");
        }
    })
    .await;
}
