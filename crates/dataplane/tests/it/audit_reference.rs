//! The written reference of audit events follows their table.

use std::path::Path;

use mcp_gateway_dataplane::audit::reference;

#[test]
fn audit_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/audit.md");
    let current = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &current).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == current,
        "{} is stale: run UPDATE_DOCS=1 cargo test -p mcp-gateway-dataplane audit_reference",
        path.display()
    );
}
