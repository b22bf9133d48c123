//! Audit events, as a running gateway writes them at each front end.

mod ends;
mod export;
mod policy;
mod switch;

use serde_json::{Map, Value};

use crate::support::edge::Edge;
use crate::support::wait::{PATIENCE, until};

/// Log lines that a test can read.
const JSON: &str = "log: {format: json}";
/// A tool of a raw server.
const ECHO: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;

/// One audit event.
type Event = Map<String, Value>;

/// Returns the audit events that have been written so far.
fn events(log: &str) -> Vec<Event> {
    let lines = log.lines().filter(|line| line.starts_with('{') && line.ends_with('}'));
    let events = lines.map(|line| {
        serde_json::from_str::<Event>(line).unwrap_or_else(|error| panic!("{error} in {line}"))
    });
    events.filter(|event| event["target"] == "mcp_gateway_audit").collect()
}

/// Waits until so many have been written, and returns all.
async fn wait_for(edge: &Edge, count: usize) -> Vec<Event> {
    let found = async || Some(events(&edge.log())).filter(|events| events.len() >= count);
    until(&format!("{count} audit events"), PATIENCE, found).await
}
