//! Invariant 1, over every case: sessions are secrets, and each side's stays on its side.

use std::collections::BTreeSet;

use super::matrix::all_cases;
use super::run::{Finished, Run};
use super::stand::{FrontEnd, SIGNING_KEY, Setup, Transport};
use crate::support::record::Record;

/// The most that the gateway can say.
const FLAGS: &[&str] = &["--log-level", "trace", "--log-format", "json"];
/// What a routing token of the gateway is called on its way through Envoy.
const ROUTING_TOKEN: &str = "router-key";

/// The session ids that servers have issued, as far as they came back.
fn issued(finished: &Finished) -> BTreeSet<String> {
    let requests = finished.servers.records().into_iter().flat_map(Record::all);
    requests.filter_map(|request| request.header("mcp-session-id").map(str::to_owned)).collect()
}

#[track_caller]
fn assert_lacks(place: &str, text: &str, secrets: &[&str]) {
    for secret in secrets {
        assert!(!secret.is_empty());
        if let Some(at) = text.find(secret) {
            let (before, after) = (at.saturating_sub(200), (at + 200).min(text.len()));
            panic!(
                "{secret} is in {place}: …{}…",
                String::from_utf8_lossy(&text.as_bytes()[before..after])
            );
        }
    }
}

async fn check(front_end: FrontEnd) {
    let setup = Setup { flags: FLAGS, ..Setup::new(front_end, Transport::Http) };
    let mut run = Run::start(setup).await;
    run.all(all_cases(front_end)).await;
    let finished = run.compare().await;

    let issued = issued(&finished);
    assert!(issued.len() >= 4, "{issued:?}");
    let of_servers: Vec<&str> = issued.iter().map(String::as_str).collect();
    // Neither the token nor a part of it: the claims are nobody's business, the signature makes it valid.
    let token = finished.token.as_str();
    let of_gateway: Vec<&str> = token.split('.').skip(1).chain([token, SIGNING_KEY]).collect();
    let all = [&of_servers[..], &of_gateway[..]].concat();

    assert!(finished.said.contains("mcp_server_operation_duration"), "metrics are there");
    assert_lacks("the log, the metrics or the status", &finished.said, &all);
    assert_lacks("a span", &format!("{:?}", finished.spans), &all);
    assert_lacks("what a client has got", &finished.heard, &of_servers);
    for record in finished.servers.records() {
        for request in record.all() {
            let request = format!("{request:?}");
            assert_lacks("what a server has got", &request, &of_gateway);
            assert_lacks("what a server has got", &request, &[ROUTING_TOKEN]);
        }
    }
}

#[tokio::test]
async fn invariant_1_sessions_stay_secret_standalone() {
    check(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn invariant_1_sessions_stay_secret_behind_buffered_envoy() {
    check(FrontEnd::Buffered).await;
}

#[tokio::test]
async fn invariant_1_sessions_stay_secret_behind_duplex_envoy() {
    check(FrontEnd::Duplex).await;
}
