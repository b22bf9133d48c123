//! The receiver: what it says that it received is what was sent.

use std::net::SocketAddr;

use http::Request;
use http_body_util::Full;
use serde_json::{Value as Json, json};

use crate::support::envoy::Envoy;
use crate::support::http::send;
use crate::support::otlp::OtlpReceiver;
use crate::support::port::Port;
use crate::support::span::{Kind, Link, Span, Status, Value};
use crate::support::wait::PATIENCE;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "00f067aa0ba902b7";

/// Every kind of value, and text that runs over lines.
fn export() -> Json {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "made by hand" } },
            { "key": "number", "value": { "intValue": "5" } },
        ] },
        "scopeSpans": [{
            "scope": { "name": "scope", "version": "1.2", "attributes": [
                { "key": "left", "value": { "stringValue": "out" } },
            ] },
            "spans": [full_span(), {
                "traceId": TRACE, "spanId": "b7ad6b7169203399", "name": "bare", "kind": 1,
                "startTimeUnixNano": "1", "endTimeUnixNano": "2",
            }],
        }],
    }] })
}

fn full_span() -> Json {
    json!({
        "traceId": TRACE, "spanId": "b7ad6b7169203331", "parentSpanId": CALLER, "traceState": "a=b",
        "name": "first line\nsecond: line", "kind": 2,
        "startTimeUnixNano": "1700000000000000001", "endTimeUnixNano": "1700000000500000001",
        "status": { "code": 2, "message": "it failed\n    badly" },
        "attributes": [
            { "key": "text", "value": { "stringValue": "a \"quoted\" ä)\nand\n\nmore" } },
            { "key": "empty", "value": { "stringValue": "" } },
            { "key": "int", "value": { "intValue": "-7" } },
            { "key": "bool", "value": { "boolValue": true } },
            { "key": "double", "value": { "doubleValue": 1 } },
            { "key": "list", "value": { "arrayValue": { "values": [{ "stringValue": "x" }, { "intValue": "1" }] } } },
        ],
        "events": [{ "name": "event", "timeUnixNano": "1700000000000000005", "attributes": [
            { "key": "of.event", "value": { "stringValue": "e" } },
        ] }],
        "links": [{ "traceId": "0af7651916cd43dd8448eb211c80319d", "spanId": "b7ad6b7169203332", "attributes": [
            { "key": "of.link", "value": { "intValue": "3" } },
        ] }],
    })
}

