//! The queries in dashboards and rules, as a test can ask it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{path, yaml};

/// One expression, and where it stands.
#[derive(Clone, Debug)]
pub struct Query {
    /// File and panel or rule.
    pub place: String,
    /// With Grafana's variables replaced.
    pub expression: String,
    /// Whether it finds something only while something is wrong.
    pub is_alert: bool,
}

/// What Grafana puts into the place of its variables: everything, and a range of a few scrapes.
const VARIABLES: [(&str, &str); 4] =
    [("$__rate_interval", "1m"), ("$instance", ".*"), ("$server", ".*"), ("$tool", ".*")];

/// Reads the dashboards: file name and content.
pub fn dashboards() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = fs::read_dir(path("grafana/dashboards"))
        .unwrap()
        .flatten()
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            let content =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, content)
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

/// Returns every query to Prometheus: those of the panels, and those of the rules.
pub fn queries() -> Vec<Query> {
    let mut all = Vec::new();
    for (file, dashboard) in dashboards() {
        for panel in dashboard["panels"].as_array().unwrap() {
            let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
            for target in targets.iter().filter(|target| is_of(target, "prometheus")) {
                let place = format!("{file}: {}", panel["title"].as_str().unwrap());
                let expression = replaced(target["expr"].as_str().unwrap());
                all.push(Query { place, expression, is_alert: false });
            }
        }
    }
    for file in ["recording.yaml", "alerts.yaml"] {
        for group in yaml(&format!("prometheus/{file}"))["groups"].as_array().unwrap() {
            for rule in group["rules"].as_array().unwrap() {
                let name = rule["record"].as_str().or(rule["alert"].as_str()).unwrap();
                all.push(Query {
                    place: format!("{file}: {name}"),
                    expression: rule["expr"].as_str().unwrap().to_owned(),
                    is_alert: rule["alert"].is_string(),
                });
            }
        }
    }
    all
}

/// Whether a panel or a target asks this kind of data source.
pub fn is_of(part: &Value, kind: &str) -> bool {
    part["datasource"]["type"] == kind
}

fn replaced(expression: &str) -> String {
    let mut text = expression.to_owned();
    for (variable, value) in VARIABLES {
        text = text.replace(variable, value);
    }
    // What is left is a group of `label_replace`.
    let rest = text.replace("\"$1\"", "");
    assert!(!rest.contains('$'), "a variable that the test does not know: {expression}");
    text
}

/// Returns the names of metrics in an expression: what is left of its words without labels, texts and functions.
pub fn metrics(expression: &str) -> BTreeSet<String> {
    let mut text = String::new();
    let (mut is_text, mut is_label) = (false, false);
    let mut words = expression.replace(['\n', ','], " ");
    for list in ["by (", "on (", "group_left ("] {
        // Lists of labels become lists that the loop below leaves out.
        words = words.replace(list, "{(");
    }
    for character in words.chars() {
        match character {
            '"' => is_text = !is_text,
            _ if is_text => {}
            '{' => is_label = true,
            '}' => is_label = false,
            ')' if is_label => is_label = false,
            _ if is_label => {}
            _ => text.push(character),
        }
    }
    text.split(|character: char| !(character.is_ascii_alphanumeric() || "_:".contains(character)))
        .filter(|word| {
            ["mcp_", "otel_", "process_", "otelcol_"].iter().any(|begin| word.starts_with(begin))
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn names_of_metrics_are_told_from_names_of_labels() {
    let expression = r#"sum by (mcp_server, le) (rate(mcp_a_bucket{mcp_server=~".*", x="mcp_b"}[1m])) / on (job) group_left () process_c"#;
    let found: Vec<String> = metrics(expression).into_iter().collect();
    assert_eq!(found, ["mcp_a_bucket", "process_c"]);
}
