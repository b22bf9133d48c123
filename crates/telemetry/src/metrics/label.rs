//! The label sets of the metrics, and the values that callers choose from.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use super::point::Label;
use super::series::LabelSet;
use crate::name::{attribute, metric};

/// The value of a label whose real value is not in the catalog, or would be one too many.
pub const OTHER: &str = "_OTHER";

/// The JSON-RPC error codes that labels tell apart. Peers may use any number, and each would be a series of its own.
const RPC_CODES: [(i64, &str); 11] = [
    (-32700, "-32700"),
    (-32600, "-32600"),
    (-32601, "-32601"),
    (-32602, "-32602"),
    (-32603, "-32603"),
    (-32000, "-32000"),
    (-32001, "-32001"),
    (-32002, "-32002"),
    (-32003, "-32003"),
    (-32022, "-32022"),
    (-32042, "-32042"),
];

/// Returns [`OTHER`] for places that share their texts, without an allocation.
pub fn other() -> Arc<str> {
    static SHARED: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(OTHER));
    Arc::clone(&SHARED)
}

/// Returns the value of `rpc.response.status_code` for a label; [`OTHER`] for a code that nobody has defined.
pub fn rpc_code(code: i64) -> &'static str {
    RPC_CODES.iter().find(|(known, _)| *known == code).map_or(OTHER, |(_, text)| text)
}

/// One kind of MCP operation, for the duration histograms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Operation {
    /// `mcp.method.name`; a method that the gateway does not know is [`OTHER`].
    pub method: &'static str,
    /// `gen_ai.tool.name`; a tool that is not in the catalog is [`OTHER`].
    pub tool: Option<Arc<str>>,
    /// `error.type`; absent when nothing failed.
    pub error: Option<Cow<'static, str>>,
    /// `rpc.response.status_code`, a value of [`rpc_code`]; absent when the answer was no JSON-RPC error.
    pub rpc_code: Option<&'static str>,
    /// `mcp.protocol.version`, when it is known.
    pub protocol_version: Option<&'static str>,
    /// `network.protocol.version`, when it is known: `1.1` or `2`.
    pub http_version: Option<&'static str>,
}

/// A server of the configuration, as labels name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// `mcp.server`: its name in the configuration.
    pub name: Arc<str>,
    /// `server.address`: the host of its URL.
    pub address: Arc<str>,
    /// `server.port`.
    pub port: u16,
}

/// How a round of discovery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiscoveryStatus {
    /// The server's list was read to its last page.
    Success,
    /// It was not.
    Failure,
}

/// Whether a session with the server was in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CacheResult {
    /// It was.
    Hit,
    /// It was not.
    Miss,
}

/// One kind of HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Request {
    /// Who took it from its client: `ext-proc` or `proxy`.
    pub front_end: &'static str,
    /// The status that the client got, if any: 200.
    pub status: Option<u16>,
    /// `error_source`: who failed; absent when nobody did.
    pub error_source: Option<&'static str>,
}

/// How a session ended, and what it spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionEnd {
    /// `mcp.protocol.version`.
    pub protocol_version: &'static str,
    /// `error.type`; absent for an orderly end.
    pub error: Option<&'static str>,
}

/// No labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NoLabels;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ServerName(pub(super) Arc<str>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Discovery(pub(super) Arc<str>, pub(super) DiscoveryStatus);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PeerOperation(pub(super) Peer, pub(super) Operation);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PeerSession(pub(super) Peer, pub(super) SessionEnd);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SessionInit(pub(super) Arc<str>, pub(super) Option<&'static str>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Limit(pub(super) &'static str);

/// The first digit of a status, as a label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Requests {
    front_end: &'static str,
    status_class: &'static str,
    error_source: Option<&'static str>,
}

impl From<Request> for Requests {
    fn from(request: Request) -> Self {
        let status_class = match request.status.map(|status| status / 100) {
            Some(1) => "1xx",
            Some(2) => "2xx",
            Some(3) => "3xx",
            Some(4) => "4xx",
            Some(5) => "5xx",
            Some(_) => OTHER,
            None => "none",
        };
        Self { front_end: request.front_end, status_class, error_source: request.error_source }
    }
}

impl LabelSet for NoLabels {
    fn write(&self, _: &mut Vec<Label>) {}

