//! The demo, run as a new user runs it. Tests may run at once: each demo but the first finds its default ports taken,
//! and must work all the same.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::gateway;
use crate::support::mcp_client::McpClient;
use crate::support::otlp::OtlpReceiver;
use crate::support::program::Program;
use crate::support::wait::{PATIENCE, until};

/// Columns that the demo may use.
const WIDTH_MAX: usize = 100;

/// The spans of every tool call, and those of a first one.
const EVERY_CALL: [&str; 5] = [
    "mcp-router.process",
    "mcp-router.route-decision",
    "mcp-router.tool-call",
    "mcp-router.broker.get-server-info",
    "mcp-router.session-cache.get",
];
const FIRST_CALL_ONLY: [&str; 2] = ["mcp-router.session-init", "mcp-router.session-cache.store"];

#[tokio::test]
async fn tour_shows_both_servers_two_results_and_two_traces() {
    let demo = gateway::run(&["demo", "--once"], &[], PATIENCE).await;
    assert_eq!((demo.code, demo.stderr.as_str()), (Some(0), ""), "{demo:?}");
    let text = &demo.stdout;
    for tool in ["weather_cities", "weather_forecast", "calc_add", "calc_remember"] {
        assert!(text.contains(&format!("\n  {tool} ")), "{text}");
    }
    assert!(text.contains("Lisbon: 21 °C and sunny"), "{text}");
    assert!(text.contains(r#"{"result":42.0}"#), "{text}");
    let trees: Vec<&str> = text.split("\n  trace ").skip(1).collect();
    let [first, second] = trees.as_slice() else { panic!("not two traces in {text}") };
    let second = second.split("\n\n").next().unwrap();
    for name in EVERY_CALL {
        assert!(first.contains(name), "{name} is not in {first}");
        assert!(second.contains(name), "{name} is not in {second}");
    }
    for name in FIRST_CALL_ONLY {
        assert!(first.contains(name), "{name} is not in {first}");
        assert!(!second.contains(name), "{name} is in {second}");
    }
    let (trace_id, _) = first.trim_start().split_once('\n').unwrap();
    assert!(text.contains(&format!("\n  00-{trace_id}-")), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH_MAX), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[tokio::test]
async fn demo_works_when_its_default_ports_are_taken() {
    // Who cannot bind them need not: somebody else has them.
    let _taken = ["127.0.0.1:8080", "127.0.0.1:9090"].map(TcpListener::bind);
    let demo = gateway::run(&["demo", "--once"], &[], PATIENCE).await;
    assert_eq!(demo.code, Some(0), "{demo:?}");
    for address in ["127.0.0.1:8080", "127.0.0.1:9090"] {
        let line = format!("{address} is taken; the gateway listens on 127.0.0.1:");
        assert!(demo.stdout.contains(&line), "{demo:?}");
    }
}

#[tokio::test]
async fn demo_stays_up_and_draws_the_calls_of_an_agent() {
    let executable = Path::new(env!("CARGO_BIN_EXE_mcp-gateway"));
    let demo = Program::start("demo", executable, &["demo".to_owned()], &[]);
    let invited = async || demo.stdout().contains("Ctrl-C ends the demo.").then_some(());
    until("the demo invites", PATIENCE, invited).await;
    let text = demo.stdout();
    let address = address_for_agents(&text);
    let own = text.lines().filter(|line| !line.contains(env!("CARGO_BIN_EXE_mcp-gateway")));
    assert!(own.into_iter().all(|line| line.chars().count() <= WIDTH_MAX), "{text}");
    let (_, command) = text.split_once("or ask with curl:\n\n").unwrap();
    let (command, _) = command.split_once("\n\n").unwrap();
    let asked = Command::new("sh").args(["-c", command]).output().unwrap();
    let answer = String::from_utf8_lossy(&asked.stdout).into_owned();
    assert!(answer.contains(r#""protocolVersion":"2025-11-25""#), "{answer} {asked:?}");

    let mut agent = McpClient::connect(address, "2025-06-18").await;
    let answer = agent.call("calc_divide", json!({"a": 1, "b": 0})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let drawn = async || {
        let text = demo.stdout();
        let (_, drawing) = text.split_once("\ncalc_divide  trace ")?;
        drawing.contains("tools/call divide").then(|| drawing.to_owned())
    };
    let drawing = until("the call is drawn", PATIENCE, drawn).await;
    assert!(drawing.contains("error.type=tool_error"), "{drawing}");

    demo.signal("INT");
    let ended = demo.finished(PATIENCE).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
}

#[tokio::test]
async fn spans_are_exported_as_well_when_the_environment_says_so() {
    let receiver = OtlpReceiver::start().await;
    let endpoint = format!("http://{}", receiver.http());
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    let demo = gateway::run(&["demo", "--once"], &environment, PATIENCE).await;
    assert_eq!(demo.code, Some(0), "{demo:?}");
    assert!(demo.stdout.contains(&format!("exported to {endpoint}")), "{demo:?}");
    let trace = demo.stdout.lines().find_map(|line| line.strip_prefix("  trace ")).unwrap();
    let spans = receiver.trace(trace.trim(), &EVERY_CALL).await;
    assert!(spans.iter().all(|span| span.service() == "mcp-gateway"), "{spans:?}");
}

#[tokio::test]
async fn environment_that_cannot_be_used_is_told() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector")];
    let demo = gateway::run(&["demo", "--once"], &environment, PATIENCE).await;
    assert_eq!((demo.code, demo.stdout.as_str()), (Some(1), ""), "{demo:?}");
    assert!(demo.stderr.contains("OTEL_EXPORTER_OTLP_ENDPOINT: "), "{demo:?}");
}

/// Reads the address from the configuration that the demo offers to agents.
fn address_for_agents(text: &str) -> SocketAddr {
    let line = text.lines().find(|line| line.contains("mcpServers")).unwrap();
    let config: Value = serde_json::from_str(line).unwrap();
    let gateway = &config["mcpServers"]["gateway"];
    assert_eq!(gateway["type"], "http");
    let url = gateway["url"].as_str().unwrap();
    assert!(text.contains(&format!("curl -si {url} ")), "{text}");
    url.strip_prefix("http://").and_then(|url| url.strip_suffix("/mcp")).unwrap().parse().unwrap()
}
