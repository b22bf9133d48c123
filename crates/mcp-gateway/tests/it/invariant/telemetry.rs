//! 6: telemetry never blocks, slows or fails a request. 7: without an endpoint there is no exporter.

use std::fs;
use std::time::Duration;

use mcp_gateway_telemetry::THREAD_NAME;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::support::edge::{Edge, Setup, at_each_front};
use crate::support::raw_server::RawServer;
use crate::support::wait::{PATIENCE, until};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const CALLS: usize = 50;
/// How long an export may take: if a request waited for one, it would take as long.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test]
async fn invariant_6_collector_that_never_answers_is_nobodys_concern() {
    at_each_front(async |front| {
        let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", deaf.local_addr().unwrap());
        let export_timeout = EXPORT_TIMEOUT.as_millis().to_string();
        let environment = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", &export_timeout),
            ("OTEL_BSP_EXPORT_TIMEOUT", &export_timeout),
            ("OTEL_BSP_SCHEDULE_DELAY", "1"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "8"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4"),
        ];
        let server = RawServer::start(&[TOOL]).await;
        let setup = Setup { environment: &environment, ..Setup::default() };
        let edge = Edge::launch_with(front, &[("raw", server.url())], setup).await;
        edge.until_up(1).await;
        let began = Instant::now();
        let mut client = edge.connect().await;
        for _ in 0..CALLS {
            let answer = client.call("raw_echo", json!({})).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{front:?}: {answer:?}");
        }
        assert!(began.elapsed() < EXPORT_TIMEOUT, "{front:?}: {:?}", began.elapsed());
        until("lost spans are counted", PATIENCE, async || {
            let figures = edge.admin("/metrics").await.text();
            let is_lost = |line: &&str| {
                line.starts_with("otel_sdk_processor_span_processed_total{")
                    && line.contains("queue_full")
            };
            let lost = figures.lines().find(is_lost)?;
            (!lost.ends_with(" 0")).then_some(())
        })
        .await;
        let stopped = edge.stop(PATIENCE).await;
        assert_eq!(stopped.code, Some(0), "{front:?}: {stopped:?}");
    })
    .await;
}

#[tokio::test]
async fn invariant_7_without_an_endpoint_no_thread_exports() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", deaf.local_addr().unwrap());
        let on = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        let disabled = [on[0], ("OTEL_SDK_DISABLED", "true")];
        let cases: [(&[(&str, &str)], usize); 3] = [(&[], 0), (&disabled, 0), (&on, 1)];
        for (environment, threads) in cases {
            let setup = Setup { environment, ..Setup::default() };
            let edge = Edge::launch_with(front, &[("raw", server.url())], setup).await;
            edge.until_up(1).await;
            let mut client = edge.connect().await;
            let answer = client.call("raw_echo", json!({})).await;
            assert!(answer.response(&client.id()).get("result").is_some(), "{answer:?}");
            let names = thread_names(edge.gateway().id());
            let exporting = names.iter().filter(|name| *name == THREAD_NAME).count();
            assert_eq!(exporting, threads, "{environment:?} at {front:?}: {names:?}");
        }
    })
    .await;
}

fn thread_names(process: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    // A thread may end while they are read.
    tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
}
