//! The ways from the client to the MCP server that are compared.

use crate::workload::Workload;

/// One way from the client to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// No gateway and no Envoy.
    Direct,
    /// The gateway by itself.
    Standalone,
    /// Envoy without the gateway: the measure of the others.
    PlainEnvoy,
    /// The gateway behind Envoy, bodies in full duplex.
    Duplex,
    /// The gateway behind Envoy, bodies buffered.
    Buffered,
    /// [`Way::Standalone`] with every trace exported.
    StandaloneTraced,
    /// [`Way::Duplex`] with every trace exported.
    DuplexTraced,
}

impl Way {
    /// Every way, in the order of the tables.
    pub(crate) const ALL: [Self; 7] = [
        Self::Direct,
        Self::Standalone,
        Self::PlainEnvoy,
        Self::Duplex,
        Self::Buffered,
        Self::StandaloneTraced,
        Self::DuplexTraced,
    ];

    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Standalone => "gateway, standalone",
            Self::PlainEnvoy => "plain Envoy",
            Self::Duplex => "gateway behind Envoy, duplex",
            Self::Buffered => "gateway behind Envoy, buffered",
            Self::StandaloneTraced => "gateway, standalone, traces on",
            Self::DuplexTraced => "gateway behind Envoy, duplex, traces on",
        }
    }

    /// What a way with traces is compared with: the same one without.
    pub(crate) fn without_traces(self) -> Option<Self> {
        match self {
            Self::StandaloneTraced => Some(Self::Standalone),
            Self::DuplexTraced => Some(Self::Duplex),
            Self::Direct | Self::Standalone | Self::PlainEnvoy | Self::Duplex | Self::Buffered => {
                None
            }
        }
    }

    /// True when this way is measured with a workload; with traces on, one is enough.
    pub(crate) fn takes(self, workload: Workload) -> bool {
        self.without_traces().is_none() || workload == Workload::Call
    }

    /// What stands before the names of the server's tools on this way.
    pub(crate) fn tool_prefix(self) -> &'static str {
        if self.has_gateway() { PREFIX } else { "" }
    }

    /// True when the gateway is on this way.
    pub(crate) fn has_gateway(self) -> bool {
        match self {
            Self::Direct | Self::PlainEnvoy => false,
            Self::Standalone
            | Self::Duplex
            | Self::Buffered
            | Self::StandaloneTraced
            | Self::DuplexTraced => true,
        }
    }

    /// True when Envoy is on this way.
    pub(crate) fn has_envoy(self) -> bool {
        match self {
            Self::Direct | Self::Standalone | Self::StandaloneTraced => false,
            Self::PlainEnvoy | Self::Duplex | Self::Buffered | Self::DuplexTraced => true,
        }
    }
}

/// The prefix of the server's tools in the gateway's configuration.
pub(crate) const PREFIX: &str = "bench_";
