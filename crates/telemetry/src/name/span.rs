//! Names of spans.
//!
//! The tree that they form is in `ARCHITECTURE.md`. Only the CLIENT span of a call to a server has a computed name,
//! see [`client`].

/// SERVER. One request as the router sees it, from its first header to the end of its response.
pub const ROUTER_PROCESS: &str = "mcp-router.process";
/// Child of [`ROUTER_PROCESS`]: where the message goes.
pub const ROUTER_ROUTE_DECISION: &str = "mcp-router.route-decision";
/// Child of [`ROUTER_ROUTE_DECISION`]: the broker answers.
pub const ROUTER_BROKER_PASSTHROUGH: &str = "mcp-router.broker-passthrough";
/// Child of [`ROUTER_ROUTE_DECISION`]: a tool call goes to a server.
pub const ROUTER_TOOL_CALL: &str = "mcp-router.tool-call";
/// Child of [`ROUTER_ROUTE_DECISION`]: `prompts/get` goes to a server.
pub const ROUTER_PROMPT_GET: &str = "mcp-router.prompt-get";
/// Child of [`ROUTER_ROUTE_DECISION`]: `resources/read` goes to a server.
pub const ROUTER_RESOURCE_READ: &str = "mcp-router.resource-read";
/// Child of [`ROUTER_ROUTE_DECISION`]: the answer to a server's question goes back to that server.
pub const ROUTER_ELICITATION_RESPONSE: &str = "mcp-router.elicitation-response";
/// Child of [`ROUTER_TOOL_CALL`]: which server owns the tool.
pub const ROUTER_BROKER_GET_SERVER_INFO: &str = "mcp-router.broker.get-server-info";
/// Child of [`ROUTER_TOOL_CALL`]: is there a session with the server already.
pub const ROUTER_SESSION_CACHE_GET: &str = "mcp-router.session-cache.get";
/// CLIENT. Child of [`ROUTER_TOOL_CALL`], on a cache miss only: `initialize` at the server.
pub const ROUTER_SESSION_INIT: &str = "mcp-router.session-init";
/// Child of [`ROUTER_TOOL_CALL`], on a cache miss only: the new session is remembered.
pub const ROUTER_SESSION_CACHE_STORE: &str = "mcp-router.session-cache.store";

/// One message as the broker handles it; child of the router's span of the same request.
pub const BROKER_HANDLE_REQUEST: &str = "mcp-broker.handle-request";
/// Child of [`BROKER_HANDLE_REQUEST`]: the merged list of tools.
pub const BROKER_TOOLS_LIST: &str = "mcp-broker.tools-list";
/// Child of [`BROKER_HANDLE_REQUEST`]: the merged list of prompts.
pub const BROKER_PROMPTS_LIST: &str = "mcp-broker.prompts-list";
/// Child of [`BROKER_HANDLE_REQUEST`]: the merged list of resources.
pub const BROKER_RESOURCES_LIST: &str = "mcp-broker.resources-list";
/// A root of its own: one round of the broker with one server (connect, list).
pub const BROKER_UPSTREAM_MANAGE: &str = "mcp-broker.upstream-manage";

/// A root of its own: the test span of `mcp-gateway doctor`.
pub const DOCTOR: &str = "mcp-gateway.doctor";

/// The name of the CLIENT span of one message that goes to a server, by the semantic conventions.
///
/// `target` is the tool or the prompt as the server knows it: `tools/call forecast`. Without one the name is the method.
/// A resource's URI is never a target: it has too many values.
pub fn client(method: &str, target: Option<&str>) -> String {
    match target {
        Some(target) if !target.is_empty() => format!("{method} {target}"),
        _ => method.to_owned(),
    }
}
