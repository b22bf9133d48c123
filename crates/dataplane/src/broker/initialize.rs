//! `initialize`: agrees on a protocol revision and opens a gateway session.
//!
//! A session that the request names already is ignored: the client starts anew, and what it had before expires.

use http::Response;
use mcp_gateway_core::jsonrpc::{Id, Message, quote};
use mcp_gateway_core::mcp::{ProtocolVersion, negotiate};
use mcp_gateway_telemetry::name::attribute;
use mcp_gateway_telemetry::{Metrics, Span};
use tracing::debug;

use crate::broker::body::Body;
use crate::broker::respond::{self, BrokerError};
use crate::measure;
use crate::session::SessionTokens;

/// How the gateway calls itself towards clients and servers.
pub const SERVER_NAME: &str = "mcp-gateway";
const SERVER_TITLE: &str = "MCP Gateway";

/// Answers `initialize`.
pub(super) struct Initializer {
    tokens: SessionTokens,
    metrics: Metrics,
    /// The members of the result after `protocolVersion`, with the closing brace.
    rest: Vec<u8>,
}

impl Initializer {
    /// `version` is the build's; `instructions` go to the client's model.
    pub(super) fn new(
        tokens: SessionTokens,
        metrics: Metrics,
        version: &str,
        instructions: Option<&str>,
    ) -> Self {
        let mut rest =
            br#","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"#.to_vec();
        rest.extend(quote(SERVER_NAME));
        rest.extend(br#","title":"#);
        rest.extend(quote(SERVER_TITLE));
        rest.extend(br#","version":"#);
        rest.extend(quote(version));
        rest.push(b'}');
        if let Some(instructions) = instructions {
            rest.extend(br#","instructions":"#);
            rest.extend(quote(instructions));
        }
        rest.push(b'}');
        Self { tokens, metrics, rest }
    }

    /// Answers the request `message` with the id `id`.
    ///
    /// Errors: [`BrokerError::ProtocolVersionMissing`]; any string is a version that can be answered.
    pub(super) fn answer(
        &self,
        message: &Message<'_>,
        id: &Id,
        span: &Span,
    ) -> Result<Response<Body>, BrokerError> {
        let requested = message
            .param("protocolVersion")
            .and_then(|version| version.as_str())
            .ok_or(BrokerError::ProtocolVersionMissing)?;
        let version = negotiate(&requested);
        let session = self.tokens.mint(version).map_err(BrokerError::Mint)?;
        span.set(|attributes| {
            attributes.put_shared(attribute::MCP_SESSION_ID, session.facts.jti.log_id());
            attributes.put(attribute::MCP_PROTOCOL_VERSION, version.as_str());
        });
        self.metrics.session_opened(measure::session(&session.facts));
        debug!(
            mcp.session.id = session.facts.log_id(),
            mcp.protocol.version = version.as_str(),
            "A session was opened."
        );
        Ok(respond::initialized(id, &self.result(version), &session.token))
    }

    fn result(&self, version: ProtocolVersion) -> Vec<u8> {
        let mut result = br#"{"protocolVersion":"#.to_vec();
        result.extend(quote(version.as_str()));
        result.extend(&self.rest);
        result
    }
}
