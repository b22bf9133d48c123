//! Protocol revisions that begin with a handshake, and which one the gateway answers with.
//!
//! Revision 2026-07-28 is not here: it has no `initialize`, so it can never be the outcome of one.

/// The oldest revision of the streamable HTTP transport.
const OLDEST: &str = "2025-03-26";

/// A protocol revision that the gateway speaks with sessions. Later revisions compare greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProtocolVersion {
    /// 2025-03-26: streamable HTTP appears.
    V2025_03_26,
    /// 2025-06-18: batches go, the `MCP-Protocol-Version` header and structured content come.
    V2025_06_18,
    /// 2025-11-25: icons, URL elicitation, stream polling.
    V2025_11_25,
}

impl ProtocolVersion {
    /// The newest revision that has a handshake.
    pub const LATEST: Self = Self::V2025_11_25;

    /// The revision of a request that names none and belongs to no known session.
    ///
    /// Source: MCP 2025-11-25 basic/transports, "Protocol Version Header".
    pub const ASSUMED: Self = Self::V2025_03_26;

    /// Every revision, oldest first.
    pub const ALL: [Self; 3] = [Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// Returns the revision as messages and headers write it, such as `2025-11-25`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => OLDEST,
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
        }
    }

    /// Reads a revision exactly as written: `None` for any other text, blanks and case included.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }
}

impl std::fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Answers the `protocolVersion` of an `initialize` request.
///
/// A revision that the gateway speaks is echoed. A date before the oldest of them gets the oldest, which is the
/// nearest that can be offered. Anything else (newer dates, `2026-07-28` included, and text that is no date) gets
/// [`ProtocolVersion::LATEST`]: a revision without a handshake is never the answer to one.
///
/// Source: MCP 2025-11-25 basic/lifecycle, "Version Negotiation".
pub fn negotiate(requested: &str) -> ProtocolVersion {
    if let Some(version) = ProtocolVersion::parse(requested) {
        return version;
    }
    // Dates of this form sort as text.
    if is_date(requested) && requested < OLDEST {
        return ProtocolVersion::V2025_03_26;
    }
    ProtocolVersion::LATEST
}

/// Says whether `text` has the form `YYYY-MM-DD`, without asking whether the calendar has such a day.
fn is_date(text: &str) -> bool {
    text.len() == OLDEST.len()
        && text.bytes().zip(OLDEST.bytes()).all(|(byte, model)| match model {
            b'-' => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

#[cfg(test)]
mod tests {
    use super::{ProtocolVersion, negotiate};

    #[test]
    fn every_revision_reads_back_as_written() {
        for version in ProtocolVersion::ALL {
            assert_eq!(ProtocolVersion::parse(version.as_str()), Some(version));
        }
        assert_eq!(ProtocolVersion::ALL.into_iter().max(), Some(ProtocolVersion::LATEST));
    }

    #[test]
    fn only_the_exact_text_is_a_revision() {
        for text in ["", "2025-11-25 ", " 2025-11-25", "2025-11-2", "2024-11-05", "2026-07-28"] {
            assert_eq!(ProtocolVersion::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn negotiation_echoes_what_is_known_and_never_a_revision_without_handshake() {
        let check = |requested: &str, expect: ProtocolVersion| {
            assert_eq!(negotiate(requested), expect, "requested {requested:?}");
        };
        check("2025-03-26", ProtocolVersion::V2025_03_26);
        check("2025-06-18", ProtocolVersion::V2025_06_18);
        check("2025-11-25", ProtocolVersion::V2025_11_25);
        check("2024-11-05", ProtocolVersion::V2025_03_26);
        check("2024-10-07", ProtocolVersion::V2025_03_26);
        check("0000-00-00", ProtocolVersion::V2025_03_26);
        check("2026-07-28", ProtocolVersion::LATEST);
        check("2025-05-01", ProtocolVersion::LATEST);
        check("DRAFT-2026-v1", ProtocolVersion::LATEST);
        check("1.0", ProtocolVersion::LATEST);
        check("", ProtocolVersion::LATEST);
        check("2024-11-5x", ProtocolVersion::LATEST);
        check("２024-11-05", ProtocolVersion::LATEST);
    }
}
