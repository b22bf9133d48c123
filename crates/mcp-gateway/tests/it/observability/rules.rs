//! Recording and alert rules: accepted by promtool, tested by it, and of use to who is woken by them.

use std::collections::BTreeSet;

use mcp_gateway_telemetry::name::metric::ALL;
use mcp_gateway_telemetry::status::{DropReason, FailureReason};
use serde_json::Value;

use super::{path, read, yaml};
use crate::support::program::{Finished, Program};
use crate::support::tools::tool;
use crate::support::wait::PATIENCE;

async fn promtool(arguments: &[&str], file: &str) -> Finished {
    let mut all: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    all.push(path(file).display().to_string());
    Program::start("promtool", &tool("promtool"), &all, &[]).finished(PATIENCE).await
}

#[tokio::test]
async fn promtool_accepts_configuration_and_rules() {
    let checked = promtool(&["check", "config"], "prometheus/prometheus.yaml").await;
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    for rules in ["recording.yaml", "alerts.yaml"] {
        assert!(checked.stdout.contains(rules), "{rules} is not loaded: {}", checked.stdout);
    }
}

#[tokio::test]
async fn alerts_fire_on_what_they_are_about() {
    let tested = promtool(&["test", "rules"], "prometheus/alerts_test.yaml").await;
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);
}

/// A test with series that no gateway writes proves nothing.
#[test]
fn alerts_are_tested_with_series_as_the_gateway_writes_them() {
    let reasons: Vec<&str> = DropReason::ALL
        .map(DropReason::as_str)
        .into_iter()
        .chain(FailureReason::ALL.map(FailureReason::as_str))
        .collect();
    let mut seen = 0;
    for test in yaml("prometheus/alerts_test.yaml")["tests"].as_array().unwrap() {
        for series in test["input_series"].as_array().unwrap() {
            let series = series["series"].as_str().unwrap();
            let (name, labels) = series.strip_suffix('}').unwrap().split_once('{').unwrap();
            if name == "up" || name.starts_with("otelcol_") {
                continue;
            }
            let base = ["_bucket", "_count"].iter().find_map(|end| name.strip_suffix(end));
            let metric = ALL
                .iter()
                .find(|metric| [Some(name), base].contains(&Some(metric.prometheus)))
                .unwrap_or_else(|| panic!("nobody measures {series}"));
            for label in labels.split(", ") {
                let (label, value) = label.split_once('=').unwrap();
                let is_known = metric.labels.iter().any(|known| known.replace('.', "_") == label);
                assert!(
                    is_known || ["job", "instance", "le"].contains(&label),
                    "{label}: {series}"
                );
                if label == "error_type" && name.starts_with("otel_sdk_") {
                    assert!(reasons.contains(&value.trim_matches('"')), "{value}: {series}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn every_alert_is_tested_and_says_what_to_do() {
    let tests = read("prometheus/alerts_test.yaml");
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap().to_owned();
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} has no test");
        let severity = alert["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("critical" | "warning")), "{name}: {severity:?}");
        let annotations = &alert["annotations"];
        assert!(annotations["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{name}");
        assert!(annotations["runbook"].as_str().is_some_and(|text| text.len() > 80), "{name}");
        assert!(names.insert(name.clone()), "{name} is there twice");
    }
    assert!(names.len() >= 10, "{names:?}");
}

fn alerts() -> Vec<Value> {
    let groups = yaml("prometheus/alerts.yaml");
    let groups = groups["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap().clone()).collect()
}
