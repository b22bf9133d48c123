//! How keys of the configuration file and what overrides them are described. The reader takes the known keys from these
//! descriptions, and so does the reference.

use super::keys::keys;

/// One key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands: names parted by `.`, `[]` after a list of mappings (`servers[].url`).
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What holds when it is absent: a value as the file would write it, or a phrase; empty when there is nothing.
    pub default: String,
    /// The least and the most that it may be; empty when that goes without saying.
    pub range: String,
    /// What it means.
    pub meaning: &'static str,
    /// Whether this version does anything with it. A key without effect is accepted, checked for its kind, and warned of.
    pub has_effect: bool,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text; the phrase says which.
    Text(&'static str),
    /// `true` or `false`.
    Flag,
    /// A list of texts; the phrase says of which.
    TextList(&'static str),
    /// A whole number.
    Count,
    /// A number of bytes.
    Size,
    /// A length of time.
    Duration,
    /// Text that may hold `${NAME}`, or `{file: /path}`.
    Secret,
    /// Certificates, or `{file: /path}`.
    Pem,
    /// Further keys.
    Section,
    /// A list of mappings with further keys.
    SectionList,
}

impl Kind {
    /// Returns what the reference calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text(phrase) | Self::TextList(phrase) => phrase,
            Self::Flag => "`true` or `false`",
            Self::Count => "whole number",
            Self::Size => "size",
            Self::Duration => "duration",
            Self::Secret => "text, `${NAME}` or `{file: …}`",
            Self::Pem => "PEM or `{file: …}`",
            Self::Section => "mapping",
            Self::SectionList => "list of mappings",
        }
    }

    /// Returns the units that its values have; empty for those without.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Size => "bytes, `KiB`, `MiB`, `GiB`",
            Self::Duration => "`ms`, `s`, `m`, `h`, `d`",
            Self::Text(_)
            | Self::Flag
            | Self::TextList(_)
            | Self::Count
            | Self::Secret
            | Self::Pem
            | Self::Section
            | Self::SectionList => "",
        }
    }
}

/// A setting that a flag or an environment variable can give in place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the file.
    pub key: &'static str,
    /// The flag; it wins over everything.
    pub flag: &'static str,
    /// The environment variable; it wins over the file.
    pub env: &'static str,
}

/// Which front end takes client requests.
pub(super) const MODE: Setting = Setting { key: "mode", flag: "--mode", env: "MCP_GATEWAY_MODE" };
/// The client and broker listener.
pub(super) const LISTEN: Setting =
    Setting { key: "listen", flag: "--listen", env: "MCP_GATEWAY_LISTEN" };
/// The admin listener.
pub(super) const ADMIN_LISTEN: Setting =
    Setting { key: "adminListen", flag: "--admin-listen", env: "MCP_GATEWAY_ADMIN_LISTEN" };
/// The external processor's listener.
pub(super) const EXT_PROC_LISTEN: Setting =
    Setting { key: "extProcListen", flag: "--ext-proc-listen", env: "MCP_GATEWAY_EXT_PROC_LISTEN" };
/// What clients call.
pub(super) const PUBLIC_HOST: Setting =
    Setting { key: "publicHost", flag: "--public-host", env: "MCP_GATEWAY_PUBLIC_HOST" };
/// The least severity of log lines.
pub(super) const LOG_LEVEL: Setting =
    Setting { key: "log.level", flag: "--log-level", env: "MCP_GATEWAY_LOG_LEVEL" };
/// The form of log lines.
pub(super) const LOG_FORMAT: Setting =
    Setting { key: "log.format", flag: "--log-format", env: "MCP_GATEWAY_LOG_FORMAT" };

/// Every setting that a flag or an environment variable can give.
pub const SETTINGS: [Setting; 7] =
    [MODE, LISTEN, ADMIN_LISTEN, EXT_PROC_LISTEN, PUBLIC_HOST, LOG_LEVEL, LOG_FORMAT];

/// Returns the keys directly in a section: `""` is the file, `servers[]` one server.
pub(super) fn children(section: &str) -> Vec<(&'static str, Key)> {
    let name_in_section = |path: &'static str| {
        let name = if section.is_empty() {
            path
        } else {
            path.strip_prefix(section)?.strip_prefix('.')?
        };
        (!name.contains('.')).then_some(name)
    };
    keys().into_iter().filter_map(|key| Some((name_in_section(key.path)?, key))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{SETTINGS, children};
    use crate::config::keys;

    #[test]
    fn every_key_is_listed_once_and_every_section_exists() {
        let paths: BTreeSet<_> = keys().into_iter().map(|key| key.path).collect();
        assert_eq!(paths.len(), keys().len());
        for path in &paths {
            if let Some((section, _)) = path.rsplit_once('.') {
                assert!(paths.contains(section.trim_end_matches("[]")), "{path} has no section");
            }
        }
        for setting in SETTINGS {
            assert!(paths.contains(setting.key), "{setting:?}");
        }
    }

    #[test]
    fn children_are_the_keys_of_one_section_only() {
        let names = |section: &str| -> Vec<_> {
            children(section).into_iter().map(|(name, _)| name).collect()
        };
        assert!(names("").contains(&"servers"));
        assert!(!names("").contains(&"level"));
        assert_eq!(names("log"), ["level", "format"]);
        assert_eq!(names("virtualServers[]"), ["name", "tools", "prompts"]);
        assert_eq!(names("telemetry.trust"), ["listen", "extProcListen"]);
        assert_eq!(names("virtualServers"), [""; 0]);
    }
}
