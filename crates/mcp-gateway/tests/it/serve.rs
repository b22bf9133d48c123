//! The life of `serve`: what it says, how it ends, how it takes a changed configuration.

use std::process::Command;
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::fault_server::{Fault, FaultServer};
use crate::support::gateway::{self, Gateway};
use crate::support::http::send;
use crate::support::mcp_client::McpClient;
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::program::Finished;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, until};

/// Far less than the twenty seconds that requests under way have to finish.
const AT_ONCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn one_line_says_what_is_listening_where() {
    let gateway = Gateway::start("servers: []", &[], &[]).await;
    let line = gateway.logged("Ready for 0 servers in standalone mode").await;
    assert!(line.contains(&format!("MCP on {}", gateway.listen())), "{line}");
    assert!(line.contains(&format!("admin on {}", gateway.admin())), "{line}");
}

#[tokio::test]
async fn one_line_says_where_traces_go() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")];
    let gateway = Gateway::start("servers: []", &[], &environment).await;
    gateway.logged("Exporting traces to http://127.0.0.1:1/v1/traces.").await;
}

#[tokio::test]
async fn term_ends_it_in_order() {
    let gateway = Gateway::start("servers: []", &[], &[]).await;
    let ended = gateway.stop(AT_ONCE).await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(ended.stdout.contains("Stopped."), "{ended:?}");
}

#[tokio::test]
async fn second_signal_ends_it_at_once() {
    let server = FaultServer::start().await;
    let config = one_server(&server.url(), "slow_");
    let mut gateway = Gateway::start(&config, &[], &[]).await;
    gateway.until_ready().await;
    let mut client = McpClient::connect(gateway.listen(), "2025-11-25").await;
    let tool = tool_names(&mut client).await.remove(0);
    server.fault("tools/call", Fault::Silence);
    let call = tokio::spawn(async move { client.call(&tool, json!({})).await });
    let called = async || (!server.record().of_method("tools/call").is_empty()).then_some(());
    until("the call is under way", PATIENCE, called).await;

    signal(&gateway, "TERM");
    gateway.logged("Stopping: no new requests").await;
    let ended = gateway.stop(AT_ONCE).await;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("Stopping at once"), "{ended:?}");
    call.abort();
}

#[tokio::test]
async fn changed_file_is_taken_over_and_a_bad_one_is_not() {
    let server = McpServer::start(Kind::new("one")).await;
    let mut gateway = Gateway::start(&one_server(&server.url(), "old_"), &[], &[]).await;
    gateway.until_ready().await;
    let mut client = McpClient::connect(gateway.listen(), "2025-11-25").await;
    assert!(tool_names(&mut client).await.iter().all(|name| name.starts_with("old_")));

    gateway.configure(&one_server(&server.url(), "new_"));
    gateway.logged("The configuration file has changed and takes effect.").await;
    let renamed = async || {
        let names = tool_names(&mut client).await;
        let is_new = names.iter().all(|name| name.starts_with("new_")) && !names.is_empty();
        is_new.then_some(())
    };
    until("the list has the new prefix", PATIENCE, renamed).await;

    gateway.configure("colour: blue\nlisten: nowhere\n");
    gateway.logged("the configuration before it stays").await;
    let log = gateway.log();
    assert!(log.contains("colour: ") && log.contains("listen: "), "{log}");
    assert!(tool_names(&mut client).await.iter().all(|name| name.starts_with("new_")));
    let status = status(&gateway).await;
    let problems = status["config"]["lastFailure"]["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{status}");
}

#[tokio::test]
async fn log_level_follows_the_configuration() {
    let gateway = Gateway::start("log: {level: error}", &[], &[]).await;
    assert_eq!(gateway.log(), "");
    gateway.configure("log: {level: info}");
    let heard = async || {
        signal(&gateway, "HUP");
        gateway.log().contains("because a signal said so").then_some(())
    };
    until("the level is info", PATIENCE, heard).await;
}

