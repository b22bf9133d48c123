//! Every key of the configuration file, as data: the reader takes the known keys from here, and so does the reference.

use super::limits;
use super::types::Mode;

/// One key of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Where it stands: names parted by `.`, `[]` after a list of mappings (`servers[].url`).
    pub path: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// What holds when it is absent: a value as the file would write it, or a phrase; empty when there is nothing.
    pub default: String,
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

/// Returns every key, each after the section that holds it.
pub fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    top_keys(&mut keys);
    server_keys(&mut keys);
    virtual_server_keys(&mut keys);
    guardrail_keys(&mut keys);
    keys.extend(limits::keys());
    keys
}

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

/// Makes a key that has an effect.
fn used(path: &'static str, kind: Kind, default: &str, meaning: &'static str) -> Key {
    Key { path, kind, default: default.to_owned(), meaning, has_effect: true }
}

/// Makes a key of the reference gateway that this version accepts and does not use.
fn unused(path: &'static str, kind: Kind, meaning: &'static str) -> Key {
    Key { path, kind, default: String::new(), meaning, has_effect: false }
}

fn top_keys(keys: &mut Vec<Key>) {
    let listen = format!(
        "{} ({} in envoy mode)",
        Mode::Standalone.default_listen(),
        Mode::Envoy.default_listen()
    );
    keys.extend([
        used("mode", Kind::Text("`standalone` or `envoy`"), "standalone",
            "Which front end takes client requests: the built-in proxy, or Envoy with the gateway as its external processor."),
        used("listen", Kind::Text("address:port"), &listen,
            "Where clients (standalone mode) or Envoy (envoy mode) reach `/mcp`."),
        used("publicHost", Kind::Text("host or host:port"), "",
            "What clients call. Required in envoy mode. Accepted as `Host` beside loopback names."),
        used("adminListen", Kind::Text("address:port"), "127.0.0.1:9090",
            "Where `/healthz`, `/readyz`, `/metrics` and `/status` are served."),
        used("extProcListen", Kind::Text("address:port or `unix:/path`"), "0.0.0.0:50051",
            "Where Envoy reaches the external processor. Envoy mode only."),
        used("envoyAddress", Kind::Text("URL without path"), "",
            "Where the gateway itself reaches Envoy, so that sessions with servers pass the same policies as calls. Required in envoy mode."),
        used("servers", Kind::SectionList, "[]", "The MCP servers."),
        used("virtualServers", Kind::SectionList, "[]",
            "Named selections of tools. A caller that names one sees and may call nothing else."),
        used("gatewayCACertPEM", Kind::Pem, "",
            "Certificates to trust beside the system's, for Envoy and for every server."),
        used("signingKey", Kind::Secret, "",
            "The key that signs session ids, at least 32 bytes. `GATEWAY_SIGNING_KEY`, else `JWT_SESSION_SIGNING_KEY`, wins over it. Required in envoy mode; without it standalone mode makes one, and sessions end with the process."),
        used("allowedHosts", Kind::TextList("list of host or host:port"), "[]",
            "Values of `Host` to accept beside `publicHost` and loopback names. A host without port is accepted with any."),
        used("allowedOrigins", Kind::TextList("list of origins"), "[]",
            "Values of `Origin` to accept beside those of the accepted hosts, such as `https://app.example.com`."),
        used("trustedProxies", Kind::TextList("list of addresses or networks"), "[]",
            "Peers whose `x-forwarded-for` is believed, such as `10.0.0.0/8`."),
        used("limits", Kind::Section, "", "Bounds of buffers, waits and counts."),
        used("log", Kind::Section, "", "What is logged."),
        used("log.level", Kind::Text("`error`, `warn`, `info`, `debug` or `trace`"), "info",
            "The least severity of lines that are written. The numbers of the reference gateway (`-4`, `0`, `4`, `8`) are accepted as flag and variable."),
        used("log.format", Kind::Text("`text` or `json`"), "text",
            "The form of a line: for people, or one JSON object a line."),
        used("telemetry", Kind::Section, "",
            "What the `OTEL_*` variables cannot say. No key of this section is known to this version."),
    ]);
}

