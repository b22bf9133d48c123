//! Managers at work: lists merged, kept fresh and published.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use mcp_gateway_dataplane::upstream::{InvalidEntry, ServerState, ToolConflict};
use serde_json::json;

use super::fleet::{Fleet, config, entry, quick};
use crate::support::fault_server::{Fault, FaultServer, Form, Script, tool};
use crate::support::sample_server::{Sample, SampleServer, Settings};

const WITH_SESSIONS: Settings = Settings { sessions: true, json: false };
const WITHOUT: Settings = Settings { sessions: false, json: true };

/// A server that tells of changes on its stream.
fn telling() -> Script {
    Script { list_changed: true, on_stream: None, ..Script::default() }
}

#[tokio::test]
async fn lists_of_all_servers_are_merged_and_the_gateway_is_ready() {
    let one = SampleServer::start(WITH_SESSIONS, Sample::with_tools(&["read"])).await;
    let two = SampleServer::start(WITHOUT, Sample::with_tools(&["read", "write"])).await;
    let fleet = Fleet::start(config(vec![entry("one", &one.url()), entry("two", &two.url())]));
    fleet.tools_are(&["one_read", "two_read", "two_write"]).await;
    assert!(fleet.servers.ready());
    let status = fleet.servers.status();
    let shown: Vec<_> = status.iter().map(|s| (s.name.as_str(), s.state, s.tools)).collect();
    assert_eq!(shown, [("one", ServerState::Up, 1), ("two", ServerState::Up, 2)]);
    assert_eq!(status[0].address, one.address().to_string());
    assert_eq!(status[0].protocol_version.as_deref(), Some("2025-11-25"));
    assert!(status[0].server_info.is_some() && status[0].last_success.is_some(), "{status:?}");
    fleet.stop().await;
}

#[tokio::test]
async fn a_change_that_a_server_tells_is_read_at_once() {
    let server = SampleServer::start(WITH_SESSIONS, Sample::with_tools(&["old"])).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_old"]).await;
    fleet.until("the stream is open", || server.streams() == 1).await;
    server.sample.set_tools(&["new"]);
    server.sample.announce().await;
    fleet.tools_are(&["s_new"]).await;
    fleet.stop().await;
}

