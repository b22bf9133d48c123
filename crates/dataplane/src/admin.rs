//! The admin listener: is the gateway alive, is it ready, how are its servers, what are its figures.
//!
//! Reads only. It belongs on a private address; nothing here is meant for clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mcp_gateway_telemetry::metrics::{Metrics, TextFormat};
use serde::Serialize;
use serde_json::Value;

use crate::snapshot::Snapshots;
use crate::upstream::{ServerState, ServerStatus, Servers};

/// What the admin listener reads. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    parts: Arc<AdminParts>,
}

/// What an [`Admin`] is built from.
pub struct AdminParts {
    /// The servers and their state.
    pub servers: Arc<Servers>,
    /// The current snapshot.
    pub snapshots: Snapshots,
    /// The figures.
    pub metrics: Metrics,
    /// Set once the gateway drains: it is no longer ready then.
    pub draining: Arc<AtomicBool>,
    /// What the process adds to the status: configuration source, telemetry. Called for each request.
    pub extra: Extra,
}

/// Gives further members of `/status` by name.
pub type Extra = Arc<dyn Fn() -> Vec<(&'static str, Value)> + Send + Sync>;

/// The body of `/status`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    ready: bool,
    draining: bool,
    /// Counts up with each change of configuration or tools.
    revision: u64,
    mode: &'static str,
    /// The tools that clients see.
    tools: usize,
    total_servers: usize,
    healthy_servers: usize,
    servers: Vec<ServerStatus>,
    #[serde(flatten)]
    extra: serde_json::Map<String, Value>,
}

impl Admin {
    /// Builds the admin application's state.
    pub fn new(parts: AdminParts) -> Self {
        Self { parts: Arc::new(parts) }
    }

    /// The application for the admin listener.
    pub fn app(self) -> axum::Router {
        axum::Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(readyz))
            .route("/status", get(status))
            .route("/metrics", get(metrics))
            .with_state(self)
    }

    /// Ready means: something can be offered (a server is up, or none is configured) and the gateway is not draining.
    fn is_ready(&self) -> bool {
        !self.parts.draining.load(Ordering::Relaxed) && self.parts.servers.ready()
    }
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if admin.is_ready() {
        (StatusCode::OK, "ready\n")
    } else if admin.parts.draining.load(Ordering::Relaxed) {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no server is up; /status says why\n")
    }
}

async fn status(State(admin): State<Admin>) -> Json<Value> {
    let snapshot = admin.parts.snapshots.current();
    let servers = admin.parts.servers.status();
    let healthy = servers.iter().filter(|server| server.state == ServerState::Up).count();
    let status = Status {
        ready: admin.is_ready(),
        draining: admin.parts.draining.load(Ordering::Relaxed),
        revision: snapshot.revision,
        mode: snapshot.config.mode.as_str(),
        tools: snapshot.tools_count(&mcp_gateway_core::routing::Visibility::All),
        total_servers: servers.len(),
        healthy_servers: healthy,
        servers,
        extra: (admin.parts.extra)().into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
    };
    Json(serde_json::to_value(status).unwrap_or_default())
}

async fn metrics(State(admin): State<Admin>, headers: HeaderMap) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    let format = TextFormat::accepted(accept);
    let text = admin.parts.metrics.encode_as(format);
    ([(CONTENT_TYPE, format.content_type())], text).into_response()
}