fn server_keys(keys: &mut Vec<Key>) {
    keys.extend([
        used("servers[].name", Kind::Text("text"), "required",
            "The server's identity in headers, status and metrics: letters, digits and `._-/`, such as `demo/weather`. Distinct."),
        used("servers[].url", Kind::Text("URL"), "required",
            "The streamable HTTP endpoint, `http` or `https`. Its path is also that of routed calls."),
        used("servers[].hostname", Kind::Text("DNS name"), "",
            "The server's virtual host behind Envoy. Required and distinct in envoy mode."),
        used("servers[].prefix", Kind::Text("text"), "empty",
            "What stands before the server's tool names in the merged list: letters, digits and `_.-`. Two servers cannot share one."),
        used("servers[].state", Kind::Text("`Enabled` or `Disabled`"), "Enabled",
            "A disabled server is not connected to and not listed."),
        used("servers[].credential", Kind::Secret, "",
            "What the gateway sends as `Authorization` on requests of its own, word for word, such as `Bearer ${WEATHER_TOKEN}`."),
        used("servers[].caCert", Kind::Pem, "",
            "Certificates to trust for this server beside the system's."),
        used("servers[].command", Kind::TextList("list of text"), "",
            "A program that serves MCP on its standard input and output. This version does not start programs: a server with `command` is left out, with a warning."),
        used("servers[].enabled", Kind::Flag, "true",
            "Found in files of the reference gateway, which ignores it. `true` is accepted with a warning, `false` refused: write `state: Disabled`."),
        unused("servers[].category", Kind::TextList("list of text"), "Categories of the server's tools."),
        unused("servers[].hint", Kind::Text("text"), "What the server is good for."),
        unused("servers[].tags", Kind::TextList("list of text"), "Tags of the server's tools."),
        unused("servers[].userSpecificList", Kind::Flag, "Whether each user has a tool list of their own."),
        unused("servers[].tokenURLElicitation", Kind::Section, "Asks each user for a token."),
        unused("servers[].tokenURLElicitation.url", Kind::Text("URL"), "Where the user gets one."),
        unused("servers[].guardrailsConfigIDs", Kind::TextList("list of text"), "Guardrails of the server's calls."),
        unused("servers[].auth", Kind::Section, "Another form of `credential`."),
        unused("servers[].auth.type", Kind::Text("text"), "Which."),
        unused("servers[].auth.token", Kind::Secret, "A bearer token."),
        unused("servers[].auth.username", Kind::Text("text"), "A user name."),
        unused("servers[].auth.password", Kind::Secret, "A password."),
    ]);
}

fn virtual_server_keys(keys: &mut Vec<Key>) {
    keys.extend([
        used("virtualServers[].name", Kind::Text("text"), "required",
            "The name that callers send in `x-mcp-virtualserver`: letters, digits and `._-/`. Distinct."),
        used("virtualServers[].tools", Kind::TextList("list of text"), "[]",
            "Tool names as clients see them, prefix included. Names that no server has are ignored."),
        unused("virtualServers[].prompts", Kind::TextList("list of text"), "Prompt names as clients see them."),
    ]);
}

fn guardrail_keys(keys: &mut Vec<Key>) {
    keys.extend([
        unused("globalGuardrails", Kind::Section, "Guardrails of every call."),
        unused("globalGuardrails.url", Kind::Text("URL"), "Where they are checked."),
        unused("globalGuardrails.configIDs", Kind::TextList("list of text"), "Which."),
        unused("globalGuardrails.model", Kind::Text("text"), "The model that checks them."),
        unused(
            "globalGuardrails.failMode",
            Kind::Text("text"),
            "What happens when they cannot be checked.",
        ),
    ]);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{SETTINGS, children, keys};

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
        assert_eq!(names("telemetry"), [""; 0]);
    }
}
