//! Arguments and results on the span of the request to the server: those that the file names, and nothing else anywhere.

use serde_json::json;

use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::mcp_client::McpClient;
use crate::support::span::Span;
use crate::support::tree::print;

const SETTINGS: &str = r"
telemetry:
  capture:
    tools:
      - { name: newer_echo, arguments: value, result: value }
      - { name: 'older_*', arguments: hash, result: hash }
    redact:
      paths: [$..password]
      patterns: ['\b\d{16}\b']
";
/// The most that the gateway can say.
const FLAGS: &[&str] = &["--log-level", "trace", "--log-format", "json"];
const SECRETS: [&str; 2] = ["open-sesame", "4111111111111111"];

/// The CLIENT span of the call of a server.
fn call_of<'s>(spans: &'s [Span], server: &str) -> Option<&'s Span> {
    let is_of = |span: &&Span| span.attribute("mcp.server") == Some(&server.into());
    spans.iter().filter(is_of).find(|span| span.name == "tools/call echo")
}

async fn check(front_end: FrontEnd) {
    let setup =
        Setup { settings: SETTINGS, flags: FLAGS, ..Setup::new(front_end, Transport::Http) };
    let stand = Stand::start(setup).await;
    let mut client = McpClient::connect(stand.address(), "2025-11-25").await;
    let text = format!("plain-text {}", SECRETS[1]);
    for server in ["newer", "older", "mortal"] {
        let arguments = json!({ "text": text, "password": SECRETS[0] });
        client.call(&format!("{server}_echo"), arguments).await;
    }
    let metrics = stand.admin("/metrics").await;
    let stopped = stand.stop().await;
    let servers = ["demo/newer", "demo/older", "demo/mortal"];
    let have_arrived =
        |spans: &[Span]| servers.iter().all(|server| call_of(spans, server).is_some());
    let spans = stopped.receiver.settled(super::run::ARRIVAL, have_arrived).await;
    let spans = spans.unwrap_or_else(|spans| panic!("not all calls:\n{}", print(&spans)));
    let of = |server: &str, name: &str| {
        let value = call_of(&spans, server)?.attribute(&format!("gen_ai.tool.call.{name}"))?;
        Some(format!("{value}"))
    };

    let arguments = of("demo/newer", "arguments").expect("arguments are captured");
    assert!(arguments.contains("plain-text [redacted]"), "{arguments}");
    assert!(arguments.matches("[redacted]").count() == 2, "{arguments}");
    let result = of("demo/newer", "result").expect("the result is captured");
    assert!(result.contains("plain-text [redacted]"), "{result}");
    for name in ["arguments", "result"] {
        let digest = of("demo/older", name).expect("a digest is captured");
        assert!(digest.contains("sha256:") && !digest.contains("plain-text"), "{digest}");
        assert_eq!(of("demo/mortal", name), None, "no rule names it");
    }
    let seen = format!("{spans:?}\n{metrics}\n{}", stopped.log);
    for secret in SECRETS {
        assert!(!seen.contains(secret), "{secret} is in a span, the metrics or the log");
    }
    let said = format!("{metrics}\n{}", stopped.log);
    assert!(!said.contains("plain-text"), "what is captured is on spans alone");
    let captured = spans.iter().filter(|span| format!("{span:?}").contains("plain-text"));
    assert_eq!(captured.count(), 1, "on one span only:\n{}", print(&spans));
}

#[tokio::test]
async fn arguments_and_results_are_captured_as_the_file_says_standalone() {
    check(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn arguments_and_results_are_captured_as_the_file_says_behind_envoy() {
    check(FrontEnd::Buffered).await;
}
