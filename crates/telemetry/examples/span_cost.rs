//! Measures what one span with 15 attributes costs where it begins and ends, without what the exporter does with it.
//!
//! `cargo run --release -p mcp-gateway-telemetry --example span_cost`; compare figures of one machine and one run only.

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mcp_gateway_telemetry::{
    BuildInfo, RemoteContext, SamplingPolicy, SpanKind, Telemetry, Tracer,
};

/// Spans per round.
const SPANS: u32 = 100_000;
/// Rounds, of which the fastest counts: what is slower was disturbed.
const ROUNDS: usize = 7;
const NAMES: [&str; 15] = [
    "http.method",
    "http.path",
    "http.request.method",
    "url.path",
    "http.request_id",
    "client.address",
    "jsonrpc.protocol.version",
    "mcp.method.name",
    "gen_ai.operation.name",
    "jsonrpc.request.id",
    "mcp.protocol.version",
    "mcp.session.id",
    "mcp.route",
    "gen_ai.tool.name",
    "mcp.server",
];

fn telemetry(sampler: &str) -> Option<Telemetry> {
    let env = |name: &str| match name {
        // Nobody listens there: the queue stays full, and a span is dropped as soon as it is handed over.
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" => Some("http://127.0.0.1:9".to_owned()),
        "OTEL_TRACES_SAMPLER" => Some(sampler.to_owned()),
        "OTEL_TRACES_SAMPLER_ARG" => Some("0".to_owned()),
        _ => None,
    };
    let build =
        BuildInfo { version: String::new(), revision: String::new(), rust_version: String::new() };
    Telemetry::from_env(&env, &build, Vec::new()).ok().map(|(telemetry, _)| telemetry)
}

fn round(tracer: &Tracer, value: &Arc<str>) -> Duration {
    let begun = Instant::now();
    for _ in 0..SPANS {
        let span = tracer.start("span", SpanKind::Server, &RemoteContext::none(), |a| {
            for name in NAMES {
                a.put_shared(name, value);
            }
        });
        black_box(&span).end();
    }
    begun.elapsed() / SPANS
}

fn main() -> std::io::Result<()> {
    let value: Arc<str> = "a value of usual length".into();
    let keeping = SamplingPolicy { keep_errors: true, ..SamplingPolicy::default() };
    let cases = [
        ("off", None, SamplingPolicy::default()),
        ("not sampled", telemetry("always_off"), SamplingPolicy::default()),
        ("held until its end, not kept", telemetry("traceidratio"), keeping),
        ("recorded", telemetry("always_on"), SamplingPolicy::default()),
    ];
    let mut out = std::io::stdout().lock();
    for (name, telemetry, policy) in cases {
        let tracer = telemetry.as_ref().map_or_else(Tracer::off, Telemetry::tracer);
        tracer.set_sampling(policy);
        let best = (0..ROUNDS).map(|_| round(&tracer, &value)).min().unwrap_or_default();
        writeln!(out, "{name}: {} ns", best.as_nanos())?;
    }
    Ok(())
}