async fn post(receiver: &OtlpReceiver, export: &Json) {
    let request = Request::post("/v1/traces").header("content-type", "application/json");
    let answer = send(receiver.http(), request.body(Full::from(export.to_string())).unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn spans_over_http_are_read_back_with_every_value() {
    let receiver = OtlpReceiver::start().await;
    post(&receiver, &export()).await;
    let spans = receiver.trace(TRACE, &["bare"]).await;
    assert_eq!(spans.len(), 2);

    let text = |text: &str| Value::from(text);
    let expected = Span {
        trace_id: TRACE.to_owned(),
        span_id: "b7ad6b7169203331".to_owned(),
        parent_span_id: Some(CALLER.to_owned()),
        trace_state: "a=b".to_owned(),
        name: "first line\nsecond: line".to_owned(),
        kind: Kind::Server,
        status: Status::Error("it failed\n    badly".to_owned()),
        attributes: [
            ("text", text("a \"quoted\" ä)\nand\n\nmore")),
            ("empty", text("")),
            ("int", Value::Int(-7)),
            ("bool", Value::Bool(true)),
            ("double", Value::Double(1.0)),
            ("list", Value::Other("Slice(Str(x), Int(1))".to_owned())),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into(),
        events: vec![("event".to_owned(), [("of.event".to_owned(), text("e"))].into())],
        links: vec![Link {
            trace_id: "0af7651916cd43dd8448eb211c80319d".to_owned(),
            span_id: "b7ad6b7169203332".to_owned(),
            attributes: [("of.link".to_owned(), Value::Int(3))].into(),
        }],
        start_ns: 1_700_000_000_000_000_001,
        end_ns: 1_700_000_000_500_000_001,
        resource: spans[1].resource.clone(),
        scope: "scope 1.2".to_owned(),
    };
    assert_eq!(spans[0], expected);
    assert_eq!(spans[0].service(), "made by hand");
    assert_eq!(spans[0].resource.get("number"), Some(&Value::Int(5)));
    assert_eq!(
        (&spans[1].parent_span_id, &spans[1].status, spans[1].kind),
        (&None, &Status::Unset, Kind::Internal)
    );
    assert!(spans[1].attributes.is_empty() && spans[1].links.is_empty());
}

#[tokio::test]
async fn spans_of_several_exports_are_kept_apart() {
    let receiver = OtlpReceiver::start().await;
    post(&receiver, &export()).await;
    let mut other = export();
    other["resourceSpans"][0]["resource"]["attributes"] = json!([]);
    other["resourceSpans"][0]["scopeSpans"][0]["spans"][1]["name"] = json!("other");
    post(&receiver, &other).await;
    let spans = receiver.wait_for("four spans", PATIENCE, |spans| spans.len() == 4).await;
    assert_eq!(spans[0].service(), "made by hand");
    assert_eq!((spans[3].name.as_str(), spans[3].service()), ("other", ""));
    assert_eq!(receiver.spans(), spans);
}

/// An Envoy that answers by itself and traces to `collector` over gRPC.
fn bootstrap(listener: SocketAddr, collector: SocketAddr) -> String {
    let address = |address: SocketAddr| json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } });
    let kind = |name: &str| format!("type.googleapis.com/{name}");
    let manager = json!({
        "@type": kind("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
        "stat_prefix": "test",
        "tracing": { "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": kind("envoy.config.trace.v3.OpenTelemetryConfig"),
                "grpc_service": { "envoy_grpc": { "cluster_name": "collector" } },
                "service_name": "envoy",
            },
        } },
        "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [
            { "match": { "prefix": "/" }, "direct_response": { "status": 204 } },
        ] }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": kind("envoy.extensions.filters.http.router.v3.Router") },
        }],
    });
    // Envoy holds spans for five seconds otherwise.
    let soon = json!({ "layers": [{
        "name": "static",
        "static_layer": { "tracing.opentelemetry.flush_interval_ms": 100 },
    }] });
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let bootstrap = json!({ "node": { "id": "test", "cluster": "test" }, "layered_runtime": soon, "static_resources": {
        "listeners": [{ "address": address(listener), "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }] }],
        "clusters": [{
            "name": "collector",
            "type": "STATIC",
            "typed_extension_protocol_options": {
                options: { "@type": kind(options), "explicit_http_config": { "http2_protocol_options": {} } },
            },
            "load_assignment": { "cluster_name": "collector", "endpoints": [{ "lb_endpoints": [
                { "endpoint": { "address": address(collector) } },
            ] }] },
        }],
    } });
    serde_yaml_ng::to_string(&bootstrap).unwrap()
}

#[tokio::test]
async fn spans_of_a_real_envoy_arrive_over_grpc() {
    let receiver = OtlpReceiver::start().await;
    let listener = Port::take().release();
    let envoy = Envoy::start(&bootstrap(listener, receiver.grpc()), listener).await;
    let traceparent = format!("00-{TRACE}-{CALLER}-01");
    let request =
        Request::get("/").header("traceparent", traceparent).body(Full::default()).unwrap();
    assert_eq!(send(listener, request).await.status, 204, "{}", envoy.log());

    let spans = receiver.wait_for("a span of Envoy", PATIENCE, |spans| !spans.is_empty()).await;
    assert_eq!(spans.len(), 1);
    assert_eq!((spans[0].service(), spans[0].kind), ("envoy", Kind::Server));
    assert_eq!(
        (spans[0].trace_id.as_str(), spans[0].parent_span_id.as_deref()),
        (TRACE, Some(CALLER))
    );
    assert_eq!(spans[0].attribute("http.status_code"), Some(&Value::from("204")));
}
