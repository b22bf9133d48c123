//! The front end for Envoy: its external processing filter asks, the router decides.
//!
//! Envoy opens one gRPC stream per HTTP request. [`ExtProc`] accepts it, `stream::Processor` follows the phases.
//! Two shapes of the filter's configuration are understood, and told apart by what Envoy says in its first message:
//! a request body that streams in full duplex (one round trip for the whole request) and a BUFFERED one.
//!
//! Nothing here decides anything about MCP: see `router`.

mod decode;
mod encode;
mod request;
mod resend;
mod response;
mod serve;
mod stream;

use std::pin::Pin;
use std::sync::Arc;

use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::{
    ExternalProcessor, ExternalProcessorServer,
};
use envoy_types::pb::envoy::service::ext_proc::v3::{ProcessingRequest, ProcessingResponse};
use futures_util::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::ext_proc::stream::Processor;
use crate::router::Router;

pub use crate::ext_proc::encode::{METADATA_ERROR, METADATA_NAMESPACE};
pub use crate::ext_proc::resend::Resender;
pub use crate::ext_proc::serve::{Listener, serve};

/// What a gRPC message may hold beside the longest request body that is accepted. `envoy-config` lets Envoy hold a body
/// that is 1 MiB longer, so that the gateway can refuse it; headers, attributes and framing come on top.
const MESSAGE_OVERHEAD_BYTES: usize = 2 << 20;

/// The external processing service.
#[derive(Clone)]
pub struct ExtProc {
    router: Router,
    resender: Arc<Resender>,
}

impl ExtProc {
    /// Builds the service.
    pub fn new(router: Router, resender: Resender) -> Self {
        Self { router, resender: Arc::new(resender) }
    }

    /// Wraps the service for a tonic server; `body_bytes_max` is the longest request body that is read.
    pub fn into_server(self, body_bytes_max: usize) -> ExternalProcessorServer<Self> {
        ExternalProcessorServer::new(self)
            .max_decoding_message_size(body_bytes_max.saturating_add(MESSAGE_OVERHEAD_BYTES))
            .max_encoding_message_size(usize::MAX)
    }
}

#[tonic::async_trait]
impl ExternalProcessor for ExtProc {
    type ProcessStream =
        Pin<Box<dyn Stream<Item = Result<ProcessingResponse, Status>> + Send + 'static>>;

    async fn process(
        &self,
        request: Request<Streaming<ProcessingRequest>>,
    ) -> Result<Response<Self::ProcessStream>, Status> {
        // Envoy's own trace context for this call travels in the gRPC metadata.
        let (metadata, _, inbound) = request.into_parts();
        let ambient = self.router.extract(&metadata.into_headers());
        let processor =
            Processor::new(self.router.clone(), Arc::clone(&self.resender), ambient, inbound);
        // One task and no channel per stream: the stream is the state machine.
        let responses = futures_util::stream::unfold(processor, |mut processor| async move {
            let response = processor.next().await?;
            Some((response, processor))
        });
        Ok(Response::new(Box::pin(responses)))
    }
}
