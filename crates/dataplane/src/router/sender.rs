//! Who sends a request, as its head tells: a client, or the gateway itself through Envoy.

use std::sync::Arc;

use mcp_gateway_core::config::{Config, Mode, TrustMode};
use mcp_gateway_core::routing::{
    Destination, Rejection, ServerRoute, Snapshot, check_host_and_origin, destination,
};
use mcp_gateway_telemetry::name::error_source;

use crate::router::{RequestHead, Router};
use crate::sampling::Standing;

/// Who sent the request, as its head tells.
pub(super) enum Sender {
    /// A client.
    Client,
    /// The gateway itself, through Envoy.
    Gateway(Arc<ServerRoute>),
    /// Somebody who may not send it.
    Refused(Rejection),
}

impl Sender {
    /// Finds out who sends, from the authority and the headers of a request.
    pub(super) fn of(router: &Router, snapshot: &Snapshot, head: &RequestHead) -> Self {
        match destination(snapshot, &head.authority, &head.headers) {
            Destination::Server(server) if snapshot.config.mode == Mode::Envoy => {
                let host = server.server.hostname.as_deref().unwrap_or_default();
                match router.deps.routing_tokens.check(&head.headers, host) {
                    Ok(()) => Self::Gateway(server),
                    Err(_) => Self::Refused(Rejection::RoutingTokenInvalid),
                }
            }
            Destination::NoSuchServer | Destination::Server(_)
                if snapshot.config.mode == Mode::Envoy =>
            {
                Self::Refused(Rejection::RoutingTokenInvalid)
            }
            // Standalone, nobody sends such requests on the gateway's behalf: the headers are a client's, and stripped.
            Destination::Gateway | Destination::NoSuchServer | Destination::Server(_) => {
                match check_host_and_origin(&snapshot.config, &head.authority, &head.headers) {
                    Ok(()) => Self::Client,
                    Err(rejection) => Self::Refused(rejection),
                }
            }
        }
    }

    /// What the sender's word on sampling counts.
    pub(super) fn standing(&self, config: &Config, head: &RequestHead) -> Standing {
        match self {
            Self::Gateway(_) => Standing::Gateway,
            Self::Client | Self::Refused(_) => {
                Standing::of_client(&config.telemetry.sampling, &head.headers, || {
                    head.client_address(config)
                })
            }
        }
    }

    /// What the sender's word on its trace counts. The gateway's own requests continue the gateway's traces.
    pub(super) fn trust(&self, config: &Config, front_end: &'static str) -> TrustMode {
        let trust = &config.telemetry.trust;
        match self {
            Self::Gateway(_) => TrustMode::Parent,
            Self::Client | Self::Refused(_) if front_end == error_source::EXT_PROC => {
                trust.ext_proc_listen
            }
            Self::Client | Self::Refused(_) => trust.listen,
        }
    }
}
