//! A call that the router sends itself, through Envoy, because the server had forgotten the session of the first try.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use mcp_gateway_core::answer::BodyEnd;
use mcp_gateway_core::config::Config;

use crate::http::body::{BodyError, deadline, next_data};
use crate::router::{RequestHead, ResponseHead, ServerAccess, ServerCall};
use crate::upstream::ServerFault;

/// Sends calls once more.
pub struct Resender {
    access: ServerAccess,
}

/// The answer to a call that was sent once more.
pub(super) struct ResentBody {
    body: Incoming,
    idle: Duration,
}

impl Resender {
    /// Sends with `access`.
    pub fn new(access: ServerAccess) -> Self {
        Self { access }
    }

    /// Sends the call and returns the head and the body of its answer.
    pub(super) async fn send(
        &self,
        config: &Arc<Config>,
        head: &RequestHead,
        call: ServerCall,
    ) -> Result<(ResponseHead, ResentBody), ServerFault> {
        let (parts, body) = self.access.call(config, head, &call).await?.into_parts();
        let has_body = !http_body::Body::is_end_stream(&body);
        let head = ResponseHead { status: parts.status, headers: parts.headers, has_body };
        Ok((head, ResentBody { body, idle: config.limits.call_idle_timeout }))
    }
}

impl ResentBody {
    /// The next bytes, or how the answer has ended. The server may be silent for `limits.callIdleTimeout`.
    pub(super) async fn next(&mut self) -> Result<Bytes, BodyEnd> {
        match next_data(&mut self.body, deadline(self.idle)).await {
            Ok(next) => next.ok_or(BodyEnd::Complete),
            Err(BodyError::Timeout) => Err(BodyEnd::Silent),
            Err(BodyError::Cut(_) | BodyError::TooLarge(_)) => Err(BodyEnd::Cut),
        }
    }
}
