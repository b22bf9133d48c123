//! The example of the guide that made people want this gateway: one POST with a `traceparent` of their choosing.

use std::time::Duration;

use super::facts::{Facts, Message};
use super::run::jti;
use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::http::exchange;
use crate::support::tree::expect_tree;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "79345526351ff716";
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1.0"}}}"#;
/// How long the connection may be silent once the answer is there.
const SILENCE: Duration = Duration::from_millis(300);

/// Sends what `curl -s -X POST http://…/mcp -H "Content-Type: application/json" -H "traceparent: …" -d '…'` sends, byte
/// for byte.
async fn check(front_end: FrontEnd, transport: Transport) {
    let stand = Stand::start(Setup::new(front_end, transport)).await;
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {}\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\
         Content-Type: application/json\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\n\
         Content-Length: {}\r\n\r\n{BODY}",
        stand.address(),
        BODY.len()
    );
    let answer = exchange(stand.address(), request.as_bytes(), SILENCE).await;
    let answer = String::from_utf8(answer).unwrap();
    let header = |name: &str| {
        let line = answer.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_else(|| panic!("no {name:?} in {answer}")).to_owned()
    };
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""protocolVersion":"2025-06-18""#), "{answer}");
    let session = format!("jti:{}", jti(&header("mcp-session-id: ")));
    let request_id = header("x-request-id: ");

    let stopped = stand.stop().await;
    let names = ["mcp-router.process", "mcp-broker.handle-request"];
    let spans = stopped.receiver.trace(TRACE, &names).await;
    let [process, ..] = &spans[..] else { panic!("no spans") };
    assert!(process.resource.contains_key("vcs.revision"));
    let address = spans.iter().find_map(|span| span.attribute("client.address")).unwrap();
    let facts = Facts {
        front_end,
        http_method: "POST",
        path: "/mcp",
        request_id: Some(request_id),
        client: address.to_string().trim_matches('"').to_owned(),
        session: None,
        version: None,
        message: Message::read(BODY),
        status: 200,
        failure: None,
    };
    let broker = Some("broker");
    let tree = facts
        .process(broker)
        .below(PARENT)
        .child(facts.decision(broker, false).child(facts.passthrough()))
        .child(facts.broker(Some((&session, "2025-06-18"))));
    expect_tree(&spans, &tree);
}

#[tokio::test]
async fn example_of_the_guide_works_standalone_over_http() {
    check(FrontEnd::Standalone, Transport::Http).await;
}

#[tokio::test]
async fn example_of_the_guide_works_standalone_over_grpc() {
    check(FrontEnd::Standalone, Transport::Grpc).await;
}

#[tokio::test]
async fn example_of_the_guide_works_behind_buffered_envoy() {
    check(FrontEnd::Buffered, Transport::Http).await;
}

#[tokio::test]
async fn example_of_the_guide_works_behind_duplex_envoy() {
    check(FrontEnd::Duplex, Transport::Grpc).await;
}
