//! Tools with names that headers, paths and patterns would trip over.

use serde_json::{Value, json};

use crate::support::edge::{Edge, at_each_front, tool_names};
use crate::support::raw_server::RawServer;

/// Names, as JSON and as the policy header has them: outside visible ASCII percent-encoded.
const NAMES: [(&str, &str); 7] = [
    ("plain_1.0-x/y", "plain_1.0-x/y"),
    ("two words ", "two%20words%20"),
    ("größe ✓", "gr%C3%B6%C3%9Fe%20%E2%9C%93"),
    ("100%25", "100%2525"),
    ("a\\nb\\u0000c", "a%0Ab%00c"),
    ("quote\\\"back\\\\slash", "quote\"back\\slash"),
    ("😀", "%F0%9F%98%80"),
];

#[tokio::test]
async fn tool_may_have_any_name() {
    let tools: Vec<String> = NAMES
        .iter()
        .map(|(name, _)| format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#))
        .collect();
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    at_each_front(async |front| {
        let server = RawServer::start(&tools).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let mut client = edge.connect().await;
        let names = tool_names(&mut client).await;
        assert_eq!(names.len(), NAMES.len(), "{names:?}");
        for (served, (name, header)) in names.iter().zip(NAMES) {
            let name: Value = serde_json::from_str(&format!("\"{name}\"")).unwrap();
            let name = name.as_str().unwrap();
            assert_eq!(*served, format!("raw_{name}"));
            let answer = client.call(served, json!({})).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{front:?}: {answer:?}");
            let received = server.record().of_method("tools/call").pop().unwrap();
            assert_eq!(received.json()["params"]["name"], name, "{front:?}");
            assert_eq!(received.header("x-mcp-toolname"), Some(header), "{front:?}");
        }
    })
    .await;
}
