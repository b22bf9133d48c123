//! Label sets of the metrics, and the values that callers choose from.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};

use super::series::Bounded;

/// The value of a label whose real value is not in the catalog, or would be one too many.
pub const OTHER: &str = "_OTHER";

/// One kind of MCP operation, for the duration histograms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// `mcp.method.name`; a method that the gateway does not know is [`OTHER`].
    pub method: &'static str,
    /// `gen_ai.tool.name`; a tool that is not in the catalog is [`OTHER`].
    pub tool: Option<Arc<str>>,
    /// `error.type`; absent when nothing failed.
    pub error: Option<Cow<'static, str>>,
}

/// How a round of discovery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiscoveryStatus {
    /// The server's list was read to its last page.
    Success,
    /// It was not.
    Failure,
}

/// Whether a session with the server was in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CacheResult {
    /// It was.
    Hit,
    /// It was not.
    Miss,
}

/// The trace behind one observation, shown beside its bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Exemplar {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
}

impl EncodeLabelValue for DiscoveryStatus {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let value = match self {
            Self::Success => "success",
            Self::Failure => "failure",
        };
        value.encode(encoder)
    }
}

impl EncodeLabelValue for CacheResult {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let value = match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        };
        value.encode(encoder)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub(super) struct ServerLabels {
    server_name: Arc<str>,
}

impl ServerLabels {
    pub(super) fn new(server: &Arc<str>) -> Self {
        Self { server_name: Arc::clone(server) }
    }

    pub(super) fn is(&self, server: &str) -> bool {
        &*self.server_name == server
    }
}

impl Bounded for ServerLabels {
    fn other() -> Self {
        Self { server_name: Arc::from(OTHER) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub(super) struct DiscoveryLabels {
    pub(super) server_name: Arc<str>,
    pub(super) status: DiscoveryStatus,
}

impl Bounded for DiscoveryLabels {
    fn other() -> Self {
        Self { server_name: Arc::from(OTHER), status: DiscoveryStatus::Failure }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub(super) struct OperationLabels {
    mcp_method_name: &'static str,
    gen_ai_tool_name: Option<Arc<str>>,
    error_type: Option<Cow<'static, str>>,
}

impl OperationLabels {
    pub(super) fn new(operation: Operation) -> Self {
        Self {
            mcp_method_name: operation.method,
            gen_ai_tool_name: operation.tool,
            error_type: operation.error,
        }
    }
}

impl Bounded for OperationLabels {
    fn other() -> Self {
        Self { mcp_method_name: OTHER, gen_ai_tool_name: None, error_type: None }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub(super) struct ServerOperationLabels {
    mcp_server: Arc<str>,
    mcp_method_name: &'static str,
    gen_ai_tool_name: Option<Arc<str>>,
    error_type: Option<Cow<'static, str>>,
}

impl ServerOperationLabels {
    pub(super) fn new(server: &Arc<str>, operation: Operation) -> Self {
        Self {
            mcp_server: Arc::clone(server),
            mcp_method_name: operation.method,
            gen_ai_tool_name: operation.tool,
            error_type: operation.error,
        }
    }

    pub(super) fn is(&self, server: &str) -> bool {
        &*self.mcp_server == server
    }
}

impl Bounded for ServerOperationLabels {
    fn other() -> Self {
        Self {
            mcp_server: Arc::from(OTHER),
            mcp_method_name: OTHER,
            gen_ai_tool_name: None,
            error_type: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub(super) struct CacheLabels {
    pub(super) result: CacheResult,
}

impl Bounded for CacheLabels {
    fn other() -> Self {
        Self { result: CacheResult::Miss }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
pub(super) struct LimitLabels {
    pub(super) limit: &'static str,
}

impl Bounded for LimitLabels {
    fn other() -> Self {
        Self { limit: OTHER }
    }
}
