//! A real MCP server of the official SDK on a loopback port.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use http::{Method, StatusCode};
use rmcp::model::{
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, RequestContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, Peer, RoleServer, ServerHandler};
use tokio_util::sync::CancellationToken;

use super::listen::{any_port, serve};

/// The settings of the SDK that change what a client sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// With session ids; answers are event streams then.
    pub(crate) sessions: bool,
    /// Answers as JSON, where there are no sessions.
    pub(crate) json: bool,
}

/// The tools of the server, and the clients that are connected.
#[derive(Clone, Default)]
pub(crate) struct Sample {
    tools: Arc<Mutex<Vec<Tool>>>,
    peers: Arc<Mutex<Vec<Peer<RoleServer>>>>,
}

impl Sample {
    pub(crate) fn with_tools(names: &[&str]) -> Self {
        let sample = Self::default();
        sample.set_tools(names);
        sample
    }

    /// Replaces the tools.
    pub(crate) fn set_tools(&self, names: &[&str]) {
        let tools = names.iter().map(|name| {
            let schema = serde_json::Map::from_iter([("type".to_owned(), "object".into())]);
            Tool::new((*name).to_owned(), "a sample", Arc::new(schema))
        });
        *self.tools.lock().unwrap() = tools.collect();
    }

    /// Tells every connected client that the tools have changed.
    pub(crate) async fn announce(&self) {
        let peers = self.peers.lock().unwrap().clone();
        for peer in peers {
            peer.notify_tool_list_changed().await.unwrap();
        }
    }
}

impl ServerHandler for Sample {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.lock().unwrap().clone()))
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.peers.lock().unwrap().push(context.peer);
    }
}

/// The running server. Stops when dropped.
pub(crate) struct SampleServer {
    address: SocketAddr,
    pub(crate) sample: Sample,
    /// The streams of changes that were opened.
    streams: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl SampleServer {
    pub(crate) async fn start(settings: Settings, sample: Sample) -> Self {
        Self::start_on(any_port(), settings, sample).await
    }

    /// Serves `sample` on `address`; sessions of an earlier server there are unknown to it.
    pub(crate) async fn start_on(address: SocketAddr, settings: Settings, sample: Sample) -> Self {
        let stop = CancellationToken::new();
        let mut config = StreamableHttpServerConfig::default();
        config.legacy_session_mode = settings.sessions;
        config.json_response = settings.json;
        config.cancellation_token = stop.child_token();
        let handler = sample.clone();
        let service = StreamableHttpService::new(
            move || Ok(handler.clone()),
            Arc::new(LocalSessionManager::default()),
            config,
        );
        let streams = Arc::new(AtomicUsize::new(0));
        let counter = from_fn_with_state(Arc::clone(&streams), count_streams);
        let app = Router::new().nest_service("/mcp", service).layer(counter);
        let address = serve(address, app, &stop).await;
        Self { address, sample, streams, stop }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// How many streams of changes were opened so far.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::SeqCst)
    }

    /// Closes the port and every connection.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for SampleServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn count_streams(
    State(streams): State<Arc<AtomicUsize>>,
    request: Request,
    next: Next,
) -> Response {
    let is_get = request.method() == Method::GET;
    let response = next.run(request).await;
    if is_get && response.status() == StatusCode::OK {
        streams.fetch_add(1, Ordering::SeqCst);
    }
    response
}
