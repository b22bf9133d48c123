//! Envoy mode: Envoy itself, and the servers behind it.

use super::{died, doctor, works};
use crate::support::edge::{Edge, Front, SIGNING_KEY, full_name};
use crate::support::fault_server::FaultServer;
use crate::support::gateway::FILE;
use crate::support::port::closed;
use crate::support::program::Finished;

/// The configuration that a running gateway has.
fn configuration(edge: &Edge) -> String {
    std::fs::read_to_string(edge.gateway().folder().path(FILE)).unwrap()
}

/// A report without its line breaks.
fn in_words(report: &Finished) -> String {
    report.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn servers_are_reached_through_envoy_beside_a_running_gateway() {
    let server = FaultServer::start().await;
    let edge = Edge::start(Front::Duplex, &[("fault", server.url())]).await;
    let report = doctor(&[], Some(&configuration(&edge))).await;
    works(&report, &full_name("fault"), &["1 tool"]);
    works(&report, "Envoy", &["takes connections"]);
    assert!(report.stdout.contains("A session could be opened and closed."), "{report:?}");
    assert_eq!(report.code, Some(0), "{report:?}");

    // Another key: the router beside Envoy takes the request for a stranger's.
    let stranger = configuration(&edge).replace(SIGNING_KEY, &SIGNING_KEY.to_uppercase());
    let report = doctor(&[], Some(&stranger)).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    assert!(in_words(&report).contains("signingKey is not the one of this file"), "{report:?}");

    // Envoy cannot ask the gateway any more.
    let config = configuration(&edge);
    let envoy = edge.without_gateway();
    let report = doctor(&[], Some(&config)).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    assert!(in_words(&report).contains("Is the gateway running"), "{report:?}");
    drop(envoy);
}

#[tokio::test]
async fn envoy_that_is_not_there_is_told_once() {
    let server = FaultServer::start().await;
    let config = format!(
        "mode: envoy\npublicHost: mcp.example.com\nenvoyAddress: http://{}\nsigningKey: {SIGNING_KEY}\n\
         servers:\n  - {{name: demo/x, url: '{}', prefix: x_, hostname: x.mcp.local}}\n",
        closed(),
        server.url()
    );
    let report = doctor(&[], Some(&config)).await;
    works(&report, "demo/x", &["1 tool"]);
    died(&report, "Envoy", "connect", &["envoy-config"]);
    assert!(report.stdout.ends_with("1 thing does not work.\n"), "{report:?}");
}