    fn other() -> Self {
        Self
    }
}

impl LabelSet for Operation {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::text(attribute::MCP_METHOD_NAME, self.method));
        if let Some(tool) = &self.tool {
            labels.push(Label::shared(attribute::GEN_AI_TOOL_NAME, tool));
            let name = attribute::GEN_AI_OPERATION_NAME;
            labels.push(Label::text(name, attribute::OPERATION_EXECUTE_TOOL));
        }
        if let Some(error) = &self.error {
            labels.push(Label::text(attribute::ERROR_TYPE, error.clone()));
        }
        text(labels, attribute::RPC_RESPONSE_STATUS_CODE, self.rpc_code);
        text(labels, attribute::MCP_PROTOCOL_VERSION, self.protocol_version);
        network(labels);
        text(labels, attribute::NETWORK_PROTOCOL_VERSION, self.http_version);
    }

    fn other() -> Self {
        Self { method: OTHER, ..Self::default() }
    }
}

impl LabelSet for SessionEnd {
    fn write(&self, labels: &mut Vec<Label>) {
        text(labels, attribute::ERROR_TYPE, self.error);
        labels.push(Label::text(attribute::MCP_PROTOCOL_VERSION, self.protocol_version));
        network(labels);
    }

    fn other() -> Self {
        Self { protocol_version: OTHER, error: None }
    }
}

impl LabelSet for PeerOperation {
    fn write(&self, labels: &mut Vec<Label>) {
        self.0.write(labels);
        self.1.write(labels);
    }

    fn other() -> Self {
        Self(Peer::other(), Operation::other())
    }
}

impl LabelSet for PeerSession {
    fn write(&self, labels: &mut Vec<Label>) {
        self.0.write(labels);
        self.1.write(labels);
    }

    fn other() -> Self {
        Self(Peer::other(), SessionEnd::other())
    }
}

impl LabelSet for Peer {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::shared(metric::SERVER, &self.name));
        labels.push(Label::shared(attribute::SERVER_ADDRESS, &self.address));
        labels.push(Label::integer(attribute::SERVER_PORT, self.port.into()));
    }

    fn other() -> Self {
        Self { name: other(), address: other(), port: 0 }
    }
}

impl LabelSet for ServerName {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::shared(metric::SERVER_NAME, &self.0));
    }

    fn other() -> Self {
        Self(other())
    }
}

impl LabelSet for Discovery {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::shared(metric::SERVER_NAME, &self.0));
        let status = match self.1 {
            DiscoveryStatus::Success => "success",
            DiscoveryStatus::Failure => "failure",
        };
        labels.push(Label::text(metric::STATUS, status));
    }

    fn other() -> Self {
        Self(other(), DiscoveryStatus::Failure)
    }
}

impl LabelSet for SessionInit {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::shared(metric::SERVER, &self.0));
        text(labels, attribute::ERROR_TYPE, self.1);
    }

    fn other() -> Self {
        Self(other(), None)
    }
}

impl LabelSet for CacheResult {
    fn write(&self, labels: &mut Vec<Label>) {
        let result = match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
        };
        labels.push(Label::text(metric::RESULT, result));
    }

    fn other() -> Self {
        Self::Miss
    }
}

impl LabelSet for Requests {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::text(metric::FRONT_END, self.front_end));
        labels.push(Label::text(metric::STATUS_CLASS, self.status_class));
        text(labels, attribute::ERROR_SOURCE, self.error_source);
    }

    fn other() -> Self {
        Self { front_end: OTHER, status_class: OTHER, error_source: None }
    }
}

impl LabelSet for Limit {
    fn write(&self, labels: &mut Vec<Label>) {
        labels.push(Label::text(metric::LIMIT, self.0));
    }

    fn other() -> Self {
        Self(OTHER)
    }
}

fn text(labels: &mut Vec<Label>, name: &'static str, value: Option<&'static str>) {
    labels.extend(value.map(|value| Label::text(name, value)));
}

/// MCP over HTTP is all that there is.
fn network(labels: &mut Vec<Label>) {
    labels.push(Label::text(attribute::NETWORK_TRANSPORT, "tcp"));
    labels.push(Label::text(attribute::NETWORK_PROTOCOL_NAME, "http"));
}
