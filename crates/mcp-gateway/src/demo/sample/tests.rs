//! The sample servers, called directly by the client of the tour, with no gateway in between.

use rmcp::model::ProtocolVersion;
use serde_json::{Value, json};

use super::{ReceivedContext, SampleServer};
use crate::demo::client::{Answer, Client};

fn protocol_version(client: &Client) -> Option<ProtocolVersion> {
    client.peer().map(|peer| peer.protocol_version.clone())
}

async fn check(client: &Client, tool: &str, arguments: Value, expect: Result<&str, &str>) {
    let answer = client.call(tool, arguments.clone()).await.unwrap();
    let expect = match expect {
        Ok(text) => Answer { text: text.to_owned(), is_error: false },
        Err(text) => Answer { text: text.to_owned(), is_error: true },
    };
    assert_eq!(answer, expect, "{tool} {arguments}");
}

#[tokio::test]
async fn servers_speak_different_revisions() {
    let (weather, calculator) =
        (SampleServer::weather().await.unwrap(), SampleServer::calculator().await.unwrap());
    let to_weather = Client::connect(&weather.url()).await.unwrap();
    let to_calculator = Client::connect(&calculator.url()).await.unwrap();
    assert_eq!(protocol_version(&to_weather), Some(ProtocolVersion::V_2025_06_18));
    assert_eq!(protocol_version(&to_calculator), Some(ProtocolVersion::V_2025_11_25));
    for client in [to_weather, to_calculator] {
        client.close().await.unwrap();
    }
    for server in [weather, calculator] {
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn every_tool_says_what_it_is() {
    for (server, names) in [
        (SampleServer::weather().await.unwrap(), vec!["cities", "current", "forecast"]),
        (SampleServer::calculator().await.unwrap(), vec!["add", "divide", "recall", "remember"]),
    ] {
        let client = Client::connect(&server.url()).await.unwrap();
        let tools = client.tools().await.unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name.as_ref()).collect::<Vec<_>>(), names);
        for tool in &tools {
            assert!(tool.description.as_ref().is_some_and(|text| text.ends_with('.')), "{tool:?}");
            let annotations = tool.annotations.as_ref().unwrap();
            assert!(annotations.title.is_some(), "{tool:?}");
            assert_eq!(annotations.read_only_hint, Some(tool.name != "remember"), "{tool:?}");
            assert_eq!(annotations.open_world_hint, Some(false), "{tool:?}");
        }
        client.close().await.unwrap();
        server.stop().await.unwrap();
    }
}

#[tokio::test]
async fn weather_answers() {
    let server = SampleServer::weather().await.unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    check(&client, "cities", json!({}), Ok("Bergen, Lisbon, Nairobi, Sapporo")).await;
    check(&client, "current", json!({"city": "Lisbon"}), Ok("Lisbon: 21 °C and sunny")).await;
    let forecast = "Lisbon: 21 °C and sunny, then 19 °C and partly cloudy, then 22 °C and rain";
    check(&client, "forecast", json!({"city": "Lisbon"}), Ok(forecast)).await;
    check(&client, "forecast", json!({"city": "lisbon", "days": 1}), Ok("lisbon: 21 °C and sunny"))
        .await;
    let refused = Err("days must be 1 to 7, not 8");
    check(&client, "forecast", json!({"city": "Lisbon", "days": 8}), refused).await;
    let unknown = Err("no weather is known for Atlantis; ask for the list of cities");
    check(&client, "current", json!({"city": "Atlantis"}), unknown).await;
    client.close().await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn calculator_answers_and_remembers_within_a_session() {
    let server = SampleServer::calculator().await.unwrap();
    let client = Client::connect(&server.url()).await.unwrap();
    check(&client, "add", json!({"a": 20, "b": 22.5}), Ok(r#"{"result":42.5}"#)).await;
    check(&client, "divide", json!({"a": 1, "b": 4}), Ok(r#"{"result":0.25}"#)).await;
    check(&client, "divide", json!({"a": 1, "b": 0}), Err("cannot divide by zero")).await;
    let nothing = Err("nothing has been remembered in this session");
    check(&client, "recall", json!({}), nothing).await;
    check(&client, "remember", json!({"value": 7}), Ok(r#"{"result":7.0}"#)).await;
    check(&client, "recall", json!({}), Ok(r#"{"result":7.0}"#)).await;

    let other = Client::connect(&server.url()).await.unwrap();
    check(&other, "recall", json!({}), nothing).await;
    other.close().await.unwrap();
    client.close().await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn trace_context_of_a_call_is_remembered() {
    let server = SampleServer::weather().await.unwrap();
    assert_eq!(server.received(), ReceivedContext::default());
    let client = Client::connect(&server.url()).await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let from_header = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    let from_meta = "00-0af7651916cd43dd8448eb211c80319c-1111111111111111-01";
    let post = |session: Option<String>, body: Value| {
        let request = http
            .post(server.url())
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("traceparent", from_header);
        let request = match session {
            Some(session) => request.header("mcp-session-id", session),
            None => request,
        };
        request.body(body.to_string()).send()
    };
    let initialize = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"}}});
    let opened = post(None, initialize).await.unwrap();
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    drop(opened.text().await.unwrap());
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert!(post(Some(session.clone()), ready).await.unwrap().status().is_success());
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "cities", "arguments": {}, "_meta": {"traceparent": from_meta}}});
    let answer = post(Some(session), call).await.unwrap();
    assert!(answer.text().await.unwrap().contains("Lisbon"));
    let expected =
        ReceivedContext { header: Some(from_header.to_owned()), meta: Some(from_meta.to_owned()) };
    assert_eq!(server.received(), expected);
    client.close().await.unwrap();
    server.stop().await.unwrap();
}
