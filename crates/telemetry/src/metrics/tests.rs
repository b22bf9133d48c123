//! What the text says after which observations.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{
    CacheResult, DiscoveryStatus, Exemplar, Metrics, MetricsOptions, OTHER, Operation, Peer,
    Request, Session, SessionEnd, TextFormat,
};
use crate::name::metric::{ALL, Kind};
use crate::status::Status;

const SECOND: Option<Duration> = Some(Duration::from_secs(1));

pub(super) fn metrics() -> (Metrics, Peer) {
    (Metrics::new(Status::off()), peer("demo/weather"))
}

fn peer(name: &str) -> Peer {
    Peer { name: Arc::from(name), address: Arc::from("weather.local"), port: 9101 }
}

pub(super) fn operation(tool: Option<&str>, error: Option<&'static str>) -> Operation {
    Operation {
        method: "tools/call",
        tool: tool.map(Arc::from),
        error: error.map(Cow::Borrowed),
        protocol_version: Some("2025-06-18"),
        ..Operation::default()
    }
}

/// One observation of everything.
fn observe(metrics: &Metrics, peer: &Peer) {
    let server = &peer.name;
    metrics.discovery(server, DiscoveryStatus::Success, Duration::from_secs(1));
    metrics.discovery(server, DiscoveryStatus::Failure, Duration::from_secs(1));
    metrics.tools_discovered(server, 7);
    metrics.tools_list_bytes(server, 1234);
    metrics.connection_failed(server);
    metrics.server_operation(operation(Some("weather_forecast"), None), SECOND, || None);
    let failed = Operation {
        rpc_code: Some("-32603"),
        http_version: Some("1.1"),
        ..operation(Some("forecast"), Some("timeout"))
    };
    metrics.client_operation(peer.clone(), failed, SECOND, || None);
    metrics.request(Request { front_end: "proxy", status: Some(204), error_source: None });
    metrics.request(Request { front_end: "proxy", status: None, error_source: Some("client") });
    metrics.session_init(server, Some("tls_failed"), SECOND, || None);
    let end = SessionEnd { protocol_version: "2025-06-18", error: None };
    metrics.client_session(peer.clone(), end, Duration::from_secs(61));
    metrics.session_cache(CacheResult::Hit);
    metrics.session_cache(CacheResult::Miss);
    metrics.limit_reached("sessions_max");
    metrics.stream_opened();
    let opened_at = 20_000_000_000;
    let session = Session { opened_at, expires_at: opened_at + 60, protocol_version: "2025-06-18" };
    metrics.session_opened(session);
    metrics.session_opened(session);
    metrics.session_ended(session, Duration::from_secs(opened_at + 6));
}

fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "no line `{line}` in\n{text}");
}

