//! The broker's spans: whose children they are, and what they say.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use mcp_gateway_core::config::{Config, TrustMode};
use mcp_gateway_core::routing::Visibility;
use mcp_gateway_dataplane::broker::BrokerCall;
use mcp_gateway_telemetry::{
    BuildInfo, FinishedSpan, RemoteContext, SpanKind, SpanRecorder, SpanStatus, Telemetry,
};

use super::{Fixture, JSON, PING, request, session_header, traced};

const HANDLE: &str = "mcp-broker.handle-request";
const LIST: &str = "mcp-broker.tools-list";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// A broker whose spans are kept. The telemetry lives as long as the test.
fn recorded() -> (Fixture, SpanRecorder, Telemetry) {
    let recorder = SpanRecorder::new(100);
    let text = |text: &str| text.to_owned();
    let build = BuildInfo { version: text("1"), revision: text("r"), rust_version: text("1.95.0") };
    let processors: Vec<Box<_>> = vec![Box::new(recorder.clone())];
    let processors = processors.into_iter().map(|processor| processor as _).collect();
    let (telemetry, _) = Telemetry::from_env(&|_| None, &build, processors).unwrap();
    (traced(telemetry.tracer()), recorder, telemetry)
}

fn attribute(span: &FinishedSpan, name: &str) -> Option<String> {
    span.attribute(name).map(ToString::to_string)
}

fn traceparent(trace: &str, span: &str) -> String {
    format!("traceparent: 00-{trace}-{span}-01")
}

#[tokio::test]
async fn span_of_a_request_over_http_is_a_child_of_the_routers() {
    let (fixture, recorder, _telemetry) = recorded();
    let ambient = traceparent(&TRACE.replace('0', "1"), "1111111111111111");
    let router = format!("x-mcp-{}", traceparent(TRACE, "2222222222222222"));
    let rows: [(&[&str], Option<&str>); 4] = [
        (&[&ambient, &router], Some("2222222222222222")),
        (&[&ambient], Some("1111111111111111")),
        (&[&ambient, "x-mcp-traceparent: nonsense"], Some("1111111111111111")),
        (&[], None),
    ];
    for (headers, expect) in rows {
        recorder.clear();
        let headers: Vec<&str> = headers.iter().copied().chain([JSON]).collect();
        fixture.answer(request(Method::POST, &headers, PING)).await;
        let [span] = &recorder.finished()[..] else { panic!("{:?}", recorder.finished()) };
        assert_eq!((span.name.as_str(), span.kind.clone()), (HANDLE, SpanKind::Internal));
        assert_eq!(span.parent_span_id.as_deref(), expect, "{headers:?}");
        assert_eq!(span.parent_is_remote, expect.is_some());
    }
}

#[tokio::test]
async fn callers_who_reach_the_broker_are_trusted_as_those_behind_envoy() {
    let (fixture, recorder, _telemetry) = recorded();
    for (trust, links) in [(TrustMode::Link, 1), (TrustMode::Restart, 0)] {
        let mut config = Config::clone(&super::config());
        config.telemetry.trust.ext_proc_listen = trust;
        fixture.snapshots.publish(&Arc::new(config), &BTreeMap::new());
        recorder.clear();
        let headers = [&*traceparent(TRACE, "1111111111111111"), JSON];
        fixture.answer(request(Method::POST, &headers, PING)).await;
        let [span] = &recorder.finished()[..] else { panic!("{:?}", recorder.finished()) };
        assert_eq!((span.parent_span_id.as_deref(), span.links.len()), (None, links), "{trust:?}");
        assert_ne!(span.trace_id, TRACE);
    }
}

#[tokio::test]
async fn span_of_a_request_in_process_is_a_child_of_the_callers() {
    let (fixture, recorder, telemetry) = recorded();
    let parent =
        telemetry.tracer().start("router", SpanKind::Server, &RemoteContext::none(), |_| {});
    let call = BrokerCall {
        method: &Method::DELETE,
        headers: &HeaderMap::new(),
        message: None,
        session: &Ok(Some(fixture.session().facts)),
        visibility: &Visibility::All,
        parent: &parent,
    };
    drop(fixture.broker.handle(call).await);
    let [span] = &recorder.finished()[..] else { panic!("{:?}", recorder.finished()) };
    assert_eq!((&*span.name, span.parent_span_id.clone()), (HANDLE, parent.span_id()));
    assert_eq!(Some(span.trace_id.clone()), parent.trace_id());
    assert_eq!(attribute(span, "http.request.method").as_deref(), Some("DELETE"));
    assert_eq!(attribute(span, "http.status_code").as_deref(), Some("204"));
}

