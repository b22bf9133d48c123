//! Which requests are traced: rules of the file, failures that are kept, callers who may ask and those who may not.

use http::HeaderValue;
use serde_json::{Value, json};

use super::stand::{FrontEnd, Setup, Stand, Transport};
use crate::support::fault_server::Fault;
use crate::support::http::send;
use crate::support::mcp_client::McpClient;
use crate::support::span::Span;
use crate::support::tree::print;

const NOT_SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4737-00f067aa0ba902b7-01";

/// Nothing is sampled but what a rule names; failures are kept; everybody may force.
const SETTINGS: &str = "
telemetry:
  sampling:
    rules:
      - { method: tools/call, tool: 'newer_*', ratio: 1 }
      - { server: demo/older, ratio: 1 }
      - { method: prompts/list, ratio: 1 }
    keepSlowerThan: never
    forceFrom: [0.0.0.0/0, '::/0']
    callerSampledPerSecondMax: 0
";
/// The same, but failures are kept even of callers that do not sample, and nobody may force.
const ALWAYS: &str = "
telemetry:
  sampling:
    keepSlowerThan: never
    keepUnsampledErrors: always
    forceFrom: [203.0.113.0/24]
";

/// The value of `sampling.reason` of what is recorded; absent when it is sampled like any other.
type Reason = Option<&'static str>;

/// A request, and why it is recorded; nothing when it is not.
struct Case {
    id: &'static str,
    body: Value,
    headers: &'static [(&'static str, &'static str)],
    recorded: Option<Reason>,
}

fn call(id: &'static str, tool: &str, recorded: Option<Reason>) -> Case {
    let params = json!({ "name": tool, "arguments": { "text": "t" } });
    Case { id, body: json!({ "method": "tools/call", "params": params }), headers: &[], recorded }
}

fn other(id: &'static str, method: &str, recorded: Option<Reason>) -> Case {
    Case { id, body: json!({ "method": method }), headers: &[], recorded }
}

fn with(case: Case, headers: &'static [(&'static str, &'static str)]) -> Case {
    Case { headers, ..case }
}

async fn check(front_end: FrontEnd, settings: &'static str, cases: &[Case]) {
    let variables: &[_] =
        &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    let setup = Setup { settings, variables, ..Setup::new(front_end, Transport::Http) };
    let stand = Stand::start(setup).await;
    stand.servers.fault.fault("tools/call", Fault::Status(500));
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    for case in cases {
        let mut body = case.body.clone();
        body["jsonrpc"] = "2.0".into();
        body["id"] = case.id.into();
        let mut request = client.message(body.to_string());
        request.headers_mut().insert("x-request-id", case.id.parse().unwrap());
        for (name, value) in case.headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        send(stand.address(), request).await;
    }
    let stopped = stand.stop().await;
    let wanted: Vec<&str> =
        cases.iter().filter(|case| case.recorded.is_some()).map(|case| case.id).collect();
    let have_arrived = |spans: &[Span]| wanted.iter().all(|id| process_of(spans, id).is_some());
    let spans = stopped.receiver.settled(super::run::ARRIVAL, have_arrived).await;
    let spans = spans.unwrap_or_else(|spans| panic!("not all of {wanted:?}:\n{}", print(&spans)));
    for case in cases {
        let process = process_of(&spans, case.id);
        let found = process.map(|span| span.attribute("sampling.reason").cloned());
        let expect = case.recorded.map(|reason| reason.map(Into::into));
        assert_eq!(found, expect, "{front_end:?}, {}:\n{}", case.id, print(&spans));
        if let Some(process) = process {
            let of_trace = spans.iter().filter(|span| span.trace_id == process.trace_id);
            assert!(of_trace.count() > 2, "{}: whole traces only:\n{}", case.id, print(&spans));
        }
    }
}

fn process_of<'s>(spans: &'s [Span], id: &str) -> Option<&'s Span> {
    spans.iter().find(|span| {
        span.name == "mcp-router.process" && span.attribute("http.request_id") == Some(&id.into())
    })
}

async fn rules_decide_and_failures_are_kept(front_end: FrontEnd) {
    let force = &[("x-mcp-trace", "1")];
    let cases = [
        call("by tool", "newer_echo", Some(None)),
        call("by server", "older_echo", Some(None)),
        other("by method", "prompts/list", Some(None)),
        call("by nothing", "mortal_echo", None),
        other("by no rule", "ping", None),
        call("caller's fault", "unknown", None),
        call("server's fault", "fault_echo", Some(Some("error"))),
        with(call("forced", "mortal_echo", Some(Some("forced"))), force),
        with(other("forced ping", "ping", Some(Some("forced"))), force),
        with(call("unsampled", "newer_echo", None), &[("traceparent", NOT_SAMPLED)]),
        with(call("unsampled fault", "fault_echo", None), &[("traceparent", NOT_SAMPLED)]),
        with(call("forged", "mortal_echo", None), &[("traceparent", SAMPLED)]),
        with(
            call("forced over unsampled", "mortal_echo", Some(Some("forced"))),
            &[("traceparent", NOT_SAMPLED), ("x-mcp-trace", "1")],
        ),
    ];
    check(front_end, SETTINGS, &cases).await;
}

async fn failures_of_unsampled_callers_are_kept_when_the_file_says_so(front_end: FrontEnd) {
    let cases = [
        with(call("fault", "fault_echo", Some(Some("error"))), &[("traceparent", NOT_SAMPLED)]),
        with(call("well", "newer_echo", None), &[("traceparent", NOT_SAMPLED)]),
        with(call("believed", "newer_echo", Some(None)), &[("traceparent", SAMPLED)]),
        with(call("stranger", "newer_echo", None), &[("x-mcp-trace", "1")]),
    ];
    check(front_end, ALWAYS, &cases).await;
}

#[tokio::test]
async fn rules_decide_and_failures_are_kept_standalone() {
    rules_decide_and_failures_are_kept(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn rules_decide_and_failures_are_kept_behind_envoy() {
    rules_decide_and_failures_are_kept(FrontEnd::Buffered).await;
}

#[tokio::test]
async fn failures_of_unsampled_callers_are_kept_when_the_file_says_so_standalone() {
    failures_of_unsampled_callers_are_kept_when_the_file_says_so(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn failures_of_unsampled_callers_are_kept_when_the_file_says_so_behind_envoy() {
    failures_of_unsampled_callers_are_kept_when_the_file_says_so(FrontEnd::Buffered).await;
}
