//! Names of span, log and resource attributes.
//!
//! Two vocabularies stand beside each other: the names that users of the Go gateway know, and the current names of the
//! OpenTelemetry semantic conventions. Where both say the same thing, both are written.

// ---- MCP and JSON-RPC, in the conventions under the same names

/// The MCP method: `tools/call`.
pub const MCP_METHOD_NAME: &str = "mcp.method.name";
/// The gateway session of the client, as `jti:…`; never the token.
pub const MCP_SESSION_ID: &str = "mcp.session.id";
/// The protocol revision that both sides use: `2025-11-25`.
pub const MCP_PROTOCOL_VERSION: &str = "mcp.protocol.version";
/// The URI of the resource that is read.
pub const MCP_RESOURCE_URI: &str = "mcp.resource.uri";
/// The JSON-RPC id of the request, without JSON quotes; absent for notifications.
pub const JSONRPC_REQUEST_ID: &str = "jsonrpc.request.id";
/// Always `2.0`.
pub const JSONRPC_PROTOCOL_VERSION: &str = "jsonrpc.protocol.version";
/// The JSON-RPC error code of the answer, as a string.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc.response.status_code";
/// On router spans the MCP method; on the CLIENT span of a tool call [`OPERATION_EXECUTE_TOOL`].
pub const GEN_AI_OPERATION_NAME: &str = "gen_ai.operation.name";
/// The value of [`GEN_AI_OPERATION_NAME`] by which backends recognise a tool call.
pub const OPERATION_EXECUTE_TOOL: &str = "execute_tool";
/// The tool: with the server's prefix on router spans, as the server knows it on the CLIENT span.
pub const GEN_AI_TOOL_NAME: &str = "gen_ai.tool.name";
/// The arguments of a tool call, on its CLIENT span, when the configuration asks for them: JSON without what is blacked
/// out, or a digest of it.
pub const GEN_AI_TOOL_CALL_ARGUMENTS: &str = "gen_ai.tool.call.arguments";
/// The result of a tool call, likewise.
pub const GEN_AI_TOOL_CALL_RESULT: &str = "gen_ai.tool.call.result";
/// The prompt: with the server's prefix on router spans, as the server knows it on the CLIENT span.
pub const GEN_AI_PROMPT_NAME: &str = "gen_ai.prompt.name";

// ---- The gateway's own

/// The name of the MCP server in the configuration.
pub const MCP_SERVER: &str = "mcp.server";
/// The host name of the MCP server behind Envoy.
pub const MCP_SERVER_HOSTNAME: &str = "mcp.server.hostname";
/// The routing decision: `tool-call`, `broker`, `elicitation-response`, `prompt-get` or `resource-read`.
pub const MCP_ROUTE: &str = "mcp.route";
/// A value of [`MCP_ROUTE`]: a tool call to a server.
pub const ROUTE_TOOL_CALL: &str = "tool-call";
/// A value of [`MCP_ROUTE`]: the broker answers.
pub const ROUTE_BROKER: &str = "broker";
/// A value of [`MCP_ROUTE`]: the answer to a server's question goes to that server.
pub const ROUTE_ELICITATION_RESPONSE: &str = "elicitation-response";
/// A value of [`MCP_ROUTE`]: `prompts/get` to a server.
pub const ROUTE_PROMPT_GET: &str = "prompt-get";
/// A value of [`MCP_ROUTE`]: `resources/read` to a server.
pub const ROUTE_RESOURCE_READ: &str = "resource-read";
/// Why the answer of a server passed unread: `size` or `content_coding`. Whether the call failed is not known then.
pub const MCP_ANSWER_UNREAD: &str = "mcp.answer.unread";
/// A value of [`MCP_ANSWER_UNREAD`]: it is longer than `limits.answerBytesMax`.
pub const UNREAD_SIZE: &str = "size";
/// A value of [`MCP_ANSWER_UNREAD`]: it came in a content coding that nobody asked for.
pub const UNREAD_CODING: &str = "content_coding";
/// How many tools a list held.
pub const MCP_TOOLS_COUNT: &str = "mcp.tools.count";
/// Whether a session with the server was found in the cache.
pub const MCP_SESSION_CACHE_HIT: &str = "mcp.session_cache.hit";

// ---- HTTP

