//! Servers that fail for a while: what stays, what goes, and that they come back.

use std::time::Duration;

use mcp_gateway_core::config::Limits;
use mcp_gateway_dataplane::upstream::{FAILURES_MAX, ServerState};

use super::fleet::{Fleet, config, entry, quick};
use crate::support::fault_server::{Fault, FaultServer, Script};
use crate::support::sample_server::{Sample, SampleServer, Settings};

#[tokio::test]
async fn a_short_failure_keeps_the_list_and_a_longer_one_does_not() {
    let server = FaultServer::start(Script::default()).await;
    // Pauses between failures are about a second: long enough to look at each.
    let mut config = config(vec![entry("s", &server.url())]);
    config.limits.upstream_refresh_interval = Duration::from_secs(1);
    let fleet = Fleet::start(config);
    fleet.tools_are(&["s_one"]).await;
    server.script().on_list = Some(Fault::Status(500));
    fleet.state_is("s", ServerState::Degraded).await;
    fleet.tools_are(&["s_one"]).await;
    assert!(fleet.servers.ready(), "its tools are still offered");
    assert_eq!(fleet.status("s").last_error.unwrap().reason, "http_5xx");
    fleet.state_is("s", ServerState::Down).await;
    fleet.tools_are(&[]).await;
    assert!(!fleet.servers.ready());
    // One good list, then as many failures as it takes.
    assert_eq!(server.count("tools/list"), 1 + FAILURES_MAX as usize);
    server.script().on_list = None;
    fleet.tools_are(&["s_one"]).await;
    assert_eq!(fleet.status("s").state, ServerState::Up);
    fleet.stop().await;
}

#[tokio::test]
async fn a_failure_that_passes_is_forgotten() {
    let server = FaultServer::start(Script::default()).await;
    let fleet = Fleet::start(quick(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    for (fault, reason) in [
        (Fault::Status(500), "http_5xx"),
        (Fault::CutBody, "connection_closed"),
        (Fault::RpcError(-32603), "jsonrpc_error"),
    ] {
        server.script().on_list = Some(fault);
        fleet
            .until("the failure is noticed", || {
                fleet.status("s").last_error.is_some_and(|error| error.reason == reason)
            })
            .await;
        server.script().on_list = None;
        fleet.state_is("s", ServerState::Up).await;
        fleet.tools_are(&["s_one"]).await;
    }
    fleet.stop().await;
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again() {
    for settings in
        [Settings { sessions: true, json: false }, Settings { sessions: false, json: true }]
    {
        let before = SampleServer::start(settings, Sample::with_tools(&["before"])).await;
        let address = before.address();
        let fleet = Fleet::start(quick(vec![entry("s", &before.url())]));
        fleet.tools_are(&["s_before"]).await;
        before.stop();
        fleet.until("it is noticed", || fleet.status("s").state != ServerState::Up).await;
        let after = Sample::with_tools(&["after"]);
        let _after = SampleServer::start_on(address, settings, after).await;
        fleet.tools_are(&["s_after"]).await;
        fleet.state_is("s", ServerState::Up).await;
        fleet.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_starts_late_is_found() {
    let late = FaultServer::start(Script::default()).await;
    let address = late.address();
    late.stop();
    let fleet = Fleet::start(quick(vec![entry("s", &late.url())]));
    fleet.state_is("s", ServerState::Down).await;
    assert!(!fleet.servers.ready());
    let _late = FaultServer::start_on(address, Script::default()).await;
    fleet.tools_are(&["s_one"]).await;
    assert!(fleet.servers.ready());
    fleet.stop().await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up_at_the_deadline() {
    let script = Script { on_initialize: Some(Fault::Silent), ..Script::default() };
    let server = FaultServer::start(script).await;
    let mut config = config(vec![entry("s", &server.url())]);
    config.limits = Limits { session_init_timeout: Duration::from_millis(50), ..config.limits };
    let fleet = Fleet::start(config);
    fleet.state_is("s", ServerState::Down).await;
    assert_eq!(fleet.status("s").last_error.unwrap().reason, "timeout");
    fleet.stop().await;
}
