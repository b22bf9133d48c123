//! Sessions and lists as servers of every kind give them.

use http::Method;
use http::header::{HeaderMap, HeaderValue};
use mcp_gateway_core::config::{Config, Secret};
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::session::{RoutingTokens, SigningKey, SigningKeys};
use mcp_gateway_dataplane::upstream::{InitializeContext, ServerClient, Via};
use mcp_gateway_telemetry::{Span, TraceHeaders};
use serde_json::json;

use super::{client, context, direct, open, server};
use crate::support::fault_server::{Fault, FaultServer, Form, Script, tool};
use crate::support::sample_server::{Sample, SampleServer, Settings};

const FORMS: [Form; 4] = [Form::Json, Form::Stream, Form::Resumed, Form::Asking];

async fn lists_in_every_form(version: &str, spoken: &str) {
    for (form, issues_session) in FORMS.into_iter().flat_map(|form| [(form, true), (form, false)]) {
        let case = format!("{version}, {form:?}, session ids {issues_session}");
        let script = Script {
            version: version.to_owned(),
            form,
            issues_session,
            pages: vec![vec![tool("a"), tool("b")], vec![], vec![tool("c")]],
            ..Script::default()
        };
        let server = FaultServer::start(script).await;
        let client = client(&server.url());
        let opened = open(&client).await.unwrap_or_else(|error| panic!("{case}: {error:?}"));
        assert_eq!(opened.session.session_id.is_some(), issues_session, "{case}");
        assert_eq!(opened.session.protocol_version.as_str(), spoken, "{case}");
        let list = client.list_tools(&opened.session, &Span::off()).await;
        let list = list.unwrap_or_else(|error| panic!("{case}: {error:?}"));
        let names: Vec<_> = list.tools.iter().map(|tool| tool.name().to_owned()).collect();
        assert_eq!(names, ["a", "b", "c"], "{case}");
        assert_eq!(list.pages, 3, "{case}");

        let first = server.first("initialize");
        assert_eq!(first.header("mcp-session-id"), None, "{case}");
        assert_eq!(first.header("mcp-protocol-version"), None, "{case}");
        assert_eq!(first.body["params"]["protocolVersion"], "2025-11-25", "{case}");
        assert_eq!(first.body["params"]["capabilities"], json!({}), "{case}");
        assert_eq!(first.body["params"]["clientInfo"]["name"], "mcp-gateway", "{case}");
        for rpc in ["notifications/initialized", "tools/list"] {
            let later = server.first(rpc);
            assert_eq!(later.header("mcp-session-id").is_some(), issues_session, "{case}: {rpc}");
            assert_eq!(later.header("mcp-protocol-version"), Some(spoken), "{case}: {rpc}");
        }
        for seen in server.seen().iter().filter(|seen| seen.verb == Method::POST) {
            assert_eq!(seen.header("content-type"), Some("application/json"));
            assert_eq!(seen.header("accept"), Some("application/json, text/event-stream"));
            assert_eq!(seen.header("host"), Some(&*server.address().to_string()));
            assert_eq!(seen.header("origin"), None);
            assert_eq!(seen.header("authorization"), None);
        }
    }
}

#[tokio::test]
async fn every_revision_and_form_of_answer_is_understood() {
    lists_in_every_form("2024-11-05", "2025-03-26").await;
    lists_in_every_form("2025-03-26", "2025-03-26").await;
    lists_in_every_form("2025-06-18", "2025-06-18").await;
    lists_in_every_form("2025-11-25", "2025-11-25").await;
}

#[tokio::test]
async fn servers_of_the_official_sdk_are_understood_whatever_their_settings() {
    for (sessions, json) in [(true, false), (false, false), (false, true)] {
        let settings = Settings { sessions, json };
        let server = SampleServer::start(settings, Sample::with_tools(&["one", "two"])).await;
        let client = client(&server.url());
        let opened = open(&client).await.unwrap_or_else(|e| panic!("{settings:?}: {e:?}"));
        assert_eq!(opened.session.session_id.is_some(), sessions, "{settings:?}");
        assert_eq!(opened.session.protocol_version.as_str(), "2025-11-25", "{settings:?}");
        assert!(opened.announces_tool_changes(), "{settings:?}");
        let list = client.list_tools(&opened.session, &Span::off()).await.unwrap();
        let names: Vec<_> = list.tools.iter().map(|tool| tool.name().to_owned()).collect();
        assert_eq!(names, ["one", "two"], "{settings:?}");
        drop(client.close(&opened.session, None).await);
    }
}

