//! The MCP client of the tour: the official SDK's client over streamable HTTP, with a deadline on every step.
//!
//! It knows nothing of the gateway; pointed at a server it works just the same, which is how the sample servers are
//! tested.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rmcp::ServiceExt;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    PaginatedRequestParams, ProtocolVersion, ServerPeerInfo, Tool,
};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::Value;

use crate::build_info;

/// How long one step may take. Everything runs on loopback, so this is patience for a busy machine.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);
/// How many pages of a tool list are read.
const PAGES_MAX: usize = 100;

/// A connected client.
pub(crate) struct Client {
    session: RunningService<RoleClient, ClientConfig>,
}

/// What a tool answered.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    /// The structured content when there is any, else the text blocks, one a line.
    pub(crate) text: String,
    /// Whether the tool says that it failed.
    pub(crate) is_error: bool,
}

impl Client {
    /// Connects to the MCP endpoint at `url` and initialises a session.
    pub(crate) async fn connect(url: &str) -> anyhow::Result<Self> {
        // Everything is on loopback: a proxy of the environment must not get in between.
        let http = reqwest::Client::builder()
            .no_proxy()
            .tcp_nodelay(true)
            .build()
            .context("cannot make an HTTP client")?;
        let transport = StreamableHttpClientTransport::with_client(
            http,
            StreamableHttpClientTransportConfig::with_uri(url),
        );
        let implementation = Implementation::new("mcp-gateway-demo", build_info::VERSION);
        let config = ClientConfig::new(ClientCapabilities::default(), implementation)
            .with_protocol_version(ProtocolVersion::V_2025_11_25);
        let session = step("initialize", config.serve(transport)).await?;
        Ok(Self { session })
    }

    /// What the other side said about itself: its name, its version, the protocol version of the session.
    pub(crate) fn peer(&self) -> Option<Arc<ServerPeerInfo>> {
        self.session.peer_info()
    }

    /// Lists all tools, in the order in which they are offered.
    pub(crate) async fn tools(&self) -> anyhow::Result<Vec<Tool>> {
        let mut tools = Vec::new();
        let mut cursor = None;
        for _ in 0..PAGES_MAX {
            let request = PaginatedRequestParams::default().with_cursor(cursor);
            let page = step("tools/list", self.session.list_tools(Some(request))).await?;
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        bail!("tools/list: the list has more than {PAGES_MAX} pages")
    }

    /// Calls one tool. A tool's own error is an answer; everything else that goes wrong is an error here.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> anyhow::Result<Answer> {
        let Value::Object(arguments) = arguments else { bail!("arguments are an object") };
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let result = step("tools/call", self.session.call_tool(request)).await?;
        Ok(Answer { text: text_of(&result), is_error: result.is_error == Some(true) })
    }

    /// Ends the session.
    pub(crate) async fn close(mut self) -> anyhow::Result<()> {
        self.session.close_with_timeout(STEP_TIMEOUT).await.context("the client did not stop")?;
        Ok(())
    }
}

async fn step<T, E>(name: &str, work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
where
    E: std::error::Error + Send + Sync + 'static,
{
    tokio::time::timeout(STEP_TIMEOUT, work)
        .await
        .with_context(|| format!("{name}: no answer within {} s", STEP_TIMEOUT.as_secs()))?
        .with_context(|| format!("{name} failed"))
}

fn text_of(result: &CallToolResult) -> String {
    if let Some(structured) = &result.structured_content {
        return structured.to_string();
    }
    let texts = result.content.iter().filter_map(|block| block.as_text());
    texts.map(|block| block.text.as_str()).collect::<Vec<_>>().join("\n")
}
