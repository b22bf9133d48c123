//! A pocket calculator with one memory cell per session. Speaks MCP up to 2025-11-25.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::handler::server::ServerHandler;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::tool::ToolCallContext;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, Implementation, ProtocolVersion, ServerCapabilities,
    ServerConfig,
};
use rmcp::schemars::JsonSchema;
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, Json, schemars, tool, tool_handler, tool_router};
use serde::{Deserialize, Serialize};

use super::Received;

/// The server; one value per session.
#[derive(Clone, Debug)]
pub(crate) struct Calculator {
    received: Received,
    memory: Arc<Mutex<Option<f64>>>,
    tools: ToolRouter<Self>,
}

/// Two numbers.
#[derive(Debug, Deserialize, JsonSchema)]
struct TwoNumbers {
    /// The first number.
    a: f64,
    /// The second number.
    b: f64,
}

/// One number.
#[derive(Debug, Deserialize, JsonSchema)]
struct OneNumber {
    /// The number.
    value: f64,
}

/// What came out.
#[derive(Debug, Serialize, JsonSchema)]
struct Outcome {
    /// The resulting number.
    result: f64,
}

#[tool_router(router = tool_router)]
impl Calculator {
    pub(super) fn new(received: Received) -> Self {
        Self { received, memory: Arc::default(), tools: Self::tool_router() }
    }

    /// Adds two numbers.
    #[tool(annotations(title = "Add", read_only_hint = true, open_world_hint = false))]
    fn add(Parameters(TwoNumbers { a, b }): Parameters<TwoNumbers>) -> Json<Outcome> {
        Json(Outcome { result: a + b })
    }

    /// Divides the first number by the second. Dividing by zero is a tool error.
    #[tool(annotations(title = "Divide", read_only_hint = true, open_world_hint = false))]
    fn divide(
        Parameters(TwoNumbers { a, b }): Parameters<TwoNumbers>,
    ) -> Result<Json<Outcome>, String> {
        if b == 0.0 {
            return Err("cannot divide by zero".to_owned());
        }
        Ok(Json(Outcome { result: a / b }))
    }

    /// Keeps a number until it is recalled, in this session only.
    #[tool(annotations(
        title = "Remember",
        read_only_hint = false,
        destructive_hint = true,
        idempotent_hint = true,
        open_world_hint = false
    ))]
    fn remember(&self, Parameters(OneNumber { value }): Parameters<OneNumber>) -> Json<Outcome> {
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        Json(Outcome { result: value })
    }

    /// Tells the number that was last remembered in this session.
    #[tool(annotations(title = "Recall", read_only_hint = true, open_world_hint = false))]
    fn recall(&self) -> Result<Json<Outcome>, String> {
        let memory = *self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory
            .map(|result| Json(Outcome { result }))
            .ok_or_else(|| "nothing has been remembered in this session".to_owned())
    }
}

#[tool_handler(router = self.tools)]
impl ServerHandler for Calculator {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(
                Implementation::new("calculator", "1.0.0").with_title("Sample calculator"),
            )
            .with_instructions("Arithmetic, and a memory cell for each session.")
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&[
            ProtocolVersion::V_2025_03_26,
            ProtocolVersion::V_2025_06_18,
            ProtocolVersion::V_2025_11_25,
        ])
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.received.remember(&context);
        self.tools.call(ToolCallContext::new(self, request, context)).await
    }
}
