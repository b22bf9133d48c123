//! What the text says after which observations.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::{CacheResult, DiscoveryStatus, Exemplar, Metrics, OTHER, Operation, SERIES_MAX};
use crate::status::Status;

fn metrics() -> (Metrics, Arc<str>) {
    (Metrics::new(Status::off()), Arc::from("demo/weather"))
}

fn operation(tool: Option<&str>, error: Option<&'static str>) -> Operation {
    let error = error.map(Cow::Borrowed);
    Operation { method: "tools/call", tool: tool.map(Arc::from), error }
}

fn assert_line(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "no line `{line}` in\n{text}");
}

#[test]
fn names_and_labels_are_those_that_dashboards_know() {
    let (metrics, server) = metrics();
    let second = Duration::from_secs(1);
    metrics.discovery(&server, DiscoveryStatus::Success, second);
    metrics.discovery(&server, DiscoveryStatus::Failure, second);
    metrics.tools_discovered(&server, 7);
    metrics.tools_list_bytes(&server, 1234);
    metrics.connection_failed(&server);
    metrics.server_operation(operation(Some("weather_forecast"), None), second, None);
    metrics.client_operation(&server, operation(Some("forecast"), Some("timeout")), second, None);
    metrics.session_opened();
    metrics.session_cache(CacheResult::Hit);
    metrics.session_cache(CacheResult::Miss);
    metrics.limit_reached("sessions_max");
    let text = metrics.encode();
    for line in [
        r#"mcp_broker_discovery_total{server_name="demo/weather",status="success"} 1"#,
        r#"mcp_broker_discovery_total{server_name="demo/weather",status="failure"} 1"#,
        r#"mcp_broker_discovery_duration_seconds_sum{server_name="demo/weather"} 2.0"#,
        r#"mcp_broker_discovery_duration_seconds_bucket{le="0.5",server_name="demo/weather"} 0"#,
        r#"mcp_broker_discovery_duration_seconds_bucket{le="1.0",server_name="demo/weather"} 2"#,
        r#"mcp_broker_tools_discovered{server_name="demo/weather"} 7"#,
        r#"mcp_broker_tools_list_response_bytes{server_name="demo/weather"} 1234"#,
        r#"mcp_broker_upstream_connection_failures_total{server_name="demo/weather"} 1"#,
        r#"mcp_server_operation_duration_seconds_count{mcp_method_name="tools/call",gen_ai_tool_name="weather_forecast",error_type=""} 1"#,
        r#"mcp_client_operation_duration_seconds_count{mcp_server="demo/weather",mcp_method_name="tools/call",gen_ai_tool_name="forecast",error_type="timeout"} 1"#,
        "mcp_gateway_sessions_opened_total 1",
        r#"mcp_gateway_session_cache_lookups_total{result="hit"} 1"#,
        r#"mcp_gateway_session_cache_lookups_total{result="miss"} 1"#,
        r#"mcp_gateway_limit_reached_total{limit="sessions_max"} 1"#,
        "mcp_gateway_traces_not_sampled_by_parent_total 0",
        "# EOF",
    ] {
        assert_line(&text, line);
    }
}

#[test]
fn every_metric_has_help_and_every_unit_is_named() {
    let (metrics, _) = metrics();
    let text = metrics.encode();
    let types: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(types.len() > 10, "{text}");
    for name in types.iter().filter_map(|line| line.split(' ').next()) {
        assert!(text.contains(&format!("# HELP {name} ")), "no help for {name}");
        for unit in ["seconds", "bytes"] {
            let says = text.contains(&format!("# UNIT {name} {unit}"));
            assert_eq!(says, name.ends_with(unit), "unit of {name}");
        }
    }
}

#[test]
fn a_removed_server_leaves_no_series() {
    let (metrics, server) = metrics();
    let other: Arc<str> = Arc::from("demo/weather-2");
    for server in [&server, &other] {
        metrics.discovery(server, DiscoveryStatus::Success, Duration::ZERO);
        metrics.tools_discovered(server, 1);
        metrics.tools_list_bytes(server, 1);
        metrics.connection_failed(server);
        metrics.client_operation(server, operation(None, None), Duration::ZERO, None);
    }
    let before = metrics.encode().matches("\"demo/weather-2\"").count();
    metrics.remove_server(&server);
    let text = metrics.encode();
    assert_eq!(text.matches("\"demo/weather\"").count(), 0, "{text}");
    assert_eq!(text.matches("\"demo/weather-2\"").count(), before, "{text}");
}

#[test]
fn exemplars_point_to_the_trace() {
    let (metrics, _) = metrics();
    let exemplar = Exemplar { trace_id: "abc".to_owned(), span_id: "def".to_owned() };
    metrics.server_operation(operation(None, None), Duration::from_millis(15), Some(exemplar));
    let text = metrics.encode();
    let bucket = text.lines().find(|line| line.contains("le=\"0.02\"")).expect("a bucket");
    assert!(bucket.ends_with("1 # {trace_id=\"abc\",span_id=\"def\"} 0.015"), "{bucket}");
}

#[test]
fn names_of_unbounded_variety_end_in_one_series() {
    let (metrics, _) = metrics();
    for tool in 0..SERIES_MAX + 5 {
        let tool = tool.to_string();
        metrics.server_operation(operation(Some(&tool), None), Duration::ZERO, None);
    }
    metrics.server_operation(operation(Some("0"), None), Duration::ZERO, None);
    let text = metrics.encode();
    let counts = text.lines().filter(|line| line.contains("operation_duration_seconds_count{"));
    assert_eq!(counts.count(), SERIES_MAX + 1);
    assert_line(
        &text,
        &format!(
            r#"mcp_server_operation_duration_seconds_count{{mcp_method_name="{OTHER}",gen_ai_tool_name="",error_type=""}} 5"#
        ),
    );
    assert_line(
        &text,
        r#"mcp_gateway_metric_series_overflow_total{metric="mcp_server_operation_duration"} 5"#,
    );
}

#[test]
fn label_values_are_escaped() {
    let (metrics, _) = metrics();
    metrics.tools_discovered(&Arc::from("a\"b\\c\nd"), 1);
    assert_line(&metrics.encode(), r#"mcp_broker_tools_discovered{server_name="a\"b\\c\nd"} 1"#);
}
