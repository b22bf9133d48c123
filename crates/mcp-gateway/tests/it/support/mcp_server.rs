//! A real MCP server, made with the official SDK, that keeps what it receives.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode,
    Implementation, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::{NotificationContext, Peer, RequestContext};
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::{Value, json};

use super::host::Host;
use super::record::Record;
use super::sample_span::ServerSpans;

/// What kind of server it is.
#[derive(Clone, Debug)]
pub struct Kind {
    /// What it calls itself.
    pub name: String,
    /// The newest revision that it speaks; it speaks the older ones as well.
    pub revision: ProtocolVersion,
    /// Whether it issues session ids and refuses requests without.
    pub sessions: bool,
    /// Whether it answers with JSON; only servers without sessions can, the others answer with event streams.
    pub json: bool,
    /// Tools of a page of its list; all on one page when `None`.
    pub page: Option<usize>,
    /// Values of `Host` that it accepts beside loopback.
    pub hosts: Vec<String>,
    /// Spans of its own, when it has any.
    pub spans: Option<ServerSpans>,
}

impl Kind {
    /// A server of revision 2025-11-25 with sessions.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            revision: ProtocolVersion::V_2025_11_25,
            sessions: true,
            json: false,
            page: None,
            hosts: Vec::new(),
            spans: None,
        }
    }

    /// A server of revision 2025-06-18 without sessions that answers with JSON.
    pub fn older(name: &str) -> Self {
        Self {
            revision: ProtocolVersion::V_2025_06_18,
            sessions: false,
            json: true,
            ..Self::new(name)
        }
    }
}

/// A running server. Killed when dropped.
pub struct McpServer {
    kind: Kind,
    host: Host,
    record: Record,
    state: Shared,
}

impl McpServer {
    /// Starts a server with the tools `echo`, `add`, `slow` and `fail`.
    pub async fn start(kind: Kind) -> Self {
        let state = Shared::default();
        state.lock().tools =
            tools().into_iter().map(|tool| (tool.name.to_string(), tool)).collect();
        let record = Record::default();
        let host = Host::start(app(&kind, &record, &state)).await;
        Self { kind, host, record, state }
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.host.address()
    }

    /// Returns the URL of its MCP endpoint.
    pub fn url(&self) -> String {
        self.host.url()
    }

    /// Returns what it has received, over all its lives.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Dies as a killed process does.
    pub async fn stop(&mut self) {
        self.host.stop().await;
    }

    /// Comes back on the same port; its sessions are forgotten, its tools are not.
    pub async fn restart(&mut self) {
        self.state.lock().peers.clear();
        self.host.restart(app(&self.kind, &self.record, &self.state)).await;
    }

    /// Offers one more tool and tells every client that listens.
    pub async fn add_tool(&self, tool: Value) {
        let tool: Tool = serde_json::from_value(tool).unwrap();
        let peers = {
            let mut state = self.state.lock();
            state.tools.insert(tool.name.to_string(), tool);
            state.peers.clone()
        };
        for peer in peers {
            // A client that is gone needs no news.
            drop(peer.notify_tool_list_changed().await);
        }
    }
}

fn app(kind: &Kind, record: &Record, state: &Shared) -> Router {
    let mut config = StreamableHttpServerConfig::default();
    config.legacy_session_mode = kind.sessions;
    config.json_response = kind.json;
    config.allowed_hosts.extend(kind.hosts.iter().cloned());
    let handler = Handler { kind: kind.clone(), state: state.clone() };
    let service = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    let mut app = Router::new().route_service("/mcp", service);
    if let Some(spans) = &kind.spans {
        app = spans.clone().of(app);
    }
    record.of(app)
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tools: BTreeMap<String, Tool>,
    peers: Vec<Peer<RoleServer>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Clone)]
struct Handler {
    kind: Kind,
    state: Shared,
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        let capabilities =
            ServerCapabilities::builder().enable_tools().enable_tool_list_changed().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new(self.kind.name.clone(), "1.2.3"))
            .with_protocol_version(self.kind.revision.clone())
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        let all = [
            ProtocolVersion::V_2025_03_26,
            ProtocolVersion::V_2025_06_18,
            ProtocolVersion::V_2025_11_25,
        ];
        all.into_iter().filter(|version| version.as_str() <= self.kind.revision.as_str()).collect()
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        self.state.lock().peers.push(context.peer);
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools: Vec<Tool> = self.state.lock().tools.values().cloned().collect();
        let Some(size) = self.kind.page else { return Ok(ListToolsResult::with_all_items(tools)) };
        let cursor = request.and_then(|request| request.cursor).unwrap_or_else(|| "0".to_owned());
        let first: usize =
            cursor.parse().map_err(|_| ErrorData::invalid_params("no such page", None))?;
        let page: Vec<Tool> = tools.iter().skip(first).take(size).cloned().collect();
        let mut result = ListToolsResult::with_all_items(page);
        result.next_cursor = (first + size < tools.len()).then(|| (first + size).to_string());
        Ok(result)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        let text = |text: String| vec![ContentBlock::text(text)];
        let result = match request.name.as_ref() {
            "echo" => CallToolResult::success(text(
                arguments["text"].as_str().unwrap_or_default().to_owned(),
            )),
            "add" => {
                let number = |key: &str| arguments[key].as_i64().unwrap_or_default();
                CallToolResult::structured(json!({ "sum": number("a") + number("b") }))
            }
            "slow" => {
                let pause = Duration::from_millis(arguments["ms"].as_u64().unwrap_or_default());
                tokio::time::sleep(pause).await;
                CallToolResult::success(text(format!("after {} ms", pause.as_millis())))
            }
            "fail" => CallToolResult::error(text("it did not work".to_owned())),
            "refuse" => return Err(ErrorData::new(ErrorCode(-32042), "not like this", None)),
            name => return Err(ErrorData::invalid_params(format!("unknown tool {name}"), None)),
        };
        Ok(result.into())
    }
}

/// The tools that each server begins with; `echo` has every member that the revision knows.
fn tools() -> Vec<Tool> {
    let object = |properties: Value| json!({ "type": "object", "properties": properties });
    let tools = json!([
        {
            "name": "echo",
            "title": "Echo ✓",
            "description": "Returns its text.",
            "inputSchema": object(json!({ "text": { "type": "string" } })),
            "annotations": { "title": "Echo", "readOnlyHint": true, "idempotentHint": true, "openWorldHint": false },
            "icons": [{ "src": "https://example.com/echo.png", "mimeType": "image/png", "sizes": ["48x48"] }],
            "_meta": { "example.com/weight": 3, "example.com/<&>": "ä" },
        },
        {
            "name": "add",
            "inputSchema": object(json!({ "a": { "type": "integer" }, "b": { "type": "integer" } })),
            "outputSchema": object(json!({ "sum": { "type": "integer" } })),
            "annotations": { "readOnlyHint": true },
        },
        {
            "name": "slow",
            "description": "Answers after `ms` milliseconds.",
            "inputSchema": object(json!({ "ms": { "type": "integer" } })),
        },
        {
            "name": "fail",
            "description": "Has an error as its result.",
            "inputSchema": object(json!({})),
            "annotations": { "destructiveHint": true },
        },
        { "name": "refuse", "description": "Is answered with a JSON-RPC error.", "inputSchema": object(json!({})) },
    ]);
    serde_json::from_value(tools).unwrap()
}
