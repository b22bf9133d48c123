//! MCP servers, whole and broken.

use std::fmt::Write as _;

use super::receiver::{Authority, silent};
use super::{died, doctor, works};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::port::closed;

fn config(servers: &[(&str, &str)]) -> String {
    let mut config = "limits: {sessionInitTimeout: 2s}\nservers:\n".to_owned();
    for (name, url) in servers {
        writeln!(config, "  - {{name: demo/{name}, url: '{url}', prefix: {name}_}}").unwrap();
    }
    config
}

#[tokio::test]
async fn server_that_works_is_told_with_its_name_revision_and_tools() {
    let server = FaultServer::start().await;
    let report = doctor(&[], Some(&config(&[("fault", &server.url())]))).await;
    works(&report, "demo/fault", &["fault 1: MCP 2025-11-25, 1 tool."]);
    assert_eq!(report.code, Some(0), "{report:?}");
    assert!(report.stdout.ends_with("Everything that is asked for works.\n"), "{report:?}");
    let methods: Vec<_> = server.record().all().iter().map(|it| it.method.clone()).collect();
    assert_eq!(methods.last().map(String::as_str), Some("DELETE"), "the session is closed");
}

#[tokio::test]
async fn each_broken_server_is_told_apart_and_none_hides_the_others() {
    let whole = FaultServer::start().await;
    let silent = format!("http://{}/mcp", silent().await);
    let down = format!("http://{}/mcp", closed());
    let mut servers = vec![
        ("whole", whole.url()),
        ("silent", silent),
        ("down", down),
        ("name", "http://server.invalid/mcp".to_owned()),
    ];
    let mut running = Vec::new();
    for (name, fault) in [
        ("status", Fault::Status(500)),
        ("credential", Fault::Status(401)),
        ("path", Fault::Status(404)),
        ("html", Fault::Html),
        ("cut", Fault::CutBody),
        ("strange", Fault::Body("{}")),
        (
            "error",
            Fault::Body(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"broken"}}"#),
        ),
    ] {
        let server = FaultServer::start().await;
        server.fault("initialize", fault);
        servers.push((name, server.url()));
        running.push(server);
    }
    let unlisted = FaultServer::start().await;
    unlisted.fault("tools/list", Fault::Status(500));
    servers.push(("unlisted", unlisted.url()));

    let all: Vec<_> = servers.iter().map(|(name, url)| (*name, url.as_str())).collect();
    let report = doctor(&[], Some(&config(&all))).await;
    works(&report, "demo/whole", &["1 tool"]);
    for (name, step, words) in [
        ("silent", "answer", "no answer in time"),
        ("down", "connect", "nobody listens"),
        ("name", "name resolution", "no address"),
        ("status", "HTTP", "HTTP status 500"),
        ("credential", "HTTP", "wants other credentials"),
        ("path", "HTTP", "path of url"),
        ("html", "initialize", "not as an MCP server"),
        ("cut", "exchange", "hung up"),
        ("strange", "initialize", "not as an MCP server"),
        ("error", "initialize", "JSON-RPC error"),
        ("unlisted", "HTTP", "HTTP status 500"),
    ] {
        died(&report, &format!("demo/{name}"), step, &[words]);
    }
    assert!(report.stdout.ends_with("11 things do not work.\n"), "{report:?}");
}

#[tokio::test]
async fn certificate_of_a_server_is_judged() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let pem = authority.certificate().replace('\n', "\n      ");
    let trust = format!("caCert: |\n      {pem}");
    for (port, words) in [
        (authority.serve("elsewhere.example", false).await, "for another host"),
        (authority.serve("localhost", true).await, "has expired"),
        (stranger.serve("localhost", false).await, "caCert"),
    ] {
        let config = format!(
            "servers:\n  - name: demo/tls\n    url: https://localhost:{port}/mcp\n    prefix: tls_\n    {trust}\n"
        );
        let report = doctor(&[], Some(&config)).await;
        died(&report, "demo/tls", "TLS", &[words]);
    }
    let plain = FaultServer::start().await;
    let url = plain.url().replace("http://", "https://");
    let report = doctor(&[], Some(&config(&[("plain", &url)]))).await;
    died(&report, "demo/plain", "TLS", &["does not speak TLS"]);
}

#[tokio::test]
async fn rule_that_samples_nothing_is_told() {
    let rule = "telemetry: {sampling: {rules: [{method: tools/call, ratio: 0}]}}\nservers: []\n";
    let report = doctor(&[], Some(rule)).await;
    assert_eq!(report.code, Some(0), "{report:?}");
    assert!(
        report.stdout.contains("1 rule with ratio 0: what it matches is not sampled"),
        "{report:?}"
    );
}

#[tokio::test]
async fn file_that_cannot_be_used_is_a_failure_of_its_own() {
    let report = doctor(&[], Some("colour: blue\n")).await;
    assert_eq!(report.code, Some(1), "{report:?}");
    assert!(report.stdout.contains("  colour: "), "{report:?}");
}

#[tokio::test]
async fn credentials_of_servers_are_never_shown() {
    let server = FaultServer::start().await;
    server.fault("initialize", Fault::Status(401));
    let config = format!(
        "servers:\n  - {{name: demo/x, url: '{}?key=in-the-query', prefix: x_, credential: '${{TOKEN}}'}}\n",
        server.url()
    );
    let report = doctor(&[("TOKEN", "Bearer in-the-environment")], Some(&config)).await;
    died(&report, "demo/x", "HTTP", &["wants other credentials"]);
    for secret in ["in-the-query", "in-the-environment"] {
        assert!(!format!("{report:?}").contains(secret), "{report:?}");
    }
    let sent = server.record().all();
    assert!(format!("{:?}", sent[0].headers).contains("in-the-environment"), "{sent:?}");
}
