//! The listener: what Envoy does with a request before and after the filters.

use std::time::Duration;

use mcp_gateway_core::config::{Config, Limits};
use serde_json::{Value, json};

use super::{
    Edge, Options, connection_buffer_bytes, ext_proc, local_reply, put, seconds, socket_address,
    typed,
};

/// Time that a client has to send its request line and headers.
const REQUEST_HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that a client has to send its whole request.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Time that a client may keep a connection without a request.
const CONNECTION_IDLE_TIMEOUT: Duration = Duration::from_mins(5);
/// Time beyond the gateway's own deadlines after which Envoy gives up on a stream, so that the gateway answers first.
const STREAM_IDLE_MARGIN: Duration = Duration::from_secs(30);
/// Header lines of one request.
const HEADERS_COUNT_MAX: u32 = 100;
/// Kibibytes of the headers of one request.
const HEADERS_KIB_MAX: u32 = 64;
/// Requests of one HTTP/2 connection at once.
const HTTP2_STREAMS_MAX: u32 = 100;
/// Bytes of one HTTP/2 stream that may be on their way unread.
const HTTP2_STREAM_WINDOW: u32 = 64 << 10;
/// Bytes of one HTTP/2 connection that may be on their way unread.
const HTTP2_CONNECTION_WINDOW: u32 = 1 << 20;

/// An address that no client has: with no range at all, Envoy would trust loopback and private networks.
const NO_ADDRESS: &str = "255.255.255.255";

/// Returns the listener, on the port of `envoyAddress`: on all addresses, unless that is a loopback address.
pub(super) fn listener(
    config: &Config,
    options: &Options,
    edge: &Edge,
    virtual_hosts: &[Value],
    tracing: Option<Value>,
) -> Value {
    let manager = connection_manager(config, options, virtual_hosts, tracing);
    json!({
        "name": "mcp",
        "address": socket_address(&edge.listen, edge.port),
        "per_connection_buffer_limit_bytes": connection_buffer_bytes(&config.limits),
        "tcp_keepalive": super::cluster::tcp_keepalive(),
        "filter_chains": [{
            "filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": manager,
            }],
        }],
    })
}

fn connection_manager(
    config: &Config,
    options: &Options,
    virtual_hosts: &[Value],
    tracing: Option<Value>,
) -> Value {
    let limits = &config.limits;
    let mut manager = json!({
        "stat_prefix": "mcp",
        "codec_type": "AUTO",
        // The peer is the client: its address is appended to x-forwarded-for, and what it says about Envoy's own
        // headers is not believed, from whatever network it calls.
        "use_remote_address": true,
        "internal_address_config": { "cidr_ranges": [{ "address_prefix": NO_ADDRESS, "prefix_len": 32 }] },
        // A request keeps the id that it came with, gets one where it has none, and the answer says which.
        "generate_request_id": true,
        "preserve_external_request_id": true,
        "always_set_request_id_in_response": true,
        "request_id_extension": { "typed_config": request_id() },
        // The path that routes and policies see is the path that a server sees.
        "normalize_path": true,
        "merge_slashes": true,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": HEADERS_KIB_MAX,
        "common_http_protocol_options": {
            "idle_timeout": seconds(CONNECTION_IDLE_TIMEOUT),
            "max_headers_count": HEADERS_COUNT_MAX,
            // Many servers read `x_mcp_toolname` as `x-mcp-toolname`, which only the gateway may say.
            "headers_with_underscores_action": "DROP_HEADER",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": HTTP2_STREAMS_MAX,
            "initial_stream_window_size": HTTP2_STREAM_WINDOW,
            "initial_connection_window_size": HTTP2_CONNECTION_WINDOW,
        },
        "request_headers_timeout": seconds(REQUEST_HEADERS_TIMEOUT),
        "request_timeout": seconds(REQUEST_TIMEOUT),
        "stream_idle_timeout": seconds(stream_idle_timeout(limits)),
        "local_reply_config": local_reply::local_reply_config(),
        "http_filters": [
            { "name": "envoy.filters.http.ext_proc", "typed_config": ext_proc::filter(limits, options.request_body) },
            {
                "name": "envoy.filters.http.router",
                "typed_config": typed(
                    "envoy.extensions.filters.http.router.v3.Router",
                    json!({ "suppress_envoy_headers": true }),
                ),
            },
        ],
        "route_config": {
            "name": "mcp",
            "virtual_hosts": virtual_hosts,
            // Found by host once, not by asking a control plane that is not there.
            "validate_clusters": true,
        },
    });
    if let Some(tracing) = tracing {
        put(&mut manager, "tracing", tracing);
    }
    typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        manager,
    )
}

/// Request ids say nothing about tracing: Envoy would write into ids that clients chose, and sample by them.
fn request_id() -> Value {
    typed(
        "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
        json!({ "pack_trace_reason": false, "use_request_id_for_trace_sampling": false }),
    )
}

/// A stream ends when nothing moved for this long. Client streams carry a comment from the gateway more often.
fn stream_idle_timeout(limits: &Limits) -> Duration {
    limits.call_idle_timeout + limits.session_init_timeout + STREAM_IDLE_MARGIN
}

/// Returns the bound on client connections, all listeners together.
pub(super) fn connection_limit(limits: &Limits) -> Value {
    json!({
        "resource_monitors": [{
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": typed(
                "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                json!({ "max_active_downstream_connections": limits.connections_max }),
            ),
        }],
    })
}
