//! Audit events as log records: one failing call is the same in its log line, its record and its trace.

use axum::Router;
use serde_json::{Value, json};

use super::{ECHO, wait_for};
use crate::support::edge::{Edge, Front, Setup};
use crate::support::host::Host;
use crate::support::raw_server::RawServer;
use crate::support::record::Record;
use crate::support::wait::{PATIENCE, until};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Returns the audit events among the log records that have arrived.
fn records(received: &Record) -> Vec<Value> {
    let exports = received.all().into_iter().map(|request| {
        serde_json::from_slice::<Value>(&request.body).unwrap_or_else(|error| panic!("{error}"))
    });
    let mut records = Vec::new();
    for export in exports {
        let scopes = export["resourceLogs"][0]["scopeLogs"].as_array().cloned();
        for scope in scopes.unwrap_or_default() {
            records.extend(scope["logRecords"].as_array().cloned().unwrap_or_default());
        }
    }
    records.retain(|record| record["eventName"] == "mcp.audit");
    records
}

/// The value of an attribute, whatever its type.
fn attribute(record: &Value, key: &str) -> Option<String> {
    let mut all = record["attributes"].as_array()?.iter();
    let value = &all.find(|it| it["key"] == key)?["value"];
    let (_, value) = value.as_object()?.iter().next()?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[tokio::test]
async fn event_is_exported_whatever_the_level_and_names_the_trace_of_its_line() {
    let received = Record::default();
    let host = Host::start(received.of(Router::new().fallback(async || ""))).await;
    let raw = RawServer::start(&[ECHO]).await;
    let endpoint = format!("http://{}", host.address());
    let environment = [
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "20"),
    ];
    let config = "log: {format: json, level: error}";
    let setup = Setup { config, environment: &environment, ..Setup::default() };
    let edge = Edge::launch_with(Front::Standalone, &[("raw", raw.url())], setup).await;
    edge.until_up(1).await;
    let mut client = edge.connect().await;
    client.set_header("traceparent", Some(&format!("00-{TRACE}-00f067aa0ba902b7-01")));
    client.call("raw_echo", json!({})).await;
    client.call("raw_nope", json!({})).await;
    let lines = wait_for(&edge, 2).await;
    let all = async || Some(records(&received)).filter(|records| records.len() >= 2);
    let records = until("two audit events arrive", PATIENCE, all).await;
    for (line, record) in lines.iter().zip(&records) {
        assert_eq!((&line["trace_id"], &record["traceId"]), (&json!(TRACE), &json!(TRACE)));
        assert_eq!(line["span_id"], record["spanId"]);
        assert_eq!(line["message"], record["body"]["stringValue"]);
        for name in ["mcp.audit.sequence", "mcp.audit.outcome", "jsonrpc.request.id"] {
            let told = line[name].as_str().map_or_else(|| line[name].to_string(), str::to_owned);
            assert_eq!(attribute(record, name), Some(told), "{name} in {record}");
        }
        assert_eq!(attribute(record, "event.name"), None, "it is the record's own name: {record}");
    }
    assert_eq!(attribute(&records[1], "error.type").as_deref(), Some("tool_not_found"));
}
