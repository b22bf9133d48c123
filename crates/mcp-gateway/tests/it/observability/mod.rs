//! The observability example against the programs that it configures, and against telemetry that a real gateway made.
//!
//! There is no container engine: what only an image holds (Tempo, Loki, Grafana) is checked by the structure of its
//! files. Prometheus, promtool, the OpenTelemetry Collector and Phoenix are the real ones of `make backends`.

mod collector;
mod dashboard;
mod deployment;
mod guide;
mod live;
mod phoenix;
mod prometheus;
mod query;
mod rules;
mod stand;

use std::path::PathBuf;

use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard};

/// Returns the path of a file of the example.
fn path(file: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/observability")).join(file)
}

/// Reads a file of the example.
fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Reads all documents of a YAML file of the example.
fn documents(file: &str) -> Vec<Value> {
    let text = read(file);
    serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| {
            serde::Deserialize::deserialize(document)
                .unwrap_or_else(|error| panic!("{file}: {error}"))
        })
        .collect()
}

/// Reads a YAML file of the example that holds one document.
fn yaml(file: &str) -> Value {
    let mut all = documents(file);
    assert_eq!(all.len(), 1, "{file}");
    all.remove(0)
}

/// Waits until no other test runs programs that need much memory or time to start.
async fn alone() -> MutexGuard<'static, ()> {
    static HEAVY: Mutex<()> = Mutex::const_new(());
    HEAVY.lock().await
}
