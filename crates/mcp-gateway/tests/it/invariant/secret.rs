//! 1: a server's session id never reaches a client; a client's session token never reaches a server, a log, a span or
//! a figure.

use serde_json::{Value, json};

use crate::support::edge::{Edge, SIGNING_KEY, Setup, at_each_front};
use crate::support::http::Answer;
use crate::support::mcp_client::McpClient;
use crate::support::otlp::OtlpReceiver;
use crate::support::raw_server::{RawServer, Reply, SESSION_PREFIX};
use crate::support::wait::PATIENCE;

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
/// How every token that the gateway signs begins.
const TOKEN_PREFIX: &str = "eyJ";

#[tokio::test]
async fn invariant_1_session_ids_stay_on_their_side() {
    at_each_front(async |front| {
        let (receiver, server) = tokio::join!(OtlpReceiver::start(), RawServer::start(&[TOOL]));
        let endpoint = format!("http://{}", receiver.http());
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
            ("MCP_GATEWAY_LOG_LEVEL", "trace"),
        ];
        let setup = Setup { environment: &environment, ..Setup::default() };
        let edge = Edge::launch_with(front, &[("raw", server.url())], setup).await;
        edge.until_up(1).await;
        let mut client = McpClient::new(edge.address());
        let answers = live(&mut client, &server).await;
        let token = client.session.clone().unwrap();
        assert!(token.starts_with(TOKEN_PREFIX), "the test looks for what tokens begin with");

        for answer in &answers {
            let text = format!("{:?} {}", answer.headers, answer.text());
            assert!(!text.contains(SESSION_PREFIX), "{text}");
        }
        assert!(answers.iter().skip(1).all(|answer| answer.header("mcp-session-id").is_empty()));
        for received in server.record().all() {
            let text =
                format!("{:?} {}", received.headers, String::from_utf8_lossy(&received.body));
            assert!(!text.contains(TOKEN_PREFIX), "{text}");
        }
        let complete = |spans: &[_]| format!("{spans:?}").contains("end of the session");
        let spans = receiver.wait_for("the last span", PATIENCE, complete).await;
        let told = [
            ("log", edge.log()),
            ("spans", format!("{spans:?}")),
            ("figures", edge.admin("/metrics").await.text()),
            ("status", edge.admin("/status").await.text()),
        ];
        for (what, text) in told {
            assert!(text.contains("demo/raw"), "{what} tell of the server at all: {text}");
            for secret in [TOKEN_PREFIX, SESSION_PREFIX, SIGNING_KEY] {
                let at = text.lines().find(|line| line.contains(secret));
                assert_eq!(at, None, "{what}");
            }
        }
    })
    .await;
}

/// A session in which much happens, from `initialize` to its end.
async fn live(client: &mut McpClient, server: &RawServer) -> Vec<Answer> {
    let mut answers = vec![client.initialize("2025-11-25").await];
    answers.push(client.request("tools/list", json!({})).await);
    let failing = |status| move |_: &_| Reply::whole("text/plain", "no").with_status(status);
    for status in [200, 500, 404, 401] {
        if status == 200 {
            answers.push(client.call("raw_echo", json!({})).await);
        } else {
            server.on("tools/call", failing(status));
        }
        answers.push(client.call("raw_echo", json!({})).await);
    }
    // A server that shows what it was given.
    server.on("tools/call", |asked| {
        let reply = Reply::result(&asked.id, r#"{"content":[]}"#);
        reply.with_header("mcp-session-id", format!("{SESSION_PREFIX}shown"))
    });
    answers.push(client.call("raw_echo", json!({})).await);
    answers.push(client.call("raw_nothing", json!({})).await);
    let stream = client.listen().await;
    assert_eq!(stream.status, 200, "{:?}", stream.headers);
    drop(stream);
    client.set_header("x-request-id", Some("end of the session"));
    answers.push(client.delete().await);
    answers.push(client.call("raw_echo", Value::Null).await);
    answers
}
