//! Names that people's dashboards and queries contain; changing one is a breaking change.

use super::{attribute, error_source, span};

#[test]
fn names_are_those_of_the_guide() {
    let known = [
        (span::ROUTER_PROCESS, "mcp-router.process"),
        (span::ROUTER_ROUTE_DECISION, "mcp-router.route-decision"),
        (span::ROUTER_BROKER_PASSTHROUGH, "mcp-router.broker-passthrough"),
        (span::ROUTER_TOOL_CALL, "mcp-router.tool-call"),
        (span::ROUTER_BROKER_GET_SERVER_INFO, "mcp-router.broker.get-server-info"),
        (span::ROUTER_SESSION_CACHE_GET, "mcp-router.session-cache.get"),
        (span::ROUTER_SESSION_INIT, "mcp-router.session-init"),
        (span::ROUTER_SESSION_CACHE_STORE, "mcp-router.session-cache.store"),
        (span::BROKER_HANDLE_REQUEST, "mcp-broker.handle-request"),
        (attribute::MCP_METHOD_NAME, "mcp.method.name"),
        (attribute::GEN_AI_OPERATION_NAME, "gen_ai.operation.name"),
        (attribute::GEN_AI_TOOL_NAME, "gen_ai.tool.name"),
        (attribute::MCP_SESSION_ID, "mcp.session.id"),
        (attribute::MCP_SERVER, "mcp.server"),
        (attribute::MCP_ROUTE, "mcp.route"),
        (attribute::ROUTE_TOOL_CALL, "tool-call"),
        (attribute::ROUTE_BROKER, "broker"),
        (attribute::ROUTE_ELICITATION_RESPONSE, "elicitation-response"),
        (attribute::HTTP_METHOD, "http.method"),
        (attribute::HTTP_PATH, "http.path"),
        (attribute::HTTP_REQUEST_ID, "http.request_id"),
        (attribute::HTTP_STATUS_CODE, "http.status_code"),
        (attribute::JSONRPC_REQUEST_ID, "jsonrpc.request.id"),
        (attribute::JSONRPC_PROTOCOL_VERSION, "jsonrpc.protocol.version"),
        (attribute::CLIENT_ADDRESS, "client.address"),
        (attribute::ERROR_TYPE, "error.type"),
        (attribute::ERROR_SOURCE, "error_source"),
        (error_source::EXT_PROC, "ext-proc"),
        (error_source::BROKER, "broker"),
        (attribute::SERVICE_NAME, "service.name"),
        (attribute::SERVICE_VERSION, "service.version"),
        (attribute::VCS_REVISION, "vcs.revision"),
        (attribute::TRACE_ID, "trace_id"),
        (attribute::SPAN_ID, "span_id"),
    ];
    for (constant, name) in known {
        assert_eq!(constant, name);
    }
}

#[test]
fn current_names_are_those_of_the_semantic_conventions() {
    let known = [
        (attribute::HTTP_REQUEST_METHOD, "http.request.method"),
        (attribute::URL_PATH, "url.path"),
        (attribute::HTTP_RESPONSE_STATUS_CODE, "http.response.status_code"),
        (attribute::RPC_RESPONSE_STATUS_CODE, "rpc.response.status_code"),
        (attribute::MCP_PROTOCOL_VERSION, "mcp.protocol.version"),
        (attribute::MCP_RESOURCE_URI, "mcp.resource.uri"),
        (attribute::GEN_AI_PROMPT_NAME, "gen_ai.prompt.name"),
        (attribute::OPERATION_EXECUTE_TOOL, "execute_tool"),
        (attribute::SERVER_ADDRESS, "server.address"),
        (attribute::SERVER_PORT, "server.port"),
        (attribute::CLIENT_PORT, "client.port"),
        (attribute::NETWORK_TRANSPORT, "network.transport"),
        (attribute::NETWORK_PROTOCOL_NAME, "network.protocol.name"),
        (attribute::NETWORK_PROTOCOL_VERSION, "network.protocol.version"),
        (attribute::VCS_REF_HEAD_REVISION, "vcs.ref.head.revision"),
    ];
    for (constant, name) in known {
        assert_eq!(constant, name);
    }
}

#[test]
fn a_client_span_is_named_by_method_and_target() {
    assert_eq!(span::client("tools/call", Some("forecast")), "tools/call forecast");
    assert_eq!(span::client("tools/call", Some("")), "tools/call");
    assert_eq!(span::client("resources/read", None), "resources/read");
}
