//! The spans of managers, and what servers receive of them.

use mcp_gateway_dataplane::upstream::ServerState;
use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{
    BuildInfo, FinishedSpan, SpanKind, SpanRecorder, SpanStatus, Telemetry,
};

use super::fleet::{Fleet, config, entry, quick};
use crate::support::fault_server::{FaultServer, Script, Seen};

fn recorded() -> (SpanRecorder, Telemetry) {
    let recorder = SpanRecorder::new(1_000);
    let text = |text: &str| text.to_owned();
    let build = BuildInfo { version: text("0"), revision: text("r"), rust_version: text("1") };
    let (telemetry, _) =
        Telemetry::from_env(&|_| None, &build, vec![Box::new(recorder.clone())]).unwrap();
    (recorder, telemetry)
}

fn text(span: &FinishedSpan, name: &str) -> Option<String> {
    span.attribute(name).map(ToString::to_string)
}

/// What a server must receive to continue the trace in `span`.
fn traceparent(span: &FinishedSpan) -> String {
    format!("00-{}-{}-01", span.trace_id, span.span_id)
}

fn received(seen: &Seen) -> [Option<String>; 2] {
    let meta = seen.body["params"]["_meta"]["traceparent"].as_str();
    [seen.header("traceparent").map(str::to_owned), meta.map(str::to_owned)]
}

/// The first request without a message.
fn of_verb(server: &FaultServer, verb: &str) -> Seen {
    server.seen().into_iter().find(|seen| seen.verb == verb).unwrap()
}

/// The span of a name, and those right below it.
fn tree<'s>(spans: &'s [FinishedSpan], name: &str) -> (&'s FinishedSpan, Vec<&'s FinishedSpan>) {
    let found = spans.iter().find(|span| span.name == name);
    let parent = found.unwrap_or_else(|| panic!("no {name}: {spans:#?}"));
    let is_child = |span: &&FinishedSpan| span.parent_span_id.as_ref() == Some(&parent.span_id);
    (parent, spans.iter().filter(is_child).collect())
}

#[tokio::test]
async fn each_request_of_a_round_is_a_span_that_the_server_continues() {
    let (recorder, telemetry) = recorded();
    let script = Script { list_changed: true, ..Script::default() };
    let server = FaultServer::start(script).await;
    let fleet = Fleet::traced(config(vec![entry("s", &server.url())]), telemetry.tracer());
    fleet.tools_are(&["s_one"]).await;
    let is_round = |span: &FinishedSpan| span.name == span::BROKER_UPSTREAM_MANAGE;
    fleet.until("the span has ended", || recorder.finished().iter().any(is_round)).await;
    let spans = recorder.finished();
    let (manage, requests) = tree(&spans, span::BROKER_UPSTREAM_MANAGE);
    assert_eq!(manage.parent_span_id, None);
    assert_eq!(manage.status, SpanStatus::Unset);
    assert_eq!(text(manage, attribute::MCP_SERVER).as_deref(), Some("s"));
    assert_eq!(text(manage, attribute::MCP_TOOLS_COUNT).as_deref(), Some("1"));
    assert_eq!(text(manage, attribute::ERROR_TYPE), None);
    let mut names: Vec<&str> = requests.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["GET", "initialize", "tools/list"]);
    for request in requests {
        assert_eq!(request.kind, SpanKind::Client);
        assert_eq!(text(request, attribute::SERVER_ADDRESS).as_deref(), Some("127.0.0.1"));
        let expect = Some(traceparent(request));
        match request.name.as_str() {
            "GET" => assert_eq!(received(&of_verb(&server, "GET"))[0], expect),
            name => {
                assert_eq!(text(request, attribute::MCP_METHOD_NAME).as_deref(), Some(name));
                assert_eq!(received(&server.first(name)), [expect.clone(), expect], "{name}");
            }
        }
    }
    let (init, _) = tree(&spans, "initialize");
    let expect = Some(traceparent(init));
    assert_eq!(received(&server.first("notifications/initialized")), [expect.clone(), expect]);
    fleet.stop().await;
    let spans = recorder.finished();
    let (delete, _) = tree(&spans, "DELETE");
    assert_eq!(received(&of_verb(&server, "DELETE"))[0], Some(traceparent(delete)));
}

#[tokio::test]
async fn a_sign_of_life_is_in_a_trace_too() {
    let (recorder, telemetry) = recorded();
    let script = Script { list_changed: true, on_stream: None, ..Script::default() };
    let server = FaultServer::start(script).await;
    let fleet = Fleet::traced(quick(vec![entry("s", &server.url())]), telemetry.tracer());
    let has_ended = || recorder.finished().iter().any(|span| span.name == "ping");
    fleet.until("a ping was sent", has_ended).await;
    let spans = recorder.finished();
    let (ping, _) = tree(&spans, "ping");
    let expect = Some(traceparent(ping));
    assert_eq!(received(&server.first("ping")), [expect.clone(), expect]);
    fleet.stop().await;
}

#[tokio::test]
async fn a_failure_is_on_the_span() {
    let (recorder, telemetry) = recorded();
    let config = config(vec![entry("s", "http://127.0.0.1:1/mcp")]);
    let fleet = Fleet::traced(config, telemetry.tracer());
    fleet.state_is("s", ServerState::Down).await;
    let spans = recorder.finished();
    let (manage, requests) = tree(&spans, span::BROKER_UPSTREAM_MANAGE);
    let [init] = requests[..] else { panic!("{spans:#?}") };
    assert_eq!(text(init, attribute::ERROR_TYPE).as_deref(), Some("connect_failed"));
    assert_eq!(text(manage, attribute::ERROR_TYPE).as_deref(), Some("connect_failed"));
    assert_eq!(text(manage, attribute::ERROR_SOURCE).as_deref(), Some(error_source::BACKEND));
    let SpanStatus::Error(description) = &manage.status else { panic!("{manage:?}") };
    assert!(description.contains("refused"), "{description}");
    fleet.stop().await;
}
