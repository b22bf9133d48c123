//! A policy in Envoy, between the router and the server, that refuses a call.

use serde_json::json;
use serde_yaml_ng::Value;

use super::{ECHO, JSON, wait_for};
use crate::support::edge::{Edge, Front, Setup};
use crate::support::raw_server::RawServer;

/// Refuses the tool `raw_echo`, by the header that the router sets for policies.
const POLICY: &str = "
name: envoy.filters.http.rbac
typed_config:
  '@type': type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
  rules:
    action: DENY
    policies:
      nobody:
        permissions:
          - header: {name: x-mcp-toolname, string_match: {exact: echo}}
          - header: {name: x-mcp-toolname, string_match: {exact: raw_echo}}
        principals: [{any: true}]
";

/// Puts the policy in front of Envoy's router filter.
fn with_policy(bootstrap: &str) -> String {
    let mut bootstrap: Value = serde_yaml_ng::from_str(bootstrap).unwrap();
    let policy: Value = serde_yaml_ng::from_str(POLICY).unwrap();
    let filters = find(&mut bootstrap, "http_filters").expect("http_filters");
    let filters = filters.as_sequence_mut().unwrap();
    filters.insert(filters.len() - 1, policy);
    serde_yaml_ng::to_string(&bootstrap).unwrap()
}

fn find<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Mapping(map) => {
            let is_here = map.contains_key(key);
            map.iter_mut().find_map(|(name, value)| {
                if is_here {
                    (name.as_str() == Some(key)).then_some(value)
                } else {
                    find(value, key)
                }
            })
        }
        Value::Sequence(all) => all.iter_mut().find_map(|value| find(value, key)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Tagged(_) => {
            None
        }
    }
}

#[tokio::test]
async fn refusal_of_a_policy_is_told_as_one() {
    // The policy refuses the session with the server that the call needs, before it comes to the call.
    let raw = RawServer::start(&[ECHO]).await;
    let setup = Setup { config: JSON, bootstrap: Some(with_policy), ..Setup::default() };
    let edge = Edge::launch_with(Front::Duplex, &[("raw", raw.url())], setup).await;
    edge.until_up(1).await;
    let mut client = edge.connect().await;
    let answer = client.call("raw_echo", json!({})).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let events = wait_for(&edge, 1).await;
    for (name, expect) in [
        ("mcp.audit.decision", json!("refused")),
        ("mcp.audit.outcome", json!("refused")),
        ("mcp.server", json!("demo/raw")),
        ("gen_ai.tool.name", json!("raw_echo")),
        ("http.response.status_code", json!(403)),
        ("error.type", json!("403")),
        ("error_source", json!("client")),
    ] {
        assert_eq!(events[0].get(name), Some(&expect), "{name} in {events:?}");
    }
}
