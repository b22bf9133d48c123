//! Dashboards as Grafana reads them: every panel has its place, its data source and its words.

use std::collections::BTreeSet;

use serde_json::Value;

use super::query::dashboards;
use super::yaml;

/// The dashboards that there must be.
const FILES: [&str; 5] =
    ["fleet.json", "server.json", "session.json", "telemetry.json", "tool.json"];
/// Columns of Grafana's grid.
const COLUMNS: u64 = 24;

#[test]
fn dashboards_are_whole() {
    let sources = data_sources();
    let names: Vec<String> = dashboards().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, FILES);
    let mut ids = BTreeSet::new();
    for (file, dashboard) in dashboards() {
        let id = dashboard["uid"].as_str().unwrap().to_owned();
        assert!(ids.insert(id), "{file}: its uid is another's");
        assert!(dashboard["title"].as_str().unwrap().starts_with("MCP gateway / "), "{file}");
        assert_eq!(
            dashboard["tags"][0], "mcp-gateway",
            "{file}: the links between dashboards go by it"
        );
        let variables: Vec<&Value> =
            dashboard["templating"]["list"].as_array().unwrap().iter().collect();
        for variable in &variables {
            assert_eq!(variable["allValue"], ".*", "{file}");
        }
        for panel in dashboard["panels"].as_array().unwrap() {
            check_panel(&file, panel, &sources);
        }
        check_places(&file, dashboard["panels"].as_array().unwrap());
    }
}

fn check_panel(file: &str, panel: &Value, sources: &BTreeSet<String>) {
    let title = panel["title"].as_str().unwrap();
    let place = format!("{file}: {title}");
    assert!(!title.is_empty(), "{place}");
    if panel["type"] == "row" {
        return;
    }
    let source = panel["datasource"]["uid"].as_str().unwrap();
    assert!(sources.contains(source), "{place}: no data source {source}");
    let targets = panel["targets"].as_array().unwrap();
    assert!(!targets.is_empty(), "{place}");
    let references: BTreeSet<&str> =
        targets.iter().map(|target| target["refId"].as_str().unwrap()).collect();
    assert_eq!(references.len(), targets.len(), "{place}: two targets with one name");
    for target in targets {
        assert_eq!(target["datasource"], panel["datasource"], "{place}");
        let text = target["expr"].as_str().or(target["query"].as_str());
        assert!(text.is_some_and(|text| !text.is_empty()), "{place}");
    }
    let unit = &panel["fieldConfig"]["defaults"]["unit"];
    if ["stat", "timeseries"].iter().any(|kind| panel["type"] == *kind) {
        assert!(unit.is_string(), "{place} has no unit");
    }
}

fn check_places(file: &str, panels: &[Value]) {
    let mut taken = BTreeSet::new();
    for panel in panels {
        let number = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        let (left, top, width, height) = (number("x"), number("y"), number("w"), number("h"));
        assert!(left + width <= COLUMNS, "{file}: {}", panel["title"]);
        for cell in (left..left + width).flat_map(|x| (top..top + height).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "{file}: {} is on another panel", panel["title"]);
        }
    }
}

/// From every place to the next: an exemplar to its trace, a trace to its log lines and metrics, a line to its trace.
#[test]
fn data_sources_lead_to_each_other() {
    let sources = yaml("grafana/provisioning/datasources.yaml");
    let find = |id: &str| {
        let all = sources["datasources"].as_array().unwrap();
        all.iter().find(|source| source["uid"] == id).unwrap()["jsonData"].clone()
    };
    let exemplar = &find("prometheus")["exemplarTraceIdDestinations"][0];
    assert_eq!(
        (&exemplar["name"], &exemplar["datasourceUid"]),
        (&"trace_id".into(), &"tempo".into())
    );
    let tempo = find("tempo");
    assert_eq!(tempo["tracesToLogsV2"]["datasourceUid"], "loki");
    let query = tempo["tracesToLogsV2"]["query"].as_str().unwrap();
    assert_eq!(query, r#"{$${__tags}} | trace_id="$${__trace.traceId}""#);
    assert_eq!(tempo["tracesToMetrics"]["datasourceUid"], "prometheus");
    let derived = &find("loki")["derivedFields"][0];
    assert_eq!(derived["datasourceUid"], "tempo");
    assert_eq!(derived["matcherRegex"], "trace_id");
    assert_eq!(derived["url"], "$${__value.raw}");
}

fn data_sources() -> BTreeSet<String> {
    let sources = yaml("grafana/provisioning/datasources.yaml");
    let all = sources["datasources"].as_array().unwrap();
    all.iter().map(|source| source["uid"].as_str().unwrap().to_owned()).collect()
}
