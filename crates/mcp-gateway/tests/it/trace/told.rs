//! What callers are told of their trace, what their word on it counts, and what of their baggage goes on.

use serde_json::{Value, json};

use super::run::ARRIVAL;
use super::stand::{FrontEnd, Setup, Stand, Stopped, Transport};
use crate::support::fault_server::Fault;
use crate::support::http::{Answer, send};
use crate::support::mcp_client::McpClient;
use crate::support::span::Span;
use crate::support::tree::print;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const IN_HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const IN_META: &str = "00-11111111111111111111111111111111-1111111111111111-01";
const META_TRACE: &str = "11111111111111111111111111111111";
const TOLD: &str =
    "telemetry: { traceResponse: true, serverTiming: true, baggage: [tenant, other.key] }";

fn body(id: &str, tool: &str, meta: Option<Value>) -> String {
    let mut params = json!({ "name": tool, "arguments": { "text": "t" } });
    if let Some(meta) = meta {
        params["_meta"] = meta;
    }
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }).to_string()
}

async fn post(
    stand: &Stand,
    client: &McpClient,
    body: String,
    headers: &[(&'static str, &str)],
) -> Answer {
    let mut request = client.message(body);
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    send(stand.address(), request).await
}

/// The router's spans of calls with these ids, once they have arrived.
async fn processes(stopped: &Stopped, ids: &[&str]) -> Vec<Span> {
    let find = |spans: &[Span]| -> Vec<Span> {
        let of = |id: &&str| {
            let has_id = |span: &&Span| {
                span.name == "mcp-router.process"
                    && span.attribute("jsonrpc.request.id") == Some(&(*id).into())
            };
            spans.iter().find(has_id).cloned()
        };
        ids.iter().filter_map(of).collect()
    };
    let arrived = stopped.receiver.settled(ARRIVAL, |spans| find(spans).len() == ids.len()).await;
    match arrived {
        Ok(spans) => find(&spans),
        Err(spans) => panic!("not all of {ids:?} in\n{}", print(&spans)),
    }
}

/// Nothing is sampled; failures are kept all the same.
const NEVER: &[(&str, &str)] =
    &[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];

async fn one_failing_call_has_one_trace_everywhere(
    front_end: FrontEnd,
    variables: &'static [(&'static str, &'static str)],
) {
    let flags: &[&str] = &["--log-format", "json"];
    let setup =
        Setup { settings: TOLD, flags, variables, ..Setup::new(front_end, Transport::Http) };
    let stand = Stand::start(setup).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    let works = post(&stand, &client, body("works", "newer_echo", None), &[]).await;
    stand.servers.fault.fault("initialize", Fault::Status(500));
    let failing = body("fails", "fault_echo", None);
    let answer = post(&stand, &client, failing, &[("traceparent", IN_HEADER)]).await;
    let refused = body("unknown tool", "nobody_has_this", None);
    let refused = post(&stand, &client, refused, &[]).await;
    let metrics = stand.admin("/metrics").await;
    let stopped = stand.stop().await;
    // What its client alone has done wrong is kept only where it is sampled.
    let recorded: &[&str] =
        if variables.is_empty() { &["fails", "unknown tool"] } else { &["fails"] };
    let spans = processes(&stopped, recorded).await;

    let response = |span: &Span| format!("00-{}-{}-01", span.trace_id, span.span_id);
    for (span, answer) in spans.iter().zip([&answer, &refused]) {
        assert_eq!(answer.header("traceresponse"), response(span));
    }
    assert_eq!(refused.header("traceresponse").ends_with("-01"), variables.is_empty());
    assert_eq!(spans[0].trace_id, TRACE);
    assert_eq!(spans[0].attribute("error.type"), Some(&"500".into()));

    let phases = |answer: &Answer| -> Vec<String> {
        let timing = answer.header("server-timing").to_owned();
        timing.split(", ").map(|entry| entry.split(";dur=").next().unwrap().to_owned()).collect()
    };
    assert_eq!(phases(&works), ["route", "session", "upstream", "total"]);
    assert_eq!(phases(&answer), ["route", "session", "total"]);
    assert_eq!(phases(&refused), ["route", "total"]);

    let exemplar = format!("trace_id=\"{TRACE}\"");
    assert!(metrics.contains(&exemplar), "{metrics}");
    let of_trace = |line: &&str| line.contains(&format!("\"trace_id\":\"{TRACE}\""));
    let lines: Vec<Value> = stopped
        .log
        .lines()
        .filter(of_trace)
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let is_audit = |line: &Value| line.to_string().contains("mcp_gateway_audit");
    assert!(lines.iter().any(is_audit), "no audit event in {}", stopped.log);
    assert!(lines.iter().any(|line| !is_audit(line)), "no log line in {}", stopped.log);
}

#[tokio::test]
async fn one_failing_call_has_one_trace_everywhere_standalone() {
    one_failing_call_has_one_trace_everywhere(FrontEnd::Standalone, &[]).await;
    one_failing_call_has_one_trace_everywhere(FrontEnd::Standalone, NEVER).await;
}

#[tokio::test]
async fn one_failing_call_has_one_trace_everywhere_behind_duplex_envoy() {
    one_failing_call_has_one_trace_everywhere(FrontEnd::Duplex, &[]).await;
    one_failing_call_has_one_trace_everywhere(FrontEnd::Duplex, NEVER).await;
}

#[tokio::test]
async fn one_failing_call_has_one_trace_everywhere_behind_buffered_envoy() {
    one_failing_call_has_one_trace_everywhere(FrontEnd::Buffered, &[]).await;
}

async fn message_and_baggage_are_heard(front_end: FrontEnd) {
    let setup = Setup { settings: TOLD, ..Setup::new(front_end, Transport::Http) };
    let stand = Stand::start(setup).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    let meta =
        || json!({ "traceparent": IN_META, "progressToken": 1, "baggage": "tenant=red,secret=1" });
    let alone = body("meta alone", "newer_echo", Some(meta()));
    post(&stand, &client, alone, &[]).await;
    let both = body("both", "newer_echo", Some(meta()));
    let headers = [("traceparent", IN_HEADER), ("baggage", "secret=2,other.key=a%20b")];
    post(&stand, &client, both, &headers).await;
    let no_object = body("no object", "newer_echo", Some(json!("traceparent")));
    let too_long = format!("tenant={}", "x".repeat(8192));
    post(&stand, &client, no_object, &[("baggage", &too_long)]).await;
    let metrics = stand.admin("/metrics").await;
    let stopped = stand.stop().await;
    let spans = processes(&stopped, &["meta alone", "both", "no object"]).await;

    let (alone, both, no_object) = (&spans[0], &spans[1], &spans[2]);
    assert_eq!(
        (&*alone.trace_id, alone.parent_span_id.as_deref()),
        (META_TRACE, Some("1111111111111111"))
    );
    assert_eq!((&*both.trace_id, both.parent_span_id.as_deref()), (TRACE, Some(PARENT)));
    let links: Vec<&str> = both.links.iter().map(|link| &*link.trace_id).collect();
    assert_eq!(links, [META_TRACE]);
    assert_eq!(no_object.parent_span_id, None);
    assert_eq!(alone.attribute("baggage.tenant"), Some(&"red".into()));
    assert_eq!(both.attribute("baggage.other.key"), Some(&"a b".into()));
    assert_eq!(both.attribute("baggage.secret"), None);
    assert!(metrics.contains("limit=\"baggage_bytes_max\""), "{metrics}");

    let calls = stopped.servers.newer.record().of_method("tools/call");
    let received = |id: &str| calls.iter().find(|call| call.json()["id"] == id).unwrap();
    let meta = |id: &str| received(id).json()["params"]["_meta"].clone();
    assert_eq!(received("meta alone").header("baggage"), None);
    assert_eq!(meta("meta alone")["baggage"], "tenant=red");
    assert_eq!(received("both").header("baggage"), Some("other.key=a%20b"));
    assert_eq!(meta("both")["progressToken"], 1);
    assert_eq!(received("no object").header("baggage"), None);
    assert_eq!(meta("no object"), "traceparent");
    for request in stopped.servers.newer.record().all() {
        assert!(!format!("{request:?}").contains("secret="), "{request:?}");
    }
}

#[tokio::test]
async fn message_and_baggage_are_heard_standalone() {
    message_and_baggage_are_heard(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn message_and_baggage_are_heard_behind_duplex_envoy() {
    message_and_baggage_are_heard(FrontEnd::Duplex).await;
}

async fn callers_count_as_far_as_trusted(
    front_end: FrontEnd,
    settings: &'static str,
    links: &[&str],
) {
    let setup = Setup { settings, ..Setup::new(front_end, Transport::Http) };
    let stand = Stand::start(setup).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    let call = body("call", "newer_echo", None);
    let headers = [("traceparent", IN_HEADER), ("tracestate", "vendor=a1")];
    let answer = post(&stand, &client, call, &headers).await;
    assert!(!answer.headers.contains_key("traceresponse"), "{answer:?}");
    let stopped = stand.stop().await;
    let spans = processes(&stopped, &["call"]).await;
    let process = &spans[0];
    assert_eq!(process.parent_span_id, None);
    assert_ne!(process.trace_id, TRACE);
    let linked: Vec<&str> = process.links.iter().map(|link| &*link.span_id).collect();
    assert_eq!(linked, links);
    for request in stopped.servers.newer.record().all() {
        assert!(!format!("{request:?}").contains(TRACE), "{request:?}");
        assert_eq!(request.header("tracestate"), None);
    }
    // What the gateway sends through Envoy itself stays in the gateway's trace.
    let opened: Vec<Span> = stopped.receiver.spans();
    let inits = opened.iter().filter(|span| span.name == "mcp-router.session-init");
    assert!(
        inits.clone().count() > 0 && inits.clone().all(|init| init.trace_id == process.trace_id)
    );
}

#[tokio::test]
async fn callers_that_are_not_trusted_are_linked() {
    let standalone = "telemetry: { trust: { listen: link } }";
    callers_count_as_far_as_trusted(FrontEnd::Standalone, standalone, &[PARENT]).await;
    let envoy = "telemetry: { trust: { extProcListen: link } }";
    callers_count_as_far_as_trusted(FrontEnd::Duplex, envoy, &[PARENT]).await;
}

#[tokio::test]
async fn callers_that_are_not_trusted_are_forgotten() {
    let standalone = "telemetry: { trust: { listen: restart } }";
    callers_count_as_far_as_trusted(FrontEnd::Standalone, standalone, &[]).await;
    let envoy = "telemetry: { trust: { extProcListen: restart } }";
    callers_count_as_far_as_trusted(FrontEnd::Buffered, envoy, &[]).await;
}

/// Each vocabulary, by the names that must be there and those that must not.
#[tokio::test]
async fn names_are_those_that_the_environment_asks_for() {
    type Variables = &'static [(&'static str, &'static str)];
    let cases: [(Variables, [&str; 2], [&str; 2]); 3] = [
        (&[], ["http.method", "http.request.method"], ["-", "-"]),
        (
            &[("OTEL_SEMCONV_STABILITY_OPT_IN", "http")],
            ["http.request.method", "url.path"],
            ["http.status_code", "http.path"],
        ),
        (
            &[("OTEL_SEMCONV_STABILITY_OPT_IN", "http,http/dup")],
            ["http.path", "url.path"],
            ["-", "-"],
        ),
    ];
    for (variables, there, absent) in cases {
        let setup = Setup { variables, ..Setup::new(FrontEnd::Standalone, Transport::Http) };
        let stand = Stand::start(setup).await;
        let client = McpClient::connect(stand.address(), "2025-11-25").await;
        post(&stand, &client, body("call", "newer_echo", None), &[]).await;
        let stopped = stand.stop().await;
        let spans = processes(&stopped, &["call"]).await;
        for name in there {
            assert!(spans[0].attribute(name).is_some(), "{variables:?}: {name}");
        }
        for name in absent {
            assert_eq!(spans[0].attribute(name), None, "{variables:?}: {name}");
        }
        assert_eq!(spans[0].attribute("gen_ai.operation.name"), Some(&"tools/call".into()));
    }
    let variables = &[("OTEL_SEMCONV_STABILITY_OPT_IN", "gen_ai_latest_experimental")];
    let setup = Setup { variables, ..Setup::new(FrontEnd::Standalone, Transport::Http) };
    let stand = Stand::start(setup).await;
    let client = McpClient::connect(stand.address(), "2025-11-25").await;
    post(&stand, &client, body("call", "newer_echo", None), &[]).await;
    let ping = json!({ "jsonrpc": "2.0", "id": "ping", "method": "ping" }).to_string();
    post(&stand, &client, ping, &[]).await;
    let stopped = stand.stop().await;
    let spans = processes(&stopped, &["call", "ping"]).await;
    let operations = [0, 1].map(|at: usize| spans[at].attribute("gen_ai.operation.name").cloned());
    assert_eq!(operations, [Some("execute_tool".into()), None]);
}
