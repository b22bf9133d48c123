//! A real receiver, with a decoder that is not ours, gets what was sent.

use mcp_gateway_telemetry::name::{attribute, span};
use mcp_gateway_telemetry::{RemoteContext, SHUTDOWN_DEADLINE, SpanKind};

use crate::support::rotel::Rotel;
use crate::support::{run, telemetry};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Sends a tree of two spans with these variables; checks what rotel wrote down.
async fn check(rotel: &Rotel, marker: &str, variables: &[(&str, String)]) {
    let service = format!("service-{marker}");
    let mut all =
        vec![("OTEL_SERVICE_NAME", service.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "60000")];
    all.extend(variables.iter().map(|(name, value)| (*name, value.as_str())));
    let telemetry = telemetry(&all);
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let parent = RemoteContext::extract(Some(traceparent.as_bytes()), None);
    let process = telemetry.tracer().start(span::ROUTER_PROCESS, SpanKind::Server, &parent, |a| {
        a.put(attribute::MCP_METHOD_NAME, "tools/call");
        a.put(attribute::HTTP_STATUS_CODE, 200);
    });
    let name = || span::client("tools/call", Some(marker));
    let client = process.child_named(name, SpanKind::Client, |a| {
        a.put(attribute::GEN_AI_OPERATION_NAME, attribute::OPERATION_EXECUTE_TOOL);
    });
    client.fail(|| "it broke".to_owned());
    let (client_id, process_id) = (client.span_id().unwrap(), process.span_id().unwrap());
    drop((client, process));
    let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
    assert_eq!((report.signals[0].exported, report.lost()), (2, 0), "{marker}: {report:?}");

    let output = rotel.wait_for(&format!("-> service.name: Str({service})")).await;
    let output = output.split("ResourceSpans #").find(|part| part.contains(&service)).unwrap();
    for line in [
        "-> service.version: Str(9.8.7)",
        "-> vcs.revision: Str(0123abc)",
        "-> build.rust.version: Str(1.95.0)",
        "-> telemetry.sdk.language: Str(rust)",
        "InstrumentationScope mcp-gateway 0.1.0",
        "-> mcp.method.name: Str(tools/call)",
        "-> http.status_code: Int(200)",
        "-> gen_ai.operation.name: Str(execute_tool)",
        "Status message : it broke",
    ] {
        assert!(output.contains(line), "{marker}: no `{line}` in\n{output}");
    }
    let spans: Vec<&str> = output.split("Span #").skip(1).collect();
    let find = |id: &str| {
        let line = format!(" ID             : {id}\n");
        let found = spans.iter().find(|span| span.contains(&line));
        *found.unwrap_or_else(|| panic!("{marker}: no span {id} in\n{output}"))
    };
    for (id, parent, kind, name) in [
        (&process_id, PARENT, "SPAN_KIND_SERVER", "mcp-router.process".to_owned()),
        (&client_id, &process_id, "SPAN_KIND_CLIENT", format!("tools/call {marker}")),
    ] {
        let span = find(id);
        for line in [
            format!("Trace ID       : {TRACE}"),
            format!("Parent ID      : {parent}"),
            format!("Name           : {name}"),
            format!("Kind           : {kind}"),
        ] {
            assert!(span.contains(&line), "{marker}: no `{line}` in\n{span}");
        }
    }
}

#[test]
fn rotel_gets_spans_over_every_protocol() {
    run(async {
        let rotel = Rotel::start().await;
        let http = format!("http://127.0.0.1:{}", rotel.http_port);
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let own = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        let protocol = "OTEL_EXPORTER_OTLP_PROTOCOL";
        let gzip = ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip".to_owned());
        check(&rotel, "base", &[(base, http.clone())]).await;
        check(&rotel, "own-without-path", &[(own, http.clone())]).await;
        check(&rotel, "own-with-path", &[(own, format!("{http}/v1/traces"))]).await;
        check(&rotel, "json", &[(base, http.clone()), (protocol, "http/json".to_owned())]).await;
        check(&rotel, "http-gzip", &[(base, http), gzip.clone()]).await;
        let grpc = format!("http://127.0.0.1:{}", rotel.grpc_port);
        let is_grpc = (protocol, "grpc".to_owned());
        check(&rotel, "grpc", &[(base, grpc.clone()), is_grpc.clone()]).await;
        check(&rotel, "grpc-gzip", &[(base, grpc), is_grpc, gzip]).await;
        let rpc = format!("rpc://127.0.0.1:{}", rotel.grpc_port);
        let insecure = ("OTEL_EXPORTER_OTLP_INSECURE", "true".to_owned());
        check(&rotel, "rpc", &[(base, rpc), insecure]).await;
    });
}