#[test]
fn names_and_labels_are_those_that_dashboards_know() {
    let (metrics, peer) = metrics();
    observe(&metrics, &peer);
    let text = metrics.encode();
    for line in [
        r#"mcp_broker_discovery_total{server_name="demo/weather",status="success"} 1"#,
        r#"mcp_broker_discovery_total{server_name="demo/weather",status="failure"} 1"#,
        r#"mcp_broker_discovery_duration_seconds_sum{server_name="demo/weather"} 2.0"#,
        r#"mcp_broker_discovery_duration_seconds_bucket{server_name="demo/weather",le="0.5"} 0"#,
        r#"mcp_broker_discovery_duration_seconds_bucket{server_name="demo/weather",le="1.0"} 2"#,
        r#"mcp_broker_discovery_duration_seconds_bucket{server_name="demo/weather",le="+Inf"} 2"#,
        r#"mcp_broker_tools_discovered{server_name="demo/weather"} 7"#,
        r#"mcp_broker_tools_list_response_bytes{server_name="demo/weather"} 1234"#,
        r#"mcp_broker_upstream_connection_failures_total{server_name="demo/weather"} 1"#,
        r#"mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="weather_forecast",gen_ai_operation_name="execute_tool",mcp_protocol_version="2025-06-18",network_transport="tcp",network_protocol_name="http"} 1"#,
        r#"mcp_client_operation_duration_seconds_count{mcp_server="demo/weather",server_address="weather.local",server_port="9101",mcp_method_name="tools/call",gen_ai_tool_name="forecast",gen_ai_operation_name="execute_tool",error_type="timeout",rpc_response_status_code="-32603",mcp_protocol_version="2025-06-18",network_transport="tcp",network_protocol_name="http",network_protocol_version="1.1"} 1"#,
        r#"mcp_server_session_duration_seconds_sum{mcp_protocol_version="2025-06-18",network_transport="tcp",network_protocol_name="http"} 6.0"#,
        r#"mcp_client_session_duration_seconds_sum{mcp_server="demo/weather",server_address="weather.local",server_port="9101",mcp_protocol_version="2025-06-18",network_transport="tcp",network_protocol_name="http"} 61.0"#,
        r#"mcp_gateway_requests_total{front_end="proxy",http_response_status_class="2xx"} 1"#,
        r#"mcp_gateway_requests_total{front_end="proxy",http_response_status_class="none",error_source="client"} 1"#,
        r#"mcp_gateway_session_init_duration_seconds_count{mcp_server="demo/weather",error_type="tls_failed"} 1"#,
        "mcp_gateway_sessions_opened_total 2",
        "mcp_gateway_sessions_ended_total 1",
        "mcp_gateway_sessions_active 1",
        "mcp_gateway_streams_open 1",
        r#"mcp_gateway_session_cache_lookups_total{result="hit"} 1"#,
        r#"mcp_gateway_session_cache_lookups_total{result="miss"} 1"#,
        r#"mcp_gateway_limit_reached_total{limit="sessions_max"} 1"#,
        r#"mcp_gateway_metric_series_overflow_total{metric="mcp.server.operation.duration"} 0"#,
        "mcp_gateway_metrics_enabled 1",
        "mcp_gateway_traces_not_sampled_by_parent_total 0",
        "# EOF",
    ] {
        assert_line(&text, line);
    }
}

#[test]
fn every_metric_has_help_and_every_unit_is_named() {
    let (metrics, peer) = metrics();
    observe(&metrics, &peer);
    let text = metrics.encode();
    let types: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(types.len() > 20, "{text}");
    for name in types.iter().filter_map(|line| line.split(' ').next()) {
        assert!(text.contains(&format!("# HELP {name} ")), "no help for {name}");
        for unit in ["seconds", "bytes"] {
            let says = text.contains(&format!("# UNIT {name} {unit}"));
            assert_eq!(says, name.ends_with(unit), "unit of {name}");
        }
    }
}

#[test]
fn names_for_prometheus_follow_from_those_of_opentelemetry() {
    for metric in ALL {
        assert!(!metric.help.is_empty() && !metric.help.ends_with('.'), "{}", metric.name);
        assert_eq!(metric.kind == Kind::Histogram, !metric.buckets.is_empty(), "{}", metric.name);
        assert!(metric.buckets.is_sorted(), "{}", metric.name);
        let is_total = metric.prometheus.ends_with("_total");
        assert_eq!(metric.kind == Kind::Counter, is_total, "{}", metric.prometheus);
        // Names that others have given are as they are.
        let is_given =
            metric.name == metric.prometheus || metric.prometheus.starts_with("process_");
        let unit = match metric.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = if is_total { "_total" } else { "" };
        let expect = format!("{}{unit}{total}", metric.name.replace('.', "_"));
        let is_time = metric.prometheus.ends_with("_timestamp_seconds");
        assert!(is_given || is_time || metric.prometheus == expect, "{}", metric.prometheus);
    }
    let by_name: BTreeMap<_, _> = ALL.iter().map(|metric| (metric.prometheus, metric)).collect();
    assert_eq!(by_name.len(), ALL.len(), "two metrics share a name");
}

#[test]
fn a_metric_says_nothing_that_its_table_does_not_say() {
    let (metrics, peer) = metrics();
    observe(&metrics, &peer);
    for family in metrics.gather() {
        let metric = ALL.iter().find(|metric| **metric == family.metric);
        let metric = metric.unwrap_or_else(|| panic!("{} is not listed", family.metric.name));
        for label in family.points.iter().flat_map(|point| &point.labels) {
            assert!(metric.labels.contains(&label.name), "{} of {}", label.name, metric.name);
        }
    }
}

#[test]
fn a_removed_server_leaves_no_series() {
    let (metrics, weather) = metrics();
    let other = peer("demo/weather-2");
    observe(&metrics, &weather);
    observe(&metrics, &other);
    let before = metrics.encode().matches("\"demo/weather-2\"").count();
    metrics.remove_server(&weather.name);
    let text = metrics.encode();
    assert_eq!(text.matches("\"demo/weather\"").count(), 0, "{text}");
    assert_eq!(text.matches("\"demo/weather-2\"").count(), before, "{text}");
}

