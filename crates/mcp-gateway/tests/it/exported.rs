//! What a running gateway exports besides spans: the lines that it logs, no more and no less.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::edge::{Edge, Front, Setup};
use crate::support::gateway::Gateway;
use crate::support::otlp::OtlpReceiver;
use crate::support::raw_server::RawServer;
use crate::support::wait::{PATIENCE, until};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const CALLS: usize = 100;
/// What only standard output gets: what exporters say, and what is said after they have ended.
const EXPORTERS: &str = "mcp_gateway_telemetry::export";
const AFTER_THE_END: [&str; 2] = ["The last ", "Stopped."];

/// Everything over gRPC, as often as possible.
fn environment(receiver: SocketAddr) -> Vec<(&'static str, String)> {
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("rpc://{receiver}")),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true".to_owned()),
    ];
    let delays =
        ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY", "OTEL_METRIC_EXPORT_INTERVAL"];
    all.extend(delays.map(|delay| (delay, "10".to_owned())));
    all
}

/// The messages that a receiver got, sorted.
fn bodies(dump: &str) -> Vec<String> {
    let lines = dump.lines().filter_map(|line| line.strip_prefix("Body: Str("));
    let mut bodies: Vec<_> =
        lines.map(|line| line.strip_suffix(')').unwrap_or(line).to_owned()).collect();
    bodies.sort();
    bodies
}

#[tokio::test]
async fn at_the_lowest_level_each_line_is_exported_once() {
    let receiver = OtlpReceiver::writing("logs").await;
    let environment = environment(receiver.grpc());
    let environment: Vec<_> = environment.iter().map(|(key, value)| (*key, &**value)).collect();
    let server = RawServer::start(&[TOOL]).await;
    let setup = Setup {
        config: "log: {level: trace, format: json}\n",
        environment: &environment,
        ..Setup::default()
    };
    let edge = Edge::launch_with(Front::Standalone, &[("raw", server.url())], setup).await;
    edge.until_up(1).await;
    let mut client = edge.connect().await;
    for _ in 0..CALLS {
        client.call("raw_echo", json!({})).await;
        client.call("nope", json!({})).await;
    }
    let stopped = edge.stop(PATIENCE).await;
    assert_eq!(stopped.code, Some(0), "{stopped:?}");

    let lines = stopped.stdout.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e} in {line}"));
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        (text("target"), text("message"))
    });
    let is_exported = |(target, message): &(String, String)| {
        !target.starts_with(EXPORTERS) && !AFTER_THE_END.iter().any(|it| message.starts_with(it))
    };
    let mut expected: Vec<String> = lines.filter(is_exported).map(|(_, message)| message).collect();
    expected.sort();
    assert!(expected.len() > CALLS, "{expected:#?}");
    // The gateway has ended: nothing more can come, only the receiver may still be writing.
    let written = async || (bodies(&receiver.dump()).len() >= expected.len()).then_some(());
    until("all records are written down", PATIENCE, written).await;
    assert_eq!(bodies(&receiver.dump()), expected);
}

#[tokio::test]
async fn log_level_that_changes_while_running_counts_for_exported_lines_too() {
    let receiver = OtlpReceiver::writing("logs").await;
    let environment = environment(receiver.grpc());
    let environment: Vec<_> = environment.iter().map(|(key, value)| (*key, &**value)).collect();
    let gateway = Gateway::start("log: {level: error}", &[], &environment).await;
    assert_eq!(gateway.log(), "");
    gateway.configure("log: {level: info}");
    let said = "Reading the configuration file again, because a signal said so.";
    let heard = async || {
        gateway.signal("HUP");
        receiver.dump().contains(said).then_some(())
    };
    until("lines of the new level arrive", PATIENCE, heard).await;
    let dump = receiver.dump();
    assert!(!dump.contains("Ready for"), "was said at the level before:\n{dump}");
    let stopped = gateway.stop(PATIENCE).await;
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
}

#[tokio::test]
async fn status_and_metrics_have_an_account_of_each_exporter() {
    let receiver = OtlpReceiver::writing("logs").await;
    let mut environment = environment(receiver.http());
    environment[0].1 = format!("http://{}", receiver.http());
    // Nobody is there for metrics.
    environment
        .push(("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://127.0.0.1:1/v1/metrics".to_owned()));
    let environment: Vec<_> = environment.iter().map(|(key, value)| (*key, &**value)).collect();
    let server = RawServer::start(&[TOOL]).await;
    let setup = Setup { environment: &environment, ..Setup::default() };
    let edge = Edge::launch_with(Front::Standalone, &[("raw", server.url())], setup).await;
    edge.until_up(1).await;
    edge.connect().await.call("raw_echo", json!({})).await;
    let settled = async || {
        let status = edge.admin("/status").await.json();
        let exporters = status["telemetry"]["exporters"].as_array().unwrap().clone();
        let works = |it: &Value| it["exported"].as_u64() > Some(0) && it["lastSuccess"].is_f64();
        let fails = |it: &Value| it["lastError"].as_str().is_some_and(|it| it.contains("refused"));
        let is_settled = exporters.iter().all(|it| works(it) || fails(it));
        is_settled.then_some(exporters)
    };
    let exporters = until("each exporter has tried", PATIENCE, settled).await;
    let seen: Vec<_> = exporters
        .iter()
        .map(|it| {
            (it["items"].as_str().unwrap(), it["name"].as_str().unwrap(), it["lastError"].is_null())
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("traces", "otlp_http_span_exporter/0", true),
            ("logs", "otlp_http_log_exporter/0", true),
            ("audit events", "otlp_http_log_exporter/audit", true),
            ("metrics", "otlp_http_metric_exporter/0", false),
        ]
    );
    assert!(exporters[3]["failed"]["connection"].as_u64() > Some(0), "{}", exporters[3]);
    let figures = edge.admin("/metrics").await.text();
    for (_, name, works) in seen {
        let reason = if works { "" } else { "connection" };
        let is_there = figures.lines().any(|line| {
            line.starts_with("otel_sdk_exporter_")
                && line.contains("_exported_total{")
                && line.contains(&format!("\"{name}\""))
                && line.contains(reason)
                && !line.ends_with(" 0")
        });
        assert!(is_there, "{name}:\n{figures}");
    }
}
