//! What a changed configuration restarts, and what it leaves alone.

use http::Method;
use mcp_gateway_core::config::Secret;
use mcp_gateway_dataplane::upstream::ServerState;

use super::fleet::{Fleet, config, entry};
use crate::support::fault_server::{FaultServer, Script, tool};

#[tokio::test]
async fn a_changed_prefix_does_not_touch_the_server() {
    let server = FaultServer::start(Script::default()).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    let asked = server.seen().len();
    let mut changed = entry("s", &server.url());
    changed.prefix = "new_".to_owned();
    fleet.apply(config(vec![changed]));
    fleet.tools_are(&["new_one"]).await;
    assert_eq!(server.seen().len(), asked);
    assert_eq!(fleet.status("s").state, ServerState::Up);
    fleet.stop().await;
}

#[tokio::test]
async fn a_changed_credential_opens_a_new_session_and_keeps_the_list() {
    let server = FaultServer::start(Script::default()).await;
    let fleet = Fleet::start(config(vec![entry("s", &server.url())]));
    fleet.tools_are(&["s_one"]).await;
    let revision = *fleet.snapshots.subscribe().borrow();
    let mut changed = entry("s", &server.url());
    changed.credential = Some(Secret::new("Bearer new"));
    fleet.apply(config(vec![changed]));
    assert_eq!(fleet.status("s").state, ServerState::Up, "its list is still offered");
    fleet
        .until("the list is read with the new credential", || {
            let lists = server.seen().into_iter().filter(|seen| seen.rpc() == "tools/list");
            lists.last().unwrap().header("authorization") == Some("Bearer new")
        })
        .await;
    fleet.until("the old session is closed", || server.verbs(&Method::DELETE) == 1).await;
    assert_eq!(*fleet.snapshots.subscribe().borrow(), revision);
    fleet.stop().await;
}

#[tokio::test]
async fn a_changed_url_begins_anew() {
    let old = FaultServer::start(Script::default()).await;
    let script = Script { pages: vec![vec![tool("two")]], ..Script::default() };
    let new = FaultServer::start(script).await;
    let fleet = Fleet::start(config(vec![entry("s", &old.url())]));
    fleet.tools_are(&["s_one"]).await;
    fleet.apply(config(vec![entry("s", &new.url())]));
    fleet.tools_are(&["s_two"]).await;
    fleet.until("the old session is closed", || old.verbs(&Method::DELETE) == 1).await;
    fleet.stop().await;
}

#[tokio::test]
async fn servers_come_go_and_rest() {
    let one = FaultServer::start(Script::default()).await;
    let two = FaultServer::start(Script::default()).await;
    let fleet = Fleet::start(config(vec![entry("one", &one.url())]));
    fleet.tools_are(&["one_one"]).await;
    fleet.apply(config(vec![entry("two", &two.url()), entry("one", &one.url())]));
    fleet.tools_are(&["two_one", "one_one"]).await;
    let mut resting = entry("one", &one.url());
    resting.enabled = false;
    fleet.apply(config(vec![entry("two", &two.url()), resting.clone()]));
    fleet.tools_are(&["two_one"]).await;
    assert_eq!(fleet.status("one").state, ServerState::Disabled);
    fleet.until("its session is closed", || one.verbs(&Method::DELETE) == 1).await;
    fleet.apply(config(vec![resting]));
    fleet.tools_are(&[]).await;
    assert_eq!(fleet.servers.state("two"), None);
    assert!(fleet.servers.ready(), "no server is enabled");
    assert!(!fleet.metrics.encode().contains(r#"server_name="two""#));
    fleet.apply(config(vec![entry("one", &one.url())]));
    fleet.tools_are(&["one_one"]).await;
    assert_eq!(one.count("initialize"), 2);
    fleet.stop().await;
}

#[tokio::test]
async fn a_server_whose_certificates_are_unusable_is_down_alone() {
    let good = FaultServer::start(Script::default()).await;
    let mut bad = entry("bad", "https://localhost:1/mcp");
    bad.ca_cert_pem = Some("no certificate".to_owned());
    let fleet = Fleet::start(config(vec![bad, entry("good", &good.url())]));
    fleet.tools_are(&["good_one"]).await;
    let status = fleet.status("bad");
    assert_eq!(status.state, ServerState::Down);
    assert_eq!(status.last_error.unwrap().reason, "invalid_ca_cert");
    fleet.stop().await;
}