#[tokio::test]
async fn a_server_without_stream_is_read_again_and_again() {
    for script in [Script::default(), Script { list_changed: true, ..Script::default() }] {
        let server = FaultServer::start(script).await;
        let fleet = Fleet::start(quick(vec![entry("s", &server.url())]));
        fleet.tools_are(&["s_one"]).await;
        server.script().pages = vec![vec![tool("two")]];
        fleet.tools_are(&["s_two"]).await;
        assert_eq!(server.count("initialize"), 1);
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_changed_description_is_a_changed_list_and_the_same_list_is_none() {
    let server = FaultServer::start(Script::default()).await;
    let fleet = Fleet::start(quick(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    let revision = *fleet.snapshots.subscribe().borrow();
    let lists = server.count("tools/list");
    fleet.until("the list is read twice more", || server.count("tools/list") >= lists + 2).await;
    assert_eq!(*fleet.snapshots.subscribe().borrow(), revision, "nothing has changed");
    server.script().pages = vec![vec![tool("one").replace("a tool", "another tool")]];
    fleet.until("the new description is published", || fleet.list().contains("another tool")).await;
    assert_eq!(*fleet.snapshots.subscribe().borrow(), revision + 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_stream_that_ends_is_opened_again_and_what_it_missed_is_read() {
    let server = FaultServer::start(telling()).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    fleet.until("the stream is open", || server.streams() == 1).await;
    server.announce(&json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}));
    fleet
        .until("the ping is answered", || {
            server.seen().iter().any(|seen| seen.body["result"] == json!({}))
        })
        .await;
    server.script().pages = vec![vec![tool("two")]];
    server.end_streams();
    fleet.tools_are(&["s_two"]).await;
    fleet.until("the stream is open again", || server.streams() == 1).await;
    assert_eq!(server.count("initialize"), 1);
    fleet.stop().await;
}

#[tokio::test]
async fn the_stream_is_open_before_the_first_list_so_that_no_change_is_missed() {
    let server = FaultServer::start(telling()).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    let seen = server.seen();
    let stream = seen.iter().position(|seen| seen.verb == Method::GET);
    let list = seen.iter().position(|seen| seen.rpc() == "tools/list");
    assert!(stream.is_some() && stream < list, "{seen:?}");
    assert_eq!(server.count("tools/list"), 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_stream_that_opens_late_makes_the_list_be_read_once_more() {
    let server =
        FaultServer::start(Script { on_stream: Some(Fault::Status(503)), ..telling() }).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    assert_eq!(server.streams(), 0);
    server.script().pages = vec![vec![tool("two")]];
    server.script().on_stream = None;
    fleet.tools_are(&["s_two"]).await;
    assert_eq!(server.streams(), 1);
    fleet.stop().await;
}

#[tokio::test]
async fn a_burst_of_changes_is_not_a_burst_of_lists() {
    let server = FaultServer::start(telling()).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.until("the stream is open", || server.streams() == 1).await;
    let changed = json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"});
    server.script().pages = vec![vec![tool("two")]];
    for _ in 0..50 {
        server.announce(&changed);
    }
    fleet.tools_are(&["s_two"]).await;
    assert!(server.count("tools/list") <= 3, "{}", server.count("tools/list"));
    fleet.stop().await;
}

#[tokio::test]
async fn a_lost_session_is_opened_anew_and_the_list_stays() {
    for (lost_status, script) in
        [(404, Script::default()), (400, Script::default()), (404, telling())]
    {
        let server = FaultServer::start(Script { lost_status, ..script }).await;
        let fleet = Fleet::start(quick(vec![entry("s", &server.url())]));
        fleet.tools_are(&["s_one"]).await;
        let revision = *fleet.snapshots.subscribe().borrow();
        server.forget_sessions();
        fleet.until("a new session is opened", || server.count("initialize") == 2).await;
        fleet.state_is("s", ServerState::Up).await;
        assert_eq!(*fleet.snapshots.subscribe().borrow(), revision);
        assert_eq!(fleet.status("s").last_error, None, "a lost session is no failure");
        fleet.stop().await;
    }
}

#[tokio::test]
async fn an_open_stream_saves_reading_the_list_but_not_the_sign_of_life() {
    let server = FaultServer::start(telling()).await;
    let fleet = Fleet::start(quick(vec![entry("s", &server.url())]));
    fleet.until("pings are sent", || server.count("ping") >= 3).await;
    assert!(server.count("tools/list") < server.count("ping"), "{:?}", server.count("tools/list"));
    fleet.stop().await;
}

#[tokio::test]
async fn invariant_9_one_bad_server_changes_nothing_for_the_others() {
    let faults = [
        Fault::Html,
        Fault::Garbage,
        Fault::Status(500),
        Fault::CutStream,
        Fault::EndlessPages,
        Fault::Silent,
        Fault::WrongId,
        Fault::Long(200_000),
    ];
    let mut bad = BTreeMap::new();
    for (number, fault) in faults.into_iter().enumerate() {
        let script = Script { on_list: Some(fault), form: Form::Json, ..Script::default() };
        bad.insert(format!("bad{number}"), FaultServer::start(script).await);
    }
    let good = FaultServer::start(Script::default()).await;
    let mut entries: Vec<_> = bad.iter().map(|(name, server)| entry(name, &server.url())).collect();
    entries.push(entry("nobody", "http://127.0.0.1:1/mcp"));
    entries.push(entry("good", &good.url()));
    let mut config = quick(entries);
    config.limits.list_bytes_max = 10_000;
    let fleet = Fleet::start(config);
    fleet.tools_are(&["good_one"]).await;
    assert!(fleet.servers.ready());
    for name in bad.keys().filter(|name| *name != "bad5") {
        fleet.state_is(name, ServerState::Down).await;
    }
    fleet.state_is("nobody", ServerState::Down).await;
    fleet.state_is("good", ServerState::Up).await;
    fleet.tools_are(&["good_one"]).await;
    let failed = fleet.status("nobody").last_error.unwrap();
    assert_eq!(failed.reason, "connect_failed");
    assert!(failed.message.contains("refused"), "{failed:?}");
    fleet.stop().await;
}

#[tokio::test]
async fn invalid_tools_and_conflicts_are_left_out_and_reported() {
    let script = |pages| Script { pages, ..Script::default() };
    let no_schema = r#"{"name":"bare"}"#.to_owned();
    let one = FaultServer::start(script(vec![vec![tool("a"), no_schema, tool("b")]])).await;
    let two = FaultServer::start(script(vec![vec![tool("b"), tool("c")]])).await;
    let mut entries = vec![entry("one", &one.url()), entry("two", &two.url())];
    for entry in &mut entries {
        entry.prefix.clear();
    }
    let fleet = Fleet::start(config(entries));
    fleet.tools_are(&["a", "b", "c"]).await;
    let status = fleet.status("one");
    assert_eq!((status.state, status.tools, status.invalid_tools), (ServerState::Up, 2, 1));
    let problem = status.invalid_tool_list[0].problem.clone();
    assert!(problem.contains("bare"), "{problem}");
    assert_eq!(status.invalid_tool_list, [InvalidEntry { position: 1, problem }]);
    assert_eq!(status.conflicts, []);
    let conflict = ToolConflict { tool: "b".to_owned(), kept_by: "one".to_owned() };
    assert_eq!(fleet.status("two").conflicts, [conflict]);
    fleet.stop().await;
}

#[tokio::test]
async fn sessions_are_closed_at_the_end_and_figures_are_kept() {
    let server = FaultServer::start(Script::default()).await;
    let fleet =
        Fleet::start(config(vec![entry("s", &server.url()), entry("x", "http://127.0.0.1:1/mcp")]));
    fleet.tools_are(&["s_one"]).await;
    fleet.state_is("x", ServerState::Down).await;
    let figures = fleet.metrics.encode();
    for line in [
        r#"mcp_broker_discovery_total{server_name="s",status="success"} 1"#,
        r#"mcp_broker_discovery_total{server_name="x",status="failure"} 1"#,
        r#"mcp_broker_tools_discovered{server_name="s"} 1"#,
        r#"mcp_broker_upstream_connection_failures_total{server_name="x"} 1"#,
        r#"mcp_broker_tools_list_response_bytes{server_name="s"} "#,
        r#"mcp_broker_discovery_duration_seconds_count{server_name="s"} 1"#,
    ] {
        assert!(figures.contains(line), "{line} in\n{figures}");
    }
    assert_eq!(server.verbs(&Method::DELETE), 0);
    fleet.stop().await;
    assert_eq!(server.verbs(&Method::DELETE), 1);
}

#[tokio::test]
async fn a_gateway_without_servers_is_ready_and_one_that_waits_for_its_servers_is_not() {
    let fleet = Fleet::start(config(Vec::new()));
    assert!(fleet.servers.ready());
    fleet.stop().await;
    let script = Script { on_list: Some(Fault::Silent), ..Script::default() };
    let server = FaultServer::start(script).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.until("the list is asked for", || server.count("tools/list") == 1).await;
    assert_eq!(fleet.servers.state("s"), Some(ServerState::Connecting));
    assert!(!fleet.servers.ready(), "initialised is not up");
    tokio::time::timeout(Duration::from_secs(5), fleet.stop()).await.unwrap();
}
