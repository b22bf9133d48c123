//! 1: a server's session id never reaches a client; a client's session token never reaches a server, a log, a span or
//! a figure.

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::edge::{Edge, SIGNING_KEY, Setup, at_each_front};
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, send};
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

/// Everything of somebody's that passes the gateway and is nobody else's business.
const SECRETS: [(&str, &str); 9] = [
    ("the credential of a server", "secret-credential-of-the-server"),
    ("the signing key", SIGNING_KEY),
    ("a header of telemetry", "secret-header-of-telemetry"),
    ("the query of a telemetry endpoint", "secret-query-of-telemetry"),
    ("an authorization header", "secret-authorization-of-a-client"),
    ("a cookie", "secret-cookie-of-a-client"),
    ("a query", "secret-query-of-a-client"),
    ("an argument", "secret-argument-of-a-call"),
    ("a result", "secret-result-of-a-call"),
];

/// Returns the secret that is called so.
fn secret(what: &str) -> &'static str {
    SECRETS.iter().find(|(name, _)| *name == what).unwrap().1
}

#[tokio::test]
async fn invariant_1_no_level_shows_a_credential_or_a_body() {
    let (server, receiver) = (RawServer::start(&[TOOL]).await, OtlpReceiver::start().await);
    let config = format!(
        "log: {{level: trace}}\nsigningKey: '${{KEY}}'\nservers:\n  \
         - {{name: demo/raw, url: '{}', prefix: raw_, credential: 'Bearer ${{TOKEN}}'}}\n",
        server.url()
    );
    let (of_header, of_query) =
        (secret("a header of telemetry"), secret("the query of a telemetry endpoint"));
    let endpoint = format!("http://{}/v1/traces?key={of_query}", receiver.http());
    let environment = [
        ("KEY", SIGNING_KEY),
        ("TOKEN", secret("the credential of a server")),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", &format!("authorization={of_header}")),
    ];
    let mut gateway = Gateway::start(&config, &[], &environment).await;
    gateway.until_ready().await;
    let mut client = McpClient::connect(gateway.listen(), "2025-11-25").await;
    client.set_header("authorization", Some(secret("an authorization header")));
    client.set_header("cookie", Some(secret("a cookie")));
    let of_result = secret("a result");
    for status in [200, 401, 500] {
        server.on("tools/call", move |asked| {
            let result = format!(r#"{{"content":[{{"type":"text","text":"{of_result}"}}]}}"#);
            Reply::result(&asked.id, &result).with_status(status)
        });
        client.call("raw_echo", json!({ "password": secret("an argument") })).await;
    }
    client.post(format!(r#"{{"jsonrpc":"2.0","broken":"{}""#, secret("an argument"))).await;
    let query = format!("/mcp?key={}", secret("a query"));
    send(gateway.listen(), Request::get(query).body(Full::default()).unwrap()).await;

    let pages = ["/metrics", "/status"]
        .map(|path| send(gateway.admin(), Request::get(path).body(Full::default()).unwrap()));
    let mut told = String::new();
    for page in pages {
        told.push_str(&page.await.text());
    }
    assert!(told.contains("demo/raw"), "{told}");
    let sent: Vec<_> = server.record().all().iter().map(|it| format!("{it:?}")).collect();
    let is_sent = |what| sent.iter().any(|it| it.contains(secret(what)));
    assert!(is_sent("the credential of a server") && is_sent("an argument"), "{sent:?}");
    let ended = gateway.stop(PATIENCE).await;
    told.push_str(&ended.stdout);
    told.push_str(&ended.stderr);
    assert!(ended.stdout.contains("DEBUG"), "the level is low: {}", ended.stdout);
    for (what, secret) in SECRETS {
        let at = told.lines().find(|line| line.contains(secret));
        assert_eq!(at, None, "{what}");
    }
}
