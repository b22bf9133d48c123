//! Envoy's own spans: one for the request as Envoy sees it, one for each call to the gateway and to a server.
//!
//! Whether a trace is recorded is the caller's word; without one, every trace is.

use serde_json::{Value, json};
use url::Url;

use super::{EnvoyConfigError, cluster, put, typed};

/// The name under which Envoy's spans arrive, beside those of the gateway.
const SERVICE_NAME: &str = "mcp-gateway-envoy";
/// Time that one export may take; Envoy drops what it could not send.
const EXPORT_TIMEOUT: &str = "5s";
/// Milliseconds that Envoy holds spans before it exports them; 5000 unless told otherwise, long after those of the
/// gateway have arrived.
const EXPORT_INTERVAL_MS: u32 = 1000;
/// Where a collector takes traces over HTTP when its address has no path.
const TRACES_PATH: &str = "/v1/traces";

/// The scheme of a collector that takes OTLP over gRPC; those of the web take it over HTTP.
pub(super) const RPC_SCHEME: &str = "rpc";

/// Refuses a collector for which Envoy has no exporter.
pub(super) fn check_scheme(collector: &Url) -> Result<(), EnvoyConfigError> {
    match collector.scheme() {
        "http" | "https" | RPC_SCHEME => Ok(()),
        _ => Err(EnvoyConfigError::UnknownScheme { url: collector.to_string() }),
    }
}

/// Returns the tracing settings of the connection manager, which export to [`cluster::COLLECTOR`].
pub(super) fn tracing(collector: &Url) -> Value {
    let mut provider = json!({ "service_name": SERVICE_NAME });
    let (key, exporter) = if collector.scheme() == RPC_SCHEME {
        let service = json!({ "envoy_grpc": { "cluster_name": cluster::COLLECTOR }, "timeout": EXPORT_TIMEOUT });
        ("grpc_service", service)
    } else {
        let mut uri = collector.clone();
        if matches!(uri.path(), "" | "/") {
            uri.set_path(TRACES_PATH);
        }
        let uri = json!({ "uri": uri.as_str(), "cluster": cluster::COLLECTOR, "timeout": EXPORT_TIMEOUT });
        ("http_service", json!({ "http_uri": uri }))
    };
    put(&mut provider, key, exporter);
    json!({
        "provider": {
            "name": "envoy.tracers.opentelemetry",
            "typed_config": typed("envoy.config.trace.v3.OpenTelemetryConfig", provider),
        },
        "random_sampling": { "value": 100 },
        "spawn_upstream_span": true,
    })
}

/// Returns the runtime settings by which spans leave in [`EXPORT_INTERVAL_MS`].
pub(super) fn export_soon() -> Value {
    let layer = json!({ "tracing.opentelemetry.flush_interval_ms": EXPORT_INTERVAL_MS });
    json!({ "layers": [{ "name": "static", "static_layer": layer }] })
}
