//! The written reference follows the table of metrics.

use std::path::Path;

use mcp_gateway_telemetry::metrics::reference;

#[test]
fn metrics_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md");
    let current = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &current).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == current,
        "{} is stale: run UPDATE_DOCS=1 cargo test -p mcp-gateway-telemetry metrics_reference",
        path.display()
    );
}