#[tokio::test]
async fn requests_of_the_server_are_answered_while_the_gateway_waits() {
    let server = FaultServer::start(Script { form: Form::Asking, ..Script::default() }).await;
    let client = client(&server.url());
    let opened = open(&client).await.unwrap();
    client.list_tools(&opened.session, &Span::off()).await.unwrap();
    let replies: Vec<_> = server.seen().into_iter().filter(|seen| seen.rpc().is_empty()).collect();
    let pong = replies.iter().filter(|reply| reply.body["id"] == "p").map(|reply| &reply.body);
    let expect = json!({"jsonrpc": "2.0", "id": "p", "result": {}});
    assert!(pong.clone().count() == 2 && pong.clone().all(|body| *body == expect), "{replies:?}");
    let declined = replies.iter().filter(|reply| reply.body["error"]["code"] == -32601);
    assert_eq!(declined.filter(|reply| reply.body["id"] == 8).count(), 2, "{replies:?}");
    assert!(replies.iter().all(|reply| reply.header("mcp-session-id").is_some()), "{replies:?}");
}

#[tokio::test]
async fn answers_to_requests_of_a_server_are_in_the_trace_too() {
    let server = FaultServer::start(Script { form: Form::Asking, ..Script::default() }).await;
    let client = client(&server.url());
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceHeaders { traceparent: traceparent.to_owned(), tracestate: None };
    client.initialize(&InitializeContext { trace: Some(trace), ..context() }).await.unwrap();
    let replies: Vec<_> = server.seen().into_iter().filter(|seen| seen.rpc().is_empty()).collect();
    assert!(!replies.is_empty());
    for reply in replies {
        assert_eq!(reply.header("traceparent"), Some(traceparent), "{reply:?}");
    }
}

#[tokio::test]
async fn the_trace_goes_to_the_server_in_header_and_body() {
    let server = FaultServer::start(Script::default()).await;
    let client = client(&server.url());
    let trace = TraceHeaders {
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        tracestate: Some("vendor=\"1\"".to_owned()),
    };
    let context = InitializeContext { trace: Some(trace.clone()), ..context() };
    client.initialize(&context).await.unwrap();
    for rpc in ["initialize", "notifications/initialized"] {
        let seen = server.first(rpc);
        assert_eq!(seen.header("traceparent"), Some(&*trace.traceparent), "{rpc}");
        assert_eq!(seen.header("tracestate"), trace.tracestate.as_deref(), "{rpc}");
        let expect = json!({"traceparent": trace.traceparent, "tracestate": trace.tracestate});
        assert_eq!(seen.body["params"]["_meta"], expect, "{rpc}");
    }
}

#[tokio::test]
async fn tools_arrive_as_the_server_wrote_them() {
    let raw = [
        r#"{ "title" : "Weather \u00e9\/", "name":"a","inputSchema":{"type":"object","$defs":{"x":{}},"x-new":[1e400,9007199254740993,1.0]},"_meta":{"z":1,"a":{"<&>":null}} }"#,
        r#"{"name":"b","inputSchema":{"type":"object","properties":{"p":{"type":["string","null"]}}},"outputSchema":{"type":"object","additionalProperties":false},"annotations":{"readOnlyHint":true,"new":"x"},"icons":[{"src":"data:,","sizes":["48x48"],"theme":"dark"}],"execution":{"taskSupport":"optional"},"unknown":[[],{}]}"#,
    ];
    for form in FORMS {
        let pages = vec![vec![raw[0].to_owned()], vec![raw[1].to_owned()]];
        let server = FaultServer::start(Script { form, pages, ..Script::default() }).await;
        let client = client(&server.url());
        let opened = open(&client).await.unwrap();
        let list = client.list_tools(&opened.session, &Span::off()).await.unwrap();
        let got: Vec<_> =
            list.tools.iter().map(|tool| std::str::from_utf8(tool.raw()).unwrap()).collect();
        assert_eq!(got, raw, "{form:?}");
    }
}

