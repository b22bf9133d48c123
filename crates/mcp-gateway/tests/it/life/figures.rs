//! The metrics of a gateway that has really worked: what their table says, bounded in variety, with traces behind them.

use std::collections::{BTreeMap, BTreeSet};

use mcp_gateway_telemetry::name::metric::{ALL, Kind as MetricKind};
use serde_json::json;

use crate::support::edge::{Edge, Front, Setup, at_each_front};
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::port::closed;
use crate::support::wait::{PATIENCE, until};

const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// Names that a client makes up.
const MADE_UP: usize = 30;

/// One metric as `/metrics` shows it.
#[derive(Default)]
struct Shown {
    kind: String,
    has_help: bool,
    labels: BTreeSet<String>,
    samples: Vec<String>,
}

/// Reads OpenMetrics: each line belongs to the family that was described last.
fn read(text: &str) -> BTreeMap<String, Shown> {
    let mut families: BTreeMap<String, Shown> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        if let Some(help) = line.strip_prefix("# HELP ") {
            help.split(' ').next().unwrap().clone_into(&mut current);
            assert!(!families.contains_key(&current), "{current} is described twice");
            families.entry(current.clone()).or_default().has_help = true;
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(name, current, "{line}");
            kind.clone_into(&mut families.get_mut(name).unwrap().kind);
        } else {
            assert!(line.starts_with(&current), "{line} is not of {current}");
            let family = families.get_mut(&current).unwrap();
            let sample = line.split(" # ").next().unwrap();
            if let Some((labels, _)) = sample.split_once('{').and_then(|it| it.1.rsplit_once('}')) {
                let names = labels.split("\",").map(|label| label.split_once('=').unwrap().0);
                family.labels.extend(names.map(str::to_owned));
            }
            family.samples.push(sample.to_owned());
        }
    }
    families
}

/// Uses every part of the gateway that has a metric.
async fn work(edge: &Edge) {
    let mut client = edge.connect().await;
    for tool in ["up_echo", "up_echo", "up_fail", "up_nothing"] {
        client.call(tool, json!({})).await;
    }
    for number in 0..MADE_UP {
        client.call(&format!("made_up_{number}"), json!({})).await;
        client.request(&format!("made/up/{number}"), json!({})).await;
    }
    client.request("tools/list", json!({})).await;
    client.post("not json").await;
    assert_eq!(client.delete().await.status, 204);
    edge.connect().await;
}

/// What has a value after [`work`], beside the exporters, which there are none of.
const PRESENT: [&str; 22] = [
    "mcp_server_operation_duration_seconds",
    "mcp_client_operation_duration_seconds",
    "mcp_server_session_duration_seconds",
    "mcp_client_session_duration_seconds",
    "mcp_broker_discovery",
    "mcp_broker_discovery_duration_seconds",
    "mcp_broker_tools_discovered",
    "mcp_broker_upstream_connection_failures",
    "mcp_broker_tools_list_response_bytes",
    "mcp_gateway_requests",
    "mcp_gateway_sessions_opened",
    "mcp_gateway_sessions_ended",
    "mcp_gateway_sessions_active",
    "mcp_gateway_streams_open",
    "mcp_gateway_session_cache_lookups",
    "mcp_gateway_session_init_duration_seconds",
    "mcp_gateway_metrics_enabled",
    "process_cpu_seconds",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_threads",
    "target",
];

