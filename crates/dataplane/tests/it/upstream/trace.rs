//! The spans of managers, and what servers receive of them.

use mcp_gateway_dataplane::upstream::ServerState;
use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{BuildInfo, FinishedSpan, SpanRecorder, SpanStatus, Telemetry};

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

#[tokio::test]
async fn connecting_and_listing_is_one_span_that_the_server_continues() {
    let (recorder, telemetry) = recorded();
    let server = FaultServer::start(Script::default()).await;
    let fleet = Fleet::traced(config(vec![entry("s", &server.url())]), telemetry.tracer());
    fleet.tools_are(&["s_one"]).await;
    fleet.until("the span has ended", || !recorder.finished().is_empty()).await;
    let spans = recorder.finished();
    let [manage] = spans.as_slice() else { panic!("one round is one span: {spans:?}") };
    assert_eq!(manage.name, span::BROKER_UPSTREAM_MANAGE);
    assert_eq!(manage.parent_span_id, None);
    assert_eq!(manage.status, SpanStatus::Unset);
    assert_eq!(text(manage, attribute::MCP_SERVER).as_deref(), Some("s"));
    assert_eq!(text(manage, attribute::MCP_TOOLS_COUNT).as_deref(), Some("1"));
    assert_eq!(text(manage, attribute::ERROR_TYPE), None);
    for rpc in ["initialize", "tools/list"] {
        let expect = Some(traceparent(manage));
        assert_eq!(received(&server.first(rpc)), [expect.clone(), expect], "{rpc}");
    }
    fleet.stop().await;
}

#[tokio::test]
async fn a_sign_of_life_has_no_span() {
    let (recorder, telemetry) = recorded();
    let script = Script { list_changed: true, on_stream: None, ..Script::default() };
    let server = FaultServer::start(script).await;
    let fleet = Fleet::traced(quick(vec![entry("s", &server.url())]), telemetry.tracer());
    fleet.until("pings are sent", || server.count("ping") >= 3).await;
    assert!(recorder.finished().len() <= server.count("tools/list"));
    assert_eq!(received(&server.first("ping")), [None, None]);
    fleet.stop().await;
}

#[tokio::test]
async fn a_failure_is_on_the_span() {
    let (recorder, telemetry) = recorded();
    let config = config(vec![entry("s", "http://127.0.0.1:1/mcp")]);
    let fleet = Fleet::traced(config, telemetry.tracer());
    fleet.state_is("s", ServerState::Down).await;
    let spans = recorder.finished();
    let manage = &spans[0];
    assert_eq!(text(manage, attribute::ERROR_TYPE).as_deref(), Some("connect_failed"));
    assert_eq!(text(manage, attribute::ERROR_SOURCE).as_deref(), Some(error_source::BACKEND));
    let SpanStatus::Error(description) = &manage.status else { panic!("{manage:?}") };
    assert!(description.contains("refused"), "{description}");
    fleet.stop().await;
}