#[tokio::test]
async fn a_direct_request_carries_the_credential_and_what_may_go_along() {
    let faulty = FaultServer::start(Script::default()).await;
    let mut server = server("demo/server", &format!("{}?tenant=a%20b", faulty.url()));
    server.credential = Some(Secret::new("Token s3cr3t"));
    let client = direct(server, &Config::default());
    let mut headers = HeaderMap::new();
    headers.insert("x-tenant", HeaderValue::from_static("blue"));
    headers.insert("authorization", HeaderValue::from_static("of the client"));
    let context = InitializeContext { headers, ..context() };
    let opened = client.initialize(&context).await.unwrap();
    client.list_tools(&opened.session, &Span::off()).await.unwrap();
    for rpc in ["initialize", "notifications/initialized", "tools/list"] {
        let seen = faulty.first(rpc);
        assert_eq!(seen.header("authorization"), Some("Token s3cr3t"), "{rpc}");
        assert_eq!(seen.uri, "/mcp?tenant=a%20b", "{rpc}");
        let along = (rpc != "tools/list").then_some("blue");
        assert_eq!(seen.header("x-tenant"), along, "{rpc}");
    }
}

#[tokio::test]
async fn through_envoy_a_request_names_the_virtual_host_and_proves_its_origin() {
    let envoy = FaultServer::start(Script::default()).await;
    let config = Config {
        envoy_address: Some(format!("http://{}", envoy.address()).parse().unwrap()),
        ..Config::default()
    };
    // Nobody listens at the server's own address: what arrives came through Envoy.
    let mut server = server("demo/server", "https://weather.internal:1/deep/mcp?x=1");
    server.hostname = Some("weather.mcp.local".to_owned());
    server.credential = Some(Secret::new("Token s3cr3t"));
    let tokens =
        RoutingTokens::new(&SigningKeys::new(SigningKey::random()), Clock::system()).unwrap();
    let http = HttpClients::new(&config).envoy().unwrap().unwrap();
    let via = Via::Envoy { http, scheme: "http".to_owned(), tokens: tokens.clone() };
    let client = ServerClient::new(server.into(), via, config.limits.clone());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("of the client"));
    let opened = client.initialize(&InitializeContext { headers, ..context() }).await.unwrap();
    drop(client.close(&opened.session, None).await);
    let seen = envoy.seen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    for seen in &seen {
        assert_eq!(seen.uri, "/deep/mcp?x=1");
        assert_eq!(seen.header("host"), Some("weather.mcp.local"));
        assert_eq!(seen.header("mcp-init-host"), Some("weather.mcp.local"));
        let token = seen.header("router-key").unwrap();
        assert_eq!(tokens.verify(token.as_bytes(), "weather.mcp.local"), Ok(()));
    }
    assert_eq!(seen[0].header("authorization"), Some("of the client"));
    assert_eq!(seen[2].header("authorization"), None);
}

#[tokio::test]
async fn a_session_is_closed_at_the_server_when_there_is_one() {
    for issues_session in [true, false] {
        let server = FaultServer::start(Script { issues_session, ..Script::default() }).await;
        let client = client(&server.url());
        let opened = open(&client).await.unwrap();
        drop(client.close(&opened.session, None).await);
        assert_eq!(server.verbs(&Method::DELETE), usize::from(issues_session));
    }
}

#[tokio::test]
async fn a_session_that_was_opened_by_half_is_closed() {
    let script = Script { on_initialized: Some(Fault::Status(500)), ..Script::default() };
    let server = FaultServer::start(script).await;
    let error = open(&client(&server.url())).await.unwrap_err();
    assert_eq!(error.reason(), "http_5xx");
    assert_eq!(server.verbs(&Method::DELETE), 1);
}