#[tokio::test]
async fn figures_are_what_their_table_says() {
    at_each_front(async |front| {
        let server = McpServer::start(Kind::older("up")).await;
        let servers = [("up", server.url()), ("gone", format!("http://{}/mcp", closed()))];
        let edge = Edge::launch(front, &servers, "").await;
        edge.until_up(1).await;
        edge.until_server_is("gone", "down").await;
        work(&edge).await;
        until("both sessions of the client have been taken down", PATIENCE, async || {
            let text = edge.admin("/metrics").await.text();
            let ended = ["mcp_client_session_duration_seconds_count", "server_session_duration"];
            ended.iter().all(|name| text.contains(name)).then_some(())
        })
        .await;
        let text = edge.admin("/metrics").await.text();
        let shown = read(&text);
        for name in PRESENT {
            assert!(shown.contains_key(name), "{front:?}: no {name} in\n{text}");
        }
        for (family, shown) in &shown {
            assert!(shown.has_help && !shown.samples.is_empty(), "{front:?}: {family}");
            if family == "target" {
                assert!(shown.samples[0].contains(r#"service_name="mcp-gateway""#), "{front:?}");
                continue;
            }
            let of_table = |name: &str| name.strip_suffix("_total").unwrap_or(name) == family;
            let metric = ALL.iter().find(|metric| of_table(metric.prometheus));
            let metric = metric.unwrap_or_else(|| panic!("{front:?}: {family} is not listed"));
            let kind = match metric.kind {
                MetricKind::Counter => "counter",
                MetricKind::UpDownCounter | MetricKind::Gauge => "gauge",
                MetricKind::Histogram => "histogram",
            };
            assert_eq!(shown.kind, kind, "{front:?}: {family}");
            let listed = metric.labels.iter().map(|label| label.replace('.', "_"));
            let mut listed: BTreeSet<String> = listed.collect();
            listed.extend((metric.kind == MetricKind::Histogram).then(|| "le".to_owned()));
            let unknown: Vec<_> = shown.labels.difference(&listed).collect();
            assert!(unknown.is_empty(), "{front:?}: {family} has labels {unknown:?}");
        }
        assert_values(front, &text);
    })
    .await;
}

fn assert_values(front: Front, text: &str) {
    assert!(!text.contains("made_up") && !text.contains("made/up"), "{front:?}:\n{text}");
    let front_end = if front == Front::Standalone { "proxy" } else { "ext-proc" };
    let count = |parts: &[&str]| -> u64 {
        let fits =
            |line: &&str| !line.starts_with('#') && parts.iter().all(|part| line.contains(part));
        let counts = text.lines().filter(fits).map(|line| line.rsplit_once(' ').unwrap().1);
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    };
    let made_up = u64::try_from(MADE_UP).unwrap();
    let server = "mcp_server_operation_duration_seconds_count{";
    let client = "mcp_client_operation_duration_seconds_count{";
    let front_end = format!(r#"front_end="{front_end}""#);
    for (parts, expect) in [
        (&[server, r#"tool_name="_OTHER""#, r#"operation_name="execute_tool""#][..], made_up + 1),
        (&[server, r#"method_name="_OTHER",error_type="method_not_found""#], made_up),
        (&[server, r#"tool_name="up_echo""#, r#"protocol_version="2025-11-25""#], 2),
        (&[server, r#"tool_name="up_fail""#, r#"error_type="tool_error""#], 1),
        (&[client, r#"tool_name="up_echo""#, r#"protocol_version="2025-06-18""#], 2),
        (&[client, r#"mcp_server="demo/up",server_address="127.0.0.1",server_port="#], 3),
        (&["session_init_duration_seconds_count{", r#"mcp_server="demo/up""#], 1),
        (&["mcp_client_session_duration_seconds_count{", r#"mcp_server="demo/up""#], 1),
        (&["mcp_server_session_duration_seconds_count{", r#"version="2025-11-25""#], 1),
        (&["mcp_gateway_sessions_active "], 1),
        (&["mcp_gateway_sessions_opened_total "], 2),
        (&["mcp_gateway_sessions_ended_total "], 1),
    ] {
        assert_eq!(count(parts), expect, "{front:?}: {parts:?} in\n{text}");
    }
    // Envoy does not say which version of HTTP others speak.
    let versions = [server, client].map(|it| count(&[it, "up_", r#"protocol_version="1.1""#]));
    assert_eq!(versions, if front == Front::Standalone { [3, 3] } else { [0, 0] }, "{front:?}");
    let requests = count(&["mcp_gateway_requests_total{", &front_end]);
    assert!(requests >= 2 * made_up + 10, "{front:?}: {requests} in\n{text}");
    assert_eq!(requests, count(&["mcp_gateway_requests_total{"]), "{front:?}:\n{text}");
}

#[tokio::test]
async fn exemplars_lead_to_the_trace_of_a_call() {
    at_each_front(async |front| {
        let server = McpServer::start(Kind::older("up")).await;
        let endpoint = format!("http://{}", closed());
        let setup = Setup {
            environment: &[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &endpoint)],
            ..Setup::default()
        };
        let edge = Edge::launch_with(front, &[("up", server.url())], setup).await;
        edge.until_up(1).await;
        let mut client = edge.connect().await;
        let traceparent = format!("00-{TRACE_ID}-00f067aa0ba902b7-01");
        client.set_header("traceparent", Some(&traceparent));
        client.call("up_echo", json!({})).await;
        for metric in [
            "mcp_server_operation_duration_seconds_bucket{",
            "mcp_client_operation_duration_seconds_bucket{",
            "mcp_gateway_session_init_duration_seconds_bucket{",
        ] {
            until(&format!("{metric} has an exemplar"), PATIENCE, async || {
                let text = edge.admin("/metrics").await.text();
                let leads = |line: &str| {
                    let exemplar = line.split_once(" # ").map(|it| it.1).unwrap_or_default();
                    line.starts_with(metric) && exemplar.contains(TRACE_ID)
                };
                text.lines().any(leads).then_some(())
            })
            .await;
        }
    })
    .await;
}

#[tokio::test]
async fn figures_that_are_switched_off_leave_the_process() {
    at_each_front(async |front| {
        let server = McpServer::start(Kind::older("up")).await;
        let off = "telemetry: { metrics: { enabled: false } }";
        let edge = Edge::with(front, &[("up", server.url())], off).await;
        work(&edge).await;
        let text = edge.admin("/metrics").await.text();
        let shown = read(&text);
        assert!(text.contains("mcp_gateway_metrics_enabled 0\n"), "{front:?}:\n{text}");
        for family in shown.keys() {
            let stays = ["process_", "target", "mcp_gateway_metrics_enabled", "otel_"];
            let stays = stays.iter().any(|it| family.starts_with(it))
                || family.starts_with("mcp_gateway_traces");
            assert!(stays, "{front:?}: {family}");
        }
    })
    .await;
}
