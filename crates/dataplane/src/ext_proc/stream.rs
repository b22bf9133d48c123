//! One HTTP request as Envoy tells it: phases in, answers out.
//!
//! ```text
//! Head ──► Body ──► ResponseHead ──► ResponseBody ──► Done
//!   │        │           └── session lost ──► Resent ──┘
//!   └────────┴── an immediate response ──► Done
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::BodySendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Phase;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HttpBody, HttpHeaders, ProcessingRequest, ProcessingResponse,
};
use http::HeaderValue;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use mcp_gateway_core::answer::BodyEnd;
use mcp_gateway_core::header::{
    BROKER, MCP_SESSION_ID, X_MCP_METHOD, X_MCP_SERVERNAME, X_MCP_TRACEPARENT, X_MCP_TRACESTATE,
    X_MCP_VISIBLE,
};
use mcp_gateway_core::jsonrpc::Message;
use mcp_gateway_telemetry::name::error_source;
use mcp_gateway_telemetry::RemoteContext;
use tonic::{Status, Streaming};

use crate::broker::visibility;
use crate::ext_proc::encode::Edits;
use crate::ext_proc::resend::{Resender, ResentBody};
use crate::ext_proc::{decode, encode};
use crate::router::{
    BodyFault, Exchange, Reply, ResponseHead, Router, ServerCall, ServerFault, ServerResponse,
    Step, response_header_passes,
};

/// How the filter is configured to send the request body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// FULL_DUPLEX_STREAMED both ways: the headers are answered when the body is there.
    Duplex,
    /// BUFFERED request, response body on demand.
    Buffered,
}

/// Where in the request the stream stands.
enum State {
    Head,
    Body(Box<Exchange>, BytesMut),
    ResponseHead(Box<Exchange>, Goes),
    ResponseBody(Box<Exchange>, Goes),
    Resent(Box<Exchange>, ResentBody),
    Done,
}

/// Who answers the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goes {
    ToBroker,
    ToServer,
    /// A request of the gateway itself, on its way to a server.
    Own,
}

/// Follows one stream.
pub(super) struct Processor {
    router: Router,
    resender: Arc<Resender>,
    ambient: RemoteContext,
    inbound: Streaming<ProcessingRequest>,
    shape: Shape,
    state: State,
    /// Answers that are ready; one phase of Envoy's can take several.
    ready: VecDeque<ProcessingResponse>,
}

impl Processor {
    pub(super) fn new(
        router: Router,
        resender: Arc<Resender>,
        ambient: RemoteContext,
        inbound: Streaming<ProcessingRequest>,
    ) -> Self {
        Self {
            router,
            resender,
            ambient,
            inbound,
            shape: Shape::Buffered,
            state: State::Head,
            ready: VecDeque::with_capacity(3),
        }
    }
}
