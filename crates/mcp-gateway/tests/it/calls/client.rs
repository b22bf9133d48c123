//! The official SDK's client, in every revision and every way of connecting that it has.

use rmcp::ServiceExt;
use rmcp::model::{
    CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, ProtocolVersion,
};
use rmcp::service::{
    ClientInitializeError, ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService,
};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::support::edge::{Edge, at_each_front};
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::wait::PATIENCE;

type Client = RunningService<RoleClient, ClientConfig>;

/// A way of connecting, and the revision that comes out of it.
struct Way {
    name: &'static str,
    asks: ProtocolVersion,
    lifecycle: Option<ClientLifecycleMode>,
    agrees: ProtocolVersion,
}

fn ways() -> Vec<Way> {
    let way = |name, asks, agrees| Way { name, asks, lifecycle: None, agrees };
    let newest = ProtocolVersion::V_2025_11_25;
    let auto = ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: None,
    };
    vec![
        way("2024-11-05", ProtocolVersion::V_2024_11_05, ProtocolVersion::V_2025_03_26),
        way("2025-03-26", ProtocolVersion::V_2025_03_26, ProtocolVersion::V_2025_03_26),
        way("2025-06-18", ProtocolVersion::V_2025_06_18, ProtocolVersion::V_2025_06_18),
        way("2025-11-25", newest.clone(), newest.clone()),
        // What the SDK asks for unless it is told otherwise: a revision that has no handshake.
        way("2026-07-28", ProtocolVersion::V_2026_07_28, newest.clone()),
        Way { lifecycle: Some(auto), ..way("discover", newest.clone(), newest) },
    ]
}

#[tokio::test]
async fn sdk_client_connects_lists_calls_twice_and_leaves() {
    at_each_front(async |front| {
        let (newer, older) = tokio::join!(
            McpServer::start(Kind::new("newer")),
            McpServer::start(Kind::older("older"))
        );
        let edge = Edge::start(front, &[("newer", newer.url()), ("older", older.url())]).await;
        for way in ways() {
            visit(&edge, way).await;
        }
    })
    .await;
}

async fn visit(edge: &Edge, way: Way) {
    let front = edge.front();
    let name = format!("{} {front:?}", way.name);
    let client = connect(edge, way.asks, way.lifecycle).await;
    let mut client = client.unwrap_or_else(|error| panic!("{name}: {error}"));
    let peer = client.peer_info().unwrap();
    assert_eq!(peer.protocol_version, way.agrees, "{name}");
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
    let expect = ["newer", "older"].map(|server| {
        ["add", "echo", "fail", "refuse", "slow"].map(|tool| format!("{server}_{tool}"))
    });
    assert_eq!(names, expect.concat(), "{name}");
    for server in ["newer", "older"] {
        for text in ["first", "second ä<&>"] {
            let result = call(&client, &format!("{server}_echo"), json!({ "text": text })).await;
            assert_eq!(result["content"][0]["text"], text, "{name}: {result}");
        }
        let sum = call(&client, &format!("{server}_add"), json!({ "a": 40, "b": 2 })).await;
        assert_eq!(sum["structuredContent"], json!({ "sum": 42 }), "{name}");
        let failed = call(&client, &format!("{server}_fail"), json!({})).await;
        assert_eq!(failed["isError"], true, "{name}: {failed}");
    }
    client.close_with_timeout(PATIENCE).await.unwrap();
}

async fn connect(
    edge: &Edge,
    version: ProtocolVersion,
    lifecycle: Option<ClientLifecycleMode>,
) -> Result<Client, Box<ClientInitializeError>> {
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
    let url = format!("http://{}/mcp", edge.address());
    let transport = StreamableHttpClientTransport::with_client(
        http,
        StreamableHttpClientTransportConfig::with_uri(url),
    );
    let implementation = Implementation::new("test", "1");
    let config = ClientConfig::new(ClientCapabilities::default(), implementation)
        .with_protocol_version(version);
    let connected = match lifecycle {
        None => timeout(PATIENCE, config.serve(transport)).await,
        Some(lifecycle) => {
            timeout(PATIENCE, config.serve_with_lifecycle(transport, lifecycle)).await
        }
    };
    connected.expect("the client connects in time").map_err(Box::new)
}

async fn call(client: &Client, tool: &str, arguments: Value) -> Value {
    let arguments: Map<String, Value> = serde_json::from_value(arguments).unwrap();
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    let result = timeout(PATIENCE, client.call_tool(request)).await.expect("an answer in time");
    serde_json::to_value(result.unwrap()).unwrap()
}