/// The HTTP method. Current name: [`HTTP_REQUEST_METHOD`].
pub const HTTP_METHOD: &str = "http.method";
/// The HTTP method.
pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
/// The path without query. Current name: [`URL_PATH`].
pub const HTTP_PATH: &str = "http.path";
/// The path without query.
pub const URL_PATH: &str = "url.path";
/// The value of `x-request-id`.
pub const HTTP_REQUEST_ID: &str = "http.request_id";
/// The status that the client got, an integer. Current name: [`HTTP_RESPONSE_STATUS_CODE`].
pub const HTTP_STATUS_CODE: &str = "http.status_code";
/// The status of the answer, an integer: the client's on router spans, the server's on the CLIENT span.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
/// How many times a request was sent again before this one.
pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
/// The beginning of the attributes of baggage that the configuration keeps: `baggage.<key>`.
pub const BAGGAGE: &str = "baggage";
/// True when the client went away before its response was complete; no error of anyone. Ours.
pub const CLIENT_DISCONNECTED: &str = "client.disconnected";

// ---- Network

/// Who called: one address, never a list.
pub const CLIENT_ADDRESS: &str = "client.address";
/// The port of the caller, when it is the other end of the connection; not known behind Envoy.
pub const CLIENT_PORT: &str = "client.port";
/// The host of the MCP server.
pub const SERVER_ADDRESS: &str = "server.address";
/// The port of the MCP server.
pub const SERVER_PORT: &str = "server.port";
/// `tcp` for HTTP, `pipe` for a child process.
pub const NETWORK_TRANSPORT: &str = "network.transport";
/// `http`.
pub const NETWORK_PROTOCOL_NAME: &str = "network.protocol.name";
/// `1.1` or `2`.
pub const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";

// ---- Errors

/// What went wrong, one of few values: a snake-case reason, an HTTP status, a JSON-RPC code, or [`ERROR_TYPE_TOOL`].
pub const ERROR_TYPE: &str = "error.type";
/// The value of [`ERROR_TYPE`] when a tool answered with `isError: true`.
pub const ERROR_TYPE_TOOL: &str = "tool_error";
/// Who failed: a value of [`crate::name::error_source`].
pub const ERROR_SOURCE: &str = "error_source";

// ---- Resource

/// `mcp-gateway`, unless the environment says otherwise.
pub const SERVICE_NAME: &str = "service.name";
/// The version of the build, unless the environment says otherwise.
pub const SERVICE_VERSION: &str = "service.version";
/// One process: a random UUID, unless the environment says otherwise.
pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
/// The git commit of the build. Current name: [`VCS_REF_HEAD_REVISION`].
pub const VCS_REVISION: &str = "vcs.revision";
/// The git commit of the build.
pub const VCS_REF_HEAD_REVISION: &str = "vcs.ref.head.revision";
/// The compiler of the build.
pub const BUILD_RUST_VERSION: &str = "build.rust.version";
/// `rust`.
pub const PROCESS_RUNTIME_NAME: &str = "process.runtime.name";
/// The compiler of the build.
pub const PROCESS_RUNTIME_VERSION: &str = "process.runtime.version";
/// `opentelemetry`.
pub const TELEMETRY_SDK_NAME: &str = "telemetry.sdk.name";
/// `rust`.
pub const TELEMETRY_SDK_LANGUAGE: &str = "telemetry.sdk.language";
/// The version of the OpenTelemetry SDK.
pub const TELEMETRY_SDK_VERSION: &str = "telemetry.sdk.version";

// ---- Log lines

/// The trace that a log line belongs to, 32 hexadecimal digits.
pub const TRACE_ID: &str = "trace_id";
/// The span that a log line belongs to, 16 hexadecimal digits.
pub const SPAN_ID: &str = "span_id";
/// On the first span of a trace in this process: why it was recorded although it was not sampled.
pub const SAMPLING_REASON: &str = "sampling.reason";
/// A value of [`SAMPLING_REASON`]: a span failed.
pub const SAMPLING_REASON_ERROR: &str = "error";
/// A value of [`SAMPLING_REASON`]: it took long.
pub const SAMPLING_REASON_SLOW: &str = "slow";
/// A value of [`SAMPLING_REASON`]: a caller asked for it who may.
pub const SAMPLING_REASON_FORCED: &str = "forced";
