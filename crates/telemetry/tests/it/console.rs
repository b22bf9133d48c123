//! What goes to standard output when the environment asks for it: one JSON object per item.

use std::process::Command;

use mcp_gateway_telemetry::Signal;
use mcp_gateway_telemetry::log::AUDIT_TARGET;
use serde_json::Value;
use tracing::dispatcher::with_default;

use crate::support::run;
use crate::support::send::{SIGNALS, Sender, exporter_variable};

/// Writes an item of each signal to standard output, for the test below, which starts it in a process of its own.
#[test]
fn child_process_writes_to_the_console() {
    if std::env::var("WRITE_TO_CONSOLE").is_err() {
        return;
    }
    run(async {
        let names = SIGNALS.map(exporter_variable);
        let all: Vec<_> = names.iter().map(|name| (name.as_str(), "console")).collect();
        let sender = Sender::new(&all);
        for signal in SIGNALS {
            sender.make(signal, "on_the_console");
        }
        with_default(&sender.dispatch, || {
            tracing::info!(target: AUDIT_TARGET, { event.name = "mcp.audit" }, "Called.");
        });
        let report = sender.finish().await;
        assert_eq!(report.lost(), 0, "{report:?}");
        assert_eq!(sender.account(Signal::Logs).target, "stdout");
    });
}

#[test]
fn each_item_is_a_line_on_the_console() {
    let output = Command::new(std::env::current_exe().expect("a program"))
        .args(["--exact", "console::child_process_writes_to_the_console", "--nocapture"])
        .env("WRITE_TO_CONSOLE", "1")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let lines: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let find = |key: &str, value: &str| {
        let found = lines.iter().find(|line| line[key] == value);
        found.unwrap_or_else(|| panic!("no {key} {value} in\n{text}"))
    };
    assert_eq!(find("span", "on_the_console")["kind"], "server");
    let log = find("log", "on_the_console");
    assert_eq!((&log["severity"], &log["scope"]), (&"INFO".into(), &"mcp_gateway_test".into()));
    assert_eq!(log["attributes"]["marker"], "on_the_console");
    assert_eq!(find("log", "Called.")["event_name"], "mcp.audit");
    let limits = lines
        .iter()
        .find(|line| line["metric"].as_str().is_some_and(|name| name.contains("limit")));
    let points = &limits.unwrap_or_else(|| panic!("{text}"))["sum"]["dataPoints"];
    assert_eq!(points[0]["asInt"], "1", "{points}");
}
