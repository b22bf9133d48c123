//! Tools that change while clients listen.

use serde_json::{Value, json};

use crate::support::edge::{Edge, at_each_front, tool_names};
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::wait::PATIENCE;

const VIEWS: &str =
    "virtualServers: [{name: team/old, tools: [news_echo]}, {name: team/new, tools: [news_fresh]}]";

#[tokio::test]
async fn client_that_listens_hears_of_a_new_tool_and_can_call_it() {
    at_each_front(async |front| {
        let server = McpServer::start(Kind::new("news")).await;
        let edge = Edge::with(front, &[("news", server.url())], VIEWS).await;
        let mut client = edge.connect().await;
        let of_view = async |view: &str| {
            let client = edge.connect().await.with_header("x-mcp-virtualserver", view);
            (client.listen().await, client)
        };
        let mut stream = client.listen().await;
        let (mut blind, other) = of_view("team/old").await;
        let (mut seeing, _another) = of_view("team/new").await;
        assert_eq!((stream.status, blind.status, seeing.status), (200, 200, 200), "{front:?}");
        assert_eq!(stream.headers["content-type"], "text/event-stream");
        assert!(!tool_names(&mut client).await.contains(&"news_fresh".to_owned()));

        let fresh = json!({ "name": "fresh", "inputSchema": { "type": "object" } });
        server.add_tool(fresh).await;
        for stream in [&mut stream, &mut seeing] {
            let event: Value =
                serde_json::from_str(&stream.event(PATIENCE).await.unwrap()).unwrap();
            let changed = "notifications/tools/list_changed";
            assert_eq!(event, json!({ "jsonrpc": "2.0", "method": changed }), "{front:?}");
        }
        assert!(tool_names(&mut client).await.contains(&"news_fresh".to_owned()), "{front:?}");
        let answer = client.call("news_fresh", json!({})).await;
        // The server has no code for it, and says so itself.
        let message = answer.response(&client.id())["error"]["message"].clone();
        assert_eq!(message, "unknown tool fresh", "{front:?}");

        // Who sees nothing of it was told nothing of it; the end is the first that comes.
        assert_eq!(other.delete().await.status, 204);
        assert_eq!(blind.event(PATIENCE).await, None, "{front:?}");
        assert_eq!(client.delete().await.status, 204);
        assert_eq!(stream.event(PATIENCE).await, None, "{front:?}: a stream ends with its session");
    })
    .await;
}