#[tokio::test]
async fn tools_list_has_a_span_with_the_number_of_tools() {
    let (fixture, recorder, _telemetry) = recorded();
    fixture.publish(&["today", "tomorrow"]);
    let session = fixture.session();
    let body = r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#;
    fixture.answer(super::post(Some(&session), body)).await;
    let [list, handle] = &recorder.finished()[..] else { panic!("{:?}", recorder.finished()) };
    assert_eq!((&*list.name, &*handle.name), (LIST, HANDLE));
    assert_eq!(list.parent_span_id.as_deref(), Some(&*handle.span_id));
    assert_eq!(attribute(list, "mcp.tools.count").as_deref(), Some("2"));
    let expect = [
        ("mcp.method.name", Some("tools/list")),
        ("jsonrpc.request.id", Some("a")),
        ("mcp.session.id", Some(session.facts.log_id())),
        ("http.status_code", Some("200")),
        ("error.type", None),
        ("error_source", None),
    ];
    for (name, value) in expect {
        assert_eq!(attribute(handle, name).as_deref(), value, "{name}");
    }
    assert_eq!(handle.status, SpanStatus::Unset);
}

#[tokio::test]
async fn refusals_say_why_and_do_not_blame_the_gateway() {
    let (fixture, recorder, _telemetry) = recorded();
    let session = session_header(&fixture.session());
    let text = "content-type: text/plain";
    let discover = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":1,"method":"no/such"}"#;
    let rows: [(&[&str], &str, &str, &str, &str); 6] = [
        (&[JSON], PING, "missing_session", "400", "-32600"),
        (&[JSON, "mcp-session-id: x"], PING, "invalid_session", "404", "-32600"),
        (&[JSON, &session], unknown, "method_not_found", "200", "-32601"),
        (
            &[JSON, "mcp-protocol-version: 2026-07-28"],
            discover,
            "method_not_found",
            "404",
            "-32601",
        ),
        (&[text, &session], PING, "unsupported_content_type", "415", "-32600"),
        (&[JSON, &session], "{", "invalid_json", "400", "-32700"),
    ];
    for (headers, body, error, status, code) in rows {
        recorder.clear();
        fixture.answer(request(Method::POST, headers, body)).await;
        let [span] = &recorder.finished()[..] else { panic!("{:?}", recorder.finished()) };
        let expect = [
            ("error.type", error),
            ("error_source", "client"),
            ("http.status_code", status),
            ("rpc.response.status_code", code),
        ];
        for (name, value) in expect {
            assert_eq!(attribute(span, name).as_deref(), Some(value), "{error}: {name}");
        }
        assert_eq!(span.status, SpanStatus::Unset, "{error}");
    }
}

#[tokio::test]
async fn invariant_1_session_tokens_are_on_no_span() {
    let (fixture, recorder, _telemetry) = recorded();
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    let answer = fixture.answer(request(Method::POST, &[JSON], initialize)).await;
    let token = answer.header("mcp-session-id").unwrap().to_owned();
    let facts = fixture.tokens.verify(&token).await.unwrap();
    let header = format!("mcp-session-id: {token}");
    fixture.answer(request(Method::POST, &[JSON, &header], PING)).await;
    fixture.answer(request(Method::DELETE, &[&header], "")).await;
    let spans = recorder.finished();
    assert_eq!(spans.len(), 3);
    for span in spans {
        assert_eq!(attribute(&span, "mcp.session.id").as_deref(), Some(facts.log_id()), "{span:?}");
        let signature = token.rsplit('.').next().unwrap();
        assert!(!format!("{span:?}").contains(signature), "{span:?}");
    }
}

#[tokio::test]
async fn span_of_a_stream_lasts_as_long_as_the_stream() {
    let (fixture, recorder, _telemetry) = recorded();
    let session = session_header(&fixture.session());
    let headers = ["accept: text/event-stream", session.as_str()];
    let request: Request<Full<_>> = request(Method::GET, &headers, "");
    let mut body = fixture.send(request).await.into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(recorder.finished(), Vec::new());
    fixture.shutdown.cancel();
    assert!(body.frame().await.is_none());
    drop(body);
    let [span] = &recorder.finished()[..] else { panic!("{:?}", recorder.finished()) };
    assert_eq!(attribute(span, "http.status_code").as_deref(), Some("200"));
}
