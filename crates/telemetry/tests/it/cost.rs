//! What an observation costs: memory is taken for a new series, and for nothing else.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use mcp_gateway_telemetry::metrics::{
    CacheResult, Exemplar, Metrics, MetricsOptions, Operation, Peer, Request, Session, other,
};
use mcp_gateway_telemetry::{Span, Status};

/// Everything that one call of a tool observes.
fn observe(metrics: &Metrics, peer: &Peer, tool: &Arc<str>) {
    let operation = || Operation {
        method: "tools/call",
        tool: Some(Arc::clone(tool)),
        error: Some("timeout".into()),
        rpc_code: Some("-32603"),
        protocol_version: Some("2025-11-25"),
        http_version: Some("1.1"),
    };
    let duration = metrics.now().map(|_| Duration::from_millis(20));
    let exemplar = Exemplar { trace_id: [1; 16], span_id: [2; 8], is_sampled: true };
    metrics.session_cache(CacheResult::Hit);
    metrics.client_operation(peer.clone(), operation(), duration, || Some(exemplar));
    metrics.server_operation(operation(), duration, || Some(exemplar));
    metrics.request(Request { front_end: "proxy", status: Some(200), error_source: None });
}

fn labels() -> (Peer, Arc<str>) {
    (Peer { name: "demo/a".into(), address: "a.local".into(), port: 80 }, "a_tool".into())
}

#[test]
fn an_observation_in_a_known_series_allocates_nothing() {
    let metrics = Metrics::new(Status::off());
    let (peer, tool) = labels();
    observe(&metrics, &peer, &tool);
    let unknown = other();
    observe(&metrics, &peer, &unknown);
    let cost = measure(|| {
        observe(&metrics, &peer, &tool);
        observe(&metrics, &peer, &other());
    });
    assert_eq!(cost.count_total, 0, "{cost:?}");
}

#[test]
fn an_observation_over_the_bound_allocates_nothing() {
    let options = MetricsOptions { series_max: 1, ..MetricsOptions::default() };
    let metrics = Metrics::with_options(Status::off(), options);
    let (peer, tool) = labels();
    let one_too_many: Arc<str> = "another_tool".into();
    observe(&metrics, &peer, &tool);
    observe(&metrics, &peer, &one_too_many);
    let cost = measure(|| observe(&metrics, &peer, &one_too_many));
    assert_eq!(cost.count_total, 0, "{cost:?}");
}

#[test]
fn switched_off_nothing_is_asked_and_nothing_kept() {
    let options = MetricsOptions { enabled: false, ..MetricsOptions::default() };
    let metrics = Metrics::with_options(Status::off(), options);
    let (peer, tool) = labels();
    assert!(metrics.now().is_none(), "the clock is not read");
    let cost = measure(|| {
        observe(&metrics, &peer, &tool);
        let asked = || -> Option<Exemplar> { panic!("nobody wants an exemplar") };
        metrics.server_operation(Operation::default(), Some(Duration::ZERO), asked);
        metrics.session_init(&peer.name, None, Some(Duration::ZERO), || Span::off().exemplar());
        let session = Session { opened_at: 1, expires_at: 2, protocol_version: "2025-11-25" };
        metrics.session_opened(session);
        metrics.session_ended(session, Duration::from_secs(1));
        metrics.remove_server("demo/a");
    });
    assert_eq!(cost.count_total, 0, "{cost:?}");
}
