//! Every query of the example, against metrics that real gateways produced and a real Prometheus scraped.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use http::Request;
use http_body_util::Full;
use mcp_gateway_telemetry::name::metric::ALL;
use serde_json::Value;
use tokio::time::Instant;

use super::alone;
use super::collector::Collector;
use super::prometheus::Prometheus;
use super::query::{Query, metrics, queries};
use super::stand::Stand;
use crate::support::edge::Front;
use crate::support::http::send;
use crate::support::otlp::OtlpReceiver;
use crate::support::port;
use crate::support::wait::{PATIENCE, until};

/// Panels that stay empty here: what they show does not happen in the test.
const QUIET: [&str; 3] = [
    "telemetry.json: Observations beyond the bound of a metric",
    "telemetry.json: Bounds reached",
    // The Collector counts what it gives up, after five minutes.
    "telemetry.json: Not delivered by the collector",
];
/// Time for traffic, scrapes and rules until every query finds something.
const TRAFFIC: Duration = Duration::from_secs(90);
/// Metrics that the Collector has only after it gave up.
const OF_FAILURE: [&str; 2] =
    ["otelcol_exporter_send_failed_spans", "otelcol_exporter_send_failed_log_records"];

#[tokio::test]
async fn every_query_finds_what_gateways_measured() {
    let _alone = alone().await;
    let receiver = OtlpReceiver::start().await;
    let collector = Collector::start(receiver.http()).await;
    let (well, nowhere) =
        (format!("http://{}", collector.http()), format!("http://{}", port::closed()));
    let (standalone, envoy, lossy) = tokio::join!(
        start(Front::Standalone, &well),
        start(Front::Duplex, &well),
        start_lossy(&nowhere),
    );
    let stands = [standalone, envoy, lossy];
    let gateways: Vec<_> = stands.iter().map(|stand| stand.edge().gateway().admin()).collect();
    let prometheus = Prometheus::start(&gateways, collector.metrics()).await;

    let mut streams = Vec::new();
    for stand in &stands {
        streams.push(stand.edge().connect().await.listen().await);
    }
    let (mut wanted, others): (Vec<Query>, Vec<Query>) = queries()
        .into_iter()
        .partition(|query| !query.is_alert && !QUIET.contains(&query.place.as_str()));
    let deadline = Instant::now() + TRAFFIC;
    while !wanted.is_empty() {
        // A rate needs several scrapes with something between them.
        for stand in &stands {
            stand.traffic().await;
            stand.call_without_server_session().await;
            stand.call_not_sampled().await;
        }
        let mut empty = Vec::new();
        for query in wanted {
            if !prometheus.query(&query.expression).await.iter().any(is_number) {
                empty.push(query);
            }
        }
        wanted = empty;
        assert!(Instant::now() < deadline, "these find nothing: {wanted:#?}");
    }
    for query in others {
        // It may find something or nothing; Prometheus must be able to say.
        prometheus.query(&query.expression).await;
    }
    check_names(collector.metrics()).await;
}

#[tokio::test]
async fn an_exemplar_leads_to_the_trace_that_the_receiver_has() {
    let _alone = alone().await;
    let receiver = OtlpReceiver::start().await;
    let collector = Collector::start(receiver.http()).await;
    let stand = start(Front::Standalone, &format!("rpc://{}", collector.grpc())).await;
    let admin = stand.edge().gateway().admin();
    let prometheus = Prometheus::start(&[admin], collector.metrics()).await;
    let trace_id = "5b8aa5a2d2c872e8321cf37308d69df2";
    stand.call_in_trace(trace_id, "good_echo").await;
    for metric in ["mcp_server_operation_duration_seconds", "mcp_client_operation_duration_seconds"]
    {
        let selector = format!("{metric}_bucket{{mcp_method_name=\"tools/call\"}}");
        let exemplar = until(&format!("{metric} has an exemplar"), PATIENCE, async || {
            prometheus.exemplars(&selector).await.into_iter().next()
        })
        .await;
        assert_eq!(exemplar["labels"]["trace_id"], trace_id, "{exemplar}");
        let spans = receiver.trace(trace_id, &["mcp-router.process", "tools/call echo"]).await;
        let span_id = exemplar["labels"]["span_id"].as_str().unwrap();
        assert!(spans.iter().any(|span| span.span_id == span_id), "{metric}: {exemplar}");
    }
    assert_eq!(stand.good().record().of_method("tools/call").len(), 1);
}

async fn start(front: Front, endpoint: &str) -> Stand {
    Stand::start(front, &environment(endpoint)).await
}

/// Starts a gateway that loses telemetry: its queues hold next to nothing.
async fn start_lossy(endpoint: &str) -> Stand {
    let mut environment = environment(endpoint).to_vec();
    for name in ["OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE"] {
        environment.push((name, "1"));
    }
    // Metrics are lost as well.
    environment
        .extend([("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_METRIC_EXPORT_INTERVAL", "1000")]);
    Stand::start(Front::Standalone, &environment).await
}

fn environment(endpoint: &str) -> [(&str, &str); 3] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ]
}

fn is_number(sample: &Value) -> bool {
    let value = sample["value"][1].as_str().unwrap();
    value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Checks that there is nothing in a query that nobody measures: a name that is wrong finds nothing, quietly.
async fn check_names(collector: SocketAddr) {
    let mut known: BTreeSet<String> = OF_FAILURE.map(str::to_owned).into();
    for metric in ALL {
        let ends = ["", "_bucket", "_count", "_sum"];
        known.extend(ends.map(|end| format!("{}{end}", metric.prometheus)));
    }
    let request = Request::get("/metrics").body(Full::default()).unwrap();
    let text = send(collector, request).await.text();
    known.extend(
        text.lines()
            .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
            .map(str::to_owned),
    );
    for query in queries() {
        for name in metrics(&query.expression) {
            let is_recorded = name.contains(':');
            assert!(
                is_recorded || known.contains(&name),
                "{}: nobody measures {name}",
                query.place
            );
        }
    }
}
