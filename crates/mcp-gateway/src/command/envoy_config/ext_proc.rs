//! The external processing filter: how Envoy asks the gateway about every request.

use std::time::Duration;

use mcp_gateway_core::config::Limits;
use mcp_gateway_dataplane::ext_proc::METADATA_NAMESPACE;
use serde_json::{Value, json};

use super::{RequestBody, cluster, seconds, typed};

/// Time beyond the opening of a session after which Envoy gives up on a gateway that neither answers nor asks for
/// more time.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);
/// The most time that the gateway can ask for: as much as Envoy allows, since each of its waits has its own deadline.
const ANSWER_TIMEOUT_MAX: Duration = Duration::from_hours(1);

/// Returns the settings of the filter. The edge stays closed: without the gateway's word nothing passes.
pub(super) fn filter(limits: &Limits, request_body: RequestBody) -> Value {
    // With buffered bodies Envoy waits this long for each answer; duplex bodies have no such clock.
    let answer_timeout = (limits.session_init_timeout + ANSWER_MARGIN).min(ANSWER_TIMEOUT_MAX);
    typed(
        "envoy.extensions.filters.http.ext_proc.v3.ExternalProcessor",
        json!({
            "grpc_service": { "envoy_grpc": { "cluster_name": cluster::EXT_PROC } },
            "stat_prefix": "mcp",
            "failure_mode_allow": false,
            // A gateway that does not answer is no fault of the request.
            "status_on_error": { "code": "ServiceUnavailable" },
            "processing_mode": processing_mode(request_body),
            "allow_mode_override": true,
            // Bodies keep their length and need not be chunked; the gateway gives the new length, or removes it, where
            // it changes a body.
            "allow_content_length_header": true,
            // The gateway chooses the host, and with it the route.
            "mutation_rules": { "allow_all_routing": true },
            "message_timeout": seconds(answer_timeout),
            "max_message_timeout": seconds(ANSWER_TIMEOUT_MAX),
            // The error with which Envoy answers when it cannot ask any more: see `local_reply`.
            "metadata_options": { "receiving_namespaces": { "untyped": [METADATA_NAMESPACE] } },
            // Tells a connection that failed from a server that answered 503.
            "response_attributes": ["response.code_details"],
        }),
    )
}

fn processing_mode(request_body: RequestBody) -> Value {
    match request_body {
        // Envoy ignores later changes of mode in this shape, and wants trailers with duplex bodies.
        RequestBody::Duplex => json!({
            "request_header_mode": "SEND",
            "request_body_mode": "FULL_DUPLEX_STREAMED",
            "request_trailer_mode": "SEND",
            "response_header_mode": "SEND",
            "response_body_mode": "FULL_DUPLEX_STREAMED",
            "response_trailer_mode": "SEND",
        }),
        // The gateway asks for the response body with the answer to its headers, where it needs it.
        RequestBody::Buffered => json!({
            "request_header_mode": "SEND",
            "request_body_mode": "BUFFERED",
            "request_trailer_mode": "SKIP",
            "response_header_mode": "SEND",
            "response_body_mode": "NONE",
            "response_trailer_mode": "SKIP",
        }),
    }
}
