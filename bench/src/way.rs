//! The ways from the client to the MCP server that are compared.

use crate::level::Level;

/// One way from the client to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// No gateway and no Envoy.
    Direct,
    /// Envoy without the gateway: the measure of the others.
    PlainEnvoy,
    /// The gateway.
    Gateway(Front, Level),
}

/// Who takes the client's requests on a way with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Front {
    /// The gateway by itself.
    Standalone,
    /// Envoy, bodies in full duplex.
    Duplex,
    /// Envoy, bodies buffered.
    Buffered,
}

impl Front {
    /// What tables call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Standalone => "gateway, standalone",
            Self::Duplex => "gateway behind Envoy, duplex",
            Self::Buffered => "gateway behind Envoy, buffered",
        }
    }
}

/// The gateway standalone, as it comes.
pub(crate) const STANDALONE: Way = Way::Gateway(Front::Standalone, Level::Usual);
/// The gateway behind Envoy, as it comes.
pub(crate) const DUPLEX: Way = Way::Gateway(Front::Duplex, Level::Usual);
/// The gateway behind Envoy, bodies buffered.
pub(crate) const BUFFERED: Way = Way::Gateway(Front::Buffered, Level::Usual);

impl Way {
    /// The ways that are compared with a plain Envoy, in the order of the tables.
    pub(crate) const COMPARED: [Self; 5] =
        [Self::Direct, STANDALONE, Self::PlainEnvoy, DUPLEX, BUFFERED];

    /// The ways that show what telemetry costs: both front ends with every level.
    pub(crate) fn telemetry() -> Vec<Self> {
        let fronts = [Front::Standalone, Front::Duplex];
        let of = |front| Level::ALL.map(|level| Self::Gateway(front, level));
        fronts.into_iter().flat_map(of).collect()
    }

    /// What tables call it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Direct => "direct".to_owned(),
            Self::PlainEnvoy => "plain Envoy".to_owned(),
            Self::Gateway(front, Level::Usual) => front.name().to_owned(),
            Self::Gateway(front, level) => format!("{}: {}", front.name(), level.name()),
        }
    }

    /// What stands before the names of the server's tools on this way.
    pub(crate) fn tool_prefix(self) -> &'static str {
        if self.level().is_some() { PREFIX } else { "" }
    }

    /// How much telemetry the gateway makes; `None` when it is not on this way.
    pub(crate) fn level(self) -> Option<Level> {
        match self {
            Self::Direct | Self::PlainEnvoy => None,
            Self::Gateway(_, level) => Some(level),
        }
    }

    /// True when Envoy is on this way.
    pub(crate) fn has_envoy(self) -> bool {
        match self {
            Self::Direct | Self::Gateway(Front::Standalone, _) => false,
            Self::PlainEnvoy | Self::Gateway(Front::Duplex | Front::Buffered, _) => true,
        }
    }

    /// True when Envoy sends whole bodies.
    pub(crate) fn is_buffered(self) -> bool {
        matches!(self, Self::Gateway(Front::Buffered, _))
    }
}

/// The prefix of the server's tools in the gateway's configuration.
pub(crate) const PREFIX: &str = "bench_";
