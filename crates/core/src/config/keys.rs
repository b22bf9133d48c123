//! The table of every key of the configuration file.

use super::limits;
use super::schema::{Key, Kind};
use super::telemetry;

/// Returns every key.
pub fn keys() -> Vec<Key> {
    TABLE.iter().chain(telemetry::KEYS).map(Row::key).chain(limits::keys()).collect()
}

/// One key.
pub(super) struct Row {
    path: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
    has_effect: bool,
}

impl Row {
    fn key(&self) -> Key {
        Key {
            path: self.path,
            kind: self.kind,
            default: self.default.to_owned(),
            range: String::new(),
            meaning: self.meaning,
            has_effect: self.has_effect,
        }
    }
}

/// Makes a row for a key that has an effect.
pub(super) const fn used(
    path: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Row {
    Row { path, kind, default, meaning, has_effect: true }
}

/// Makes a row for a key of the reference gateway that this version accepts and does not use.
const fn unused(path: &'static str, kind: Kind, meaning: &'static str) -> Row {
    Row { path, kind, default: "", meaning, has_effect: false }
}

/// Every key but those of `telemetry` and the limits, which have tables of their own.
const TABLE: &[Row] = &[
    used(
        "mode",
        Kind::Text("`standalone` or `envoy`"),
        "standalone",
        "Which front end takes client requests: the built-in proxy, or Envoy with the \
             gateway as its external processor.",
    ),
    used(
        "listen",
        Kind::Text("address:port"),
        "127.0.0.1:8080 (0.0.0.0:8080 in envoy mode)",
        "Where clients (standalone mode) or Envoy (envoy mode) reach `/mcp`.",
    ),
    used(
        "publicHost",
        Kind::Text("host or host:port"),
        "",
        "What clients call. Required in envoy mode. Accepted as `Host` and in `Origin`.",
    ),
    used(
        "adminListen",
        Kind::Text("address:port"),
        "127.0.0.1:9090",
        "Where `/healthz`, `/readyz`, `/metrics` and `/status` are served.",
    ),
    used(
        "extProcListen",
        Kind::Text("address:port or `unix:/path`"),
        "0.0.0.0:50051",
        "Where Envoy reaches the external processor. Envoy mode only.",
    ),
    used(
        "envoyAddress",
        Kind::Text("URL without path"),
        "",
        "Where the gateway itself reaches Envoy, so that sessions with servers pass the same \
             policies as calls. Required in envoy mode.",
    ),
    used("servers", Kind::SectionList, "[]", "The MCP servers."),
    used(
        "virtualServers",
        Kind::SectionList,
        "[]",
        "Named selections of tools. A caller that names one sees and may call nothing else.",
    ),
    used(
        "gatewayCACertPEM",
        Kind::Pem,
        "",
        "Certificates to trust beside the system's, for Envoy and for every server.",
    ),
    used(
        "signingKey",
        Kind::Secret,
        "",
        "The key that signs session ids, at least 32 bytes. `GATEWAY_SIGNING_KEY`, else \
             `JWT_SESSION_SIGNING_KEY`, wins over it. Required in envoy mode; without it \
             standalone mode makes one, and sessions end with the process.",
    ),
    used(
        "allowedHosts",
        Kind::TextList("list of host or host:port"),
        "[]",
        "Values of `Host` to accept beside `publicHost` and, in standalone mode, `localhost` \
             and IP addresses. A host without port is accepted with any.",
    ),
    used(
        "allowedOrigins",
        Kind::TextList("list of origins"),
        "[]",
        "Values of `Origin` to accept beside those of `publicHost` and, in standalone mode, \
             of this machine, such as `https://app.example.com`. `*` accepts every one: any web \
             page may then call the gateway with its user's network access.",
    ),
    used(
        "trustedProxies",
        Kind::TextList("list of addresses or networks"),
        "[]",
        "Peers whose `x-forwarded-for` is believed, such as `10.0.0.0/8`.",
    ),
    used("limits", Kind::Section, "", "Bounds of buffers, waits and counts."),
    used("log", Kind::Section, "", "What is logged."),
    used(
        "log.level",
        Kind::Text("`error`, `warn`, `info`, `debug` or `trace`"),
        "info",
        "The least severity of lines that are written. The numbers of the reference gateway \
             (`-4`, `0`, `4`, `8`) are accepted as flag and variable.",
    ),
    used(
        "log.format",
        Kind::Text("`text` or `json`"),
        "text",
        "The form of a line: for people, or one JSON object a line.",
    ),
    used("telemetry", Kind::Section, "", "What the `OTEL_*` variables cannot say."),
    used(
        "servers[].name",
        Kind::Text("text"),
        "required",
        "The server's identity in headers, status and metrics: letters, digits and `._-/`, \
             such as `demo/weather`. Distinct.",
    ),
    used(
        "servers[].url",
        Kind::Text("URL"),
        "required",
        "The streamable HTTP endpoint, `http` or `https`. Its path is also that of routed \
             calls.",
    ),
    used(
        "servers[].hostname",
        Kind::Text("DNS name"),
        "",
        "The server's virtual host behind Envoy. Required and distinct in envoy mode.",
    ),
    used(
        "servers[].prefix",
        Kind::Text("text"),
        "empty",
        "What stands before the server's tool names in the merged list: letters, digits and \
             `_.-`. Two servers cannot share one.",
    ),
    used(
        "servers[].state",
        Kind::Text("`Enabled` or `Disabled`"),
        "Enabled",
        "A disabled server is not connected to and not listed.",
    ),
    used(
        "servers[].credential",
        Kind::Secret,
        "",
        "What the gateway sends as `Authorization` on requests of its own, word for word, \
             such as `Bearer ${WEATHER_TOKEN}`.",
    ),
    used(
        "servers[].caCert",
        Kind::Pem,
        "",
        "Certificates to trust for this server beside the system's.",
    ),
    used(
        "servers[].command",
        Kind::TextList("list of text"),
        "",
        "A program that serves MCP on its standard input and output. This version does not \
             start programs: a server with `command` is left out, with a warning.",
    ),
    used(
        "servers[].enabled",
        Kind::Flag,
        "true",
        "Found in files of the reference gateway, which ignores it. `true` is accepted with \
             a warning, `false` refused: write `state: Disabled`.",
    ),
    unused(
        "servers[].category",
        Kind::TextList("list of text"),
        "Categories of the server's tools.",
    ),
    unused("servers[].hint", Kind::Text("text"), "What the server is good for."),
    unused("servers[].tags", Kind::TextList("list of text"), "Tags of the server's tools."),
    unused(
        "servers[].userSpecificList",
        Kind::Flag,
        "Whether each user has a tool list of their own.",
    ),
    unused("servers[].tokenURLElicitation", Kind::Section, "Asks each user for a token."),
    unused("servers[].tokenURLElicitation.url", Kind::Text("URL"), "Where the user gets one."),
    unused(
        "servers[].guardrailsConfigIDs",
        Kind::TextList("list of text"),
        "Guardrails of the server's calls.",
    ),
    unused("servers[].auth", Kind::Section, "Another way to give what `credential` gives."),
    unused("servers[].auth.type", Kind::Text("text"), "Which kind."),
    unused("servers[].auth.token", Kind::Secret, "A bearer token."),
    unused("servers[].auth.username", Kind::Text("text"), "A user name."),
    unused("servers[].auth.password", Kind::Secret, "A password."),
    used(
        "virtualServers[].name",
        Kind::Text("text"),
        "required",
        "The name that callers send in `x-mcp-virtualserver`: letters, digits and `._-/`. \
             Distinct.",
    ),
    used(
        "virtualServers[].tools",
        Kind::TextList("list of text"),
        "[]",
        "Tool names as clients see them, prefix included. Names that no server has are \
             ignored.",
    ),
    unused(
        "virtualServers[].prompts",
        Kind::TextList("list of text"),
        "Prompt names as clients see them.",
    ),
    unused("globalGuardrails", Kind::Section, "Guardrails of every call."),
    unused("globalGuardrails.url", Kind::Text("URL"), "Where they are checked."),
    unused("globalGuardrails.configIDs", Kind::TextList("list of text"), "Which of them."),
    unused("globalGuardrails.model", Kind::Text("text"), "The model that checks them."),
    unused(
        "globalGuardrails.failMode",
        Kind::Text("text"),
        "What happens when they cannot be checked.",
    ),
];

#[cfg(test)]
mod tests {
    use super::keys;
    use crate::config::quantity::{format_duration, format_size};
    use crate::config::{Config, Mode};

    #[test]
    fn defaults_are_those_of_an_empty_file() {
        let default_of = |path: &str| -> String {
            keys().into_iter().find(|key| key.path == path).map(|key| key.default).expect(path)
        };
        let config = Config::default();
        let listen = format!("{} ({} in envoy mode)", config.listen, Mode::Envoy.default_listen());
        assert_eq!(default_of("mode"), config.mode.as_str());
        assert_eq!(default_of("listen"), listen);
        assert_eq!(default_of("adminListen"), config.admin_listen.to_string());
        assert_eq!(default_of("extProcListen"), config.ext_proc_listen.to_string());
        assert_eq!(default_of("log.level"), config.log.level.as_str());
        assert_eq!(default_of("log.format"), config.log.format.as_str());
        let telemetry = config.telemetry;
        assert_eq!(default_of("telemetry.trust.listen"), telemetry.trust.listen.as_str());
        let sampling = telemetry.sampling;
        assert_eq!(default_of("telemetry.sampling.keepErrors"), sampling.keep_errors.to_string());
        let slow = sampling.keep_slower_than.map(format_duration);
        assert_eq!(Some(default_of("telemetry.sampling.keepSlowerThan")), slow);
        let unsampled = sampling.keep_unsampled_errors.as_str();
        assert_eq!(default_of("telemetry.sampling.keepUnsampledErrors"), unsampled);
        let most = sampling.caller_sampled_per_second_max.to_string();
        assert_eq!(default_of("telemetry.sampling.callerSampledPerSecondMax"), most);
        assert_eq!(default_of("telemetry.audit.enabled"), telemetry.audit.enabled.to_string());
        assert_eq!(default_of("telemetry.metrics.enabled"), telemetry.metrics.enabled.to_string());
        let series = telemetry.metrics.series_max.to_string();
        assert_eq!(default_of("telemetry.metrics.seriesMax"), series);
        let bytes = format_size(telemetry.capture.bytes_max as u64);
        assert_eq!(default_of("telemetry.capture.bytesMax"), bytes);
    }
}