#[tokio::test]
async fn what_is_odd_about_the_environment_is_one_line_each() {
    let environment =
        [("OTEL_EXPORTER_OTLP_ENPOINT", "x"), ("OTEL_METRIC_EXPORT_INTERVAL", "soon")];
    let gateway = Gateway::start("servers: []", &[], &environment).await;
    gateway.logged("OTEL_EXPORTER_OTLP_ENPOINT: is not a variable that the gateway knows").await;
    gateway.logged("OTEL_METRIC_EXPORT_INTERVAL: `soon` is not a whole number").await;
    let log = gateway.log();
    assert_eq!(log.matches("OTEL_").count(), 2 * 2, "once in the message, once as a field: {log}");
}

#[tokio::test]
async fn level_of_the_lines_of_telemetry_is_that_of_the_environment() {
    let environment = [("OTEL_LOG_LEVEL", "info"), ("OTEL_TYPO", "x")];
    let gateway = Gateway::start("log: {level: error}", &[], &environment).await;
    gateway.logged("OTEL_TYPO: is not a variable that the gateway knows").await;
    assert_eq!(gateway.log().lines().count(), 1, "all other lines follow the file");
}

#[tokio::test]
async fn hangup_is_no_end() {
    let gateway = Gateway::start("servers: []", &[], &[]).await;
    signal(&gateway, "HUP");
    gateway.logged("Reading the configuration file again, because a signal said so.").await;
    assert_eq!(gateway.stop(AT_ONCE).await.code, Some(0));
}

#[tokio::test]
async fn address_that_is_taken_is_named_and_nothing_stays() {
    let first = Gateway::start("servers: []", &[], &[]).await;
    let address = first.admin().to_string();
    let arguments = ["--listen", "127.0.0.1:0", "--admin-listen", &address];
    let second = serve_once("servers: []", &arguments).await;
    assert_eq!(second.code, Some(1), "{second:?}");
    let why = format!("cannot listen on {address} (adminListen, --admin-listen): ");
    let line = format!("error: the gateway did not start: {why}");
    assert!(second.stderr.starts_with(&line), "{second:?}");
}

#[tokio::test]
async fn status_tells_the_build_and_where_settings_come_from() {
    let environment = [("OTEL_SERVICE_NAME", "edge")];
    let gateway = Gateway::start("servers: []", &[], &environment).await;
    let status = status(&gateway).await;
    assert_eq!(status["build"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["config"]["path"].as_str().unwrap().ends_with("config.yaml"), "{status}");
    assert_eq!(status["telemetry"]["tracing"], false);
    let settings = status["telemetry"]["settings"].as_array().unwrap();
    let name = settings.iter().find(|setting| setting["name"] == "service.name").unwrap();
    assert_eq!((&name["value"], &name["source"]), (&json!("edge"), &json!("OTEL_SERVICE_NAME")));
}

fn one_server(url: &str, prefix: &str) -> String {
    format!("servers:\n  - {{name: demo/one, url: '{url}', prefix: {prefix}}}\n")
}

async fn serve_once(config: &str, arguments: &[&str]) -> Finished {
    let folder = Scratch::new("serve");
    let file = folder.write("gateway.yaml", config).display().to_string();
    let all: Vec<&str> =
        ["serve", "--config", &file].into_iter().chain(arguments.iter().copied()).collect();
    gateway::run(&all, &[], PATIENCE).await
}

async fn tool_names(client: &mut McpClient) -> Vec<String> {
    let answer = client.request("tools/list", json!({})).await;
    let response = answer.response(&client.id());
    let tools = response["result"]["tools"].as_array().unwrap_or_else(|| panic!("{response}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

async fn status(gateway: &Gateway) -> Value {
    let request = Request::get("/status").body(Full::default()).unwrap();
    send(gateway.admin(), request).await.json()
}

fn signal(gateway: &Gateway, name: &str) {
    let kill = Command::new("kill").args([format!("-{name}"), gateway.id().to_string()]).status();
    assert!(kill.unwrap().success());
}