#[test]
fn exemplars_point_to_the_trace_of_a_sampled_span() {
    let (metrics, _) = metrics();
    for (id, is_sampled) in [(0xab, true), (0xcd, false)] {
        let exemplar = Exemplar { trace_id: [id; 16], span_id: [id; 8], is_sampled };
        let duration = Some(Duration::from_millis(15));
        metrics.server_operation(operation(None, None), duration, || Some(exemplar));
    }
    let text = metrics.encode();
    let bucket = text.lines().find(|line| line.contains("le=\"0.02\"")).expect("a bucket");
    let ids = format!("{{trace_id=\"{}\",span_id=\"{}\"}}", "ab".repeat(16), "ab".repeat(8));
    let (sample, exemplar) = bucket.split_once(" # ").expect("an exemplar");
    assert!(sample.ends_with(" 2"), "{bucket}");
    let parts: Vec<&str> = exemplar.split(' ').collect();
    assert_eq!(parts[..2], [ids.as_str(), "0.015"], "{bucket}");
    assert!(parts[2].parse::<f64>().is_ok_and(|at| at > 1.0e9), "{bucket}");
    let older = metrics.encode_as(TextFormat::Prometheus);
    assert!(!older.contains("trace_id") && !older.contains("# EOF"), "{older}");
    assert!(older.contains("# TYPE mcp_gateway_sessions_opened_total counter"), "{older}");
}

#[test]
fn names_of_unbounded_variety_end_in_one_series() {
    let options = MetricsOptions { series_max: 50, ..MetricsOptions::default() };
    let metrics = Metrics::with_options(Status::off(), options);
    for tool in 0..55 {
        metrics.server_operation(operation(Some(&tool.to_string()), None), SECOND, || None);
    }
    metrics.server_operation(operation(Some("0"), None), SECOND, || None);
    let text = metrics.encode();
    let counts = text.lines().filter(|line| line.contains("operation_duration_seconds_count{"));
    assert_eq!(counts.count(), 51);
    assert_line(
        &text,
        &format!(
            r#"mcp_server_operation_duration_seconds_count{{mcp_method_name="{OTHER}",network_transport="tcp",network_protocol_name="http"}} 5"#
        ),
    );
    assert_line(
        &text,
        r#"mcp_gateway_metric_series_overflow_total{metric="mcp.server.operation.duration"} 5"#,
    );
}

#[test]
fn switched_off_the_process_and_telemetry_remain() {
    let options = MetricsOptions { enabled: false, ..MetricsOptions::default() };
    let metrics = Metrics::with_options(Status::off(), options);
    assert!(metrics.now().is_none());
    observe(&metrics, &peer("demo/weather"));
    let text = metrics.encode();
    assert_line(&text, "mcp_gateway_metrics_enabled 0");
    assert_line(&text, "mcp_gateway_traces_not_sampled_by_parent_total 0");
    for name in
        ["process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_open_fds "]
    {
        assert!(text.lines().any(|line| line.starts_with(name)), "no {name} in\n{text}");
    }
    for name in ["mcp_broker_", "mcp_server_", "mcp_client_", "mcp_gateway_sessions", "demo"] {
        assert!(!text.contains(name), "{name} in\n{text}");
    }
}

#[test]
fn the_process_is_told_as_others_tell_it() {
    let text = metrics().0.encode();
    let value = |name: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).expect(name)
    };
    assert!(value("process_resident_memory_bytes") > 1.0e6, "{text}");
    assert!(value("process_open_fds") >= 3.0, "{text}");
    assert!(value("process_max_fds") >= value("process_open_fds"), "{text}");
    assert!(value("process_threads") >= 1.0, "{text}");
    assert!(value("process_start_time_seconds") > 1.0e9, "{text}");
    assert!(value("process_cpu_seconds_total") >= 0.0, "{text}");
}

#[test]
fn label_values_are_escaped() {
    let (metrics, _) = metrics();
    metrics.tools_discovered(&Arc::from("a\"b\\c\nd"), 1);
    assert_line(&metrics.encode(), r#"mcp_broker_tools_discovered{server_name="a\"b\\c\nd"} 1"#);
}
