//! Envoy and the gateway as one edge, with the bootstrap that the program prints: what passes, what does not, and what
//! Envoy answers when the gateway cannot.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::edge::{ENVOYS, Edge, Front, PUBLIC_HOST, Setup};
use crate::support::http::{Answer, send, try_send};
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::port::closed;

#[tokio::test]
async fn calls_pass_through_envoy_to_their_server() {
    for front in ENVOYS {
        let one = McpServer::start(Kind::new("one")).await;
        let two = McpServer::start(Kind::older("two")).await;
        let edge = Edge::start(front, &[("one", one.url()), ("two", two.url())]).await;
        let mut client = edge.client();
        let answer = client.initialize("2025-11-25").await;
        assert_eq!(answer.status, 200, "{front:?}: {answer:?}\n{}", edge.log());
        for tool in ["one_echo", "two_echo"] {
            let answer = client.call(tool, json!({ "text": "through" })).await;
            assert_eq!(answer.status, 200, "{front:?} {tool}: {answer:?}");
            let response = answer.response(&client.id());
            assert_eq!(
                response["result"]["content"][0]["text"], "through",
                "{front:?}: {response}"
            );
        }
        for (server, url) in [(&one, one.url()), (&two, two.url())] {
            let calls = server.record().of_method("tools/call");
            assert_eq!(calls.len(), 1, "{front:?}");
            assert_eq!(url, format!("http://{}/mcp", calls[0].header("host").unwrap()));
            for name in
                ["origin", "router-key", "mcp-init-host", "x-mcp-traceparent", "x-mcp-visible"]
            {
                assert_eq!(calls[0].header(name), None, "{front:?} {name}");
            }
            assert_eq!(calls[0].json()["params"]["name"], "echo");
        }
    }
}

#[tokio::test]
async fn without_the_gateway_envoy_answers_in_the_form_of_mcp() {
    for front in ENVOYS {
        let edge = Edge::start(front, &[]).await;
        let client = edge.client();
        let _envoy = edge.without_gateway();
        let answer = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
        expect_error(&answer, 503, -32603);
    }
}

#[tokio::test]
async fn a_request_that_envoy_cannot_read_gets_nowhere() {
    let edge = Edge::start(Front::Duplex, &[]).await;
    let client = edge.client();
    let mut request = client.message(r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#);
    request.headers_mut().insert("x-long", "a".repeat(70_000).parse().unwrap());
    // Envoy closes the connection without waiting for what the gateway makes of its answer.
    if let Ok(answer) = try_send(edge.address(), request).await {
        expect_error(&answer, 431, -32600);
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_in_the_form_of_mcp() {
    for front in ENVOYS {
        let edge = Edge::start(front, &[]).await;
        // The gateway refuses the first, Envoy itself what goes beyond its own buffer.
        for bytes in [(5 << 20) + 1, 8 << 20] {
            let answer = edge.client().post(" ".repeat(bytes)).await;
            expect_error(&answer, 413, -32600);
        }
    }
}

#[tokio::test]
async fn invariant_11_a_host_that_is_not_the_gateways_gets_nowhere() {
    let server = McpServer::start(Kind::new("one")).await;
    for front in ENVOYS {
        let edge = Edge::start(front, &[("one", server.url())]).await;
        server.record().clear();
        for host in ["one.mcp.local", "evil.example.com"] {
            let client = edge.client().with_header("host", host);
            let answer = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
            assert!((400..500).contains(&answer.status), "{front:?} {host}: {answer:?}");
        }
        assert!(server.record().of_method("ping").is_empty(), "{front:?}");
    }
}

#[tokio::test]
async fn a_request_keeps_its_id_or_gets_one() {
    // Tracing is where Envoy would write into ids.
    let collector = format!("rpc://{}", closed());
    let setup = Setup { envoy_flags: &["--envoy-tracing", &collector], ..Setup::default() };
    let edge = Edge::launch_with(Front::Duplex, &[], setup).await;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#;
    for id in ["mine", "7d444840-9dc0-41d1-b245-5ffdce74fad2"] {
        let kept = edge.client().with_header("x-request-id", id).post(body).await;
        assert_eq!(kept.header("x-request-id"), id);
    }
    assert_eq!(edge.client().post(body).await.header("x-request-id").len(), 36);
}

#[tokio::test]
async fn a_page_that_does_not_exist_is_envoys_own_affair() {
    let edge = Edge::start(Front::Duplex, &[]).await;
    let request = Request::get("/other").header("host", PUBLIC_HOST);
    let answer = send(edge.address(), request.body(Full::<Bytes>::default()).unwrap()).await;
    assert_eq!(answer.status, 404, "{answer:?}");
}

#[tokio::test]
async fn the_gateway_says_where_envoy_reaches_it() {
    let edge = Edge::start(Front::Duplex, &[]).await;
    let line = edge.gateway().logged("Ready for 0 servers in envoy mode").await;
    assert!(line.contains(&edge.gateway().ext_proc().to_string()), "{line}");
}

fn expect_error(answer: &Answer, status: u16, code: i32) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, "application/json"),
        "{answer:?}"
    );
    let message: Value = answer.json();
    assert_eq!(
        (&message["jsonrpc"], &message["error"]["code"]),
        (&json!("2.0"), &json!(code)),
        "{message}"
    );
    assert_eq!(message.get("id"), None);
}
