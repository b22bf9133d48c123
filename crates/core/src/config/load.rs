//! Loading: the file, what overrides it, and the checks that need more than one key.

use std::net::SocketAddr;

use super::address::{
    parse_base_url, parse_host_port, parse_listen, parse_network, parse_origin, parse_socket,
};
use super::limits::Limits;
use super::problem::{Problem, Report};
use super::reader::{Context, Found, Section};
use super::resolve::{certificates, secret};
use super::schema::{
    ADMIN_LISTEN, EXT_PROC_LISTEN, LISTEN, LOG_FORMAT, LOG_LEVEL, MODE, PUBLIC_HOST, Setting,
};
use super::secret::{Secret, SecretMode, Source};
use super::server::{read_servers, read_virtual_servers};
use super::telemetry::read_telemetry;
use super::tree;
use super::types::{
    ADMIN_LISTEN_DEFAULT, Config, EXT_PROC_LISTEN_DEFAULT, ListenAddress, LogFormat, LogLevel,
    LogSettings, Mode,
};

/// Bytes of a signing key: as long as the digest of HS256 (RFC 7518 §3.2).
pub const SIGNING_KEY_BYTES_MIN: usize = 32;

/// The environment variables that hold the signing key; the first that is set is used.
pub const SIGNING_KEY_VARIABLES: [&str; 2] = ["GATEWAY_SIGNING_KEY", "JWT_SESSION_SIGNING_KEY"];

/// Environment variables of the reference gateway that this version does not use. One that is set gives a warning.
pub(super) const UNUSED_VARIABLES: [&str; 7] = [
    "CACHE_CONNECTION_STRING",
    "TRUSTED_HEADER_PUBLIC_KEY",
    "OAUTH_RESOURCE_NAME",
    "OAUTH_RESOURCE",
    "OAUTH_AUTHORIZATION_SERVERS",
    "OAUTH_BEARER_METHODS_SUPPORTED",
    "OAUTH_SCOPES_SUPPORTED",
];

/// What the command line says in place of the file, each as written there.
///
/// The environment, which comes after it, is read through the [`Source`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--mode`.
    pub mode: Option<String>,
    /// `--listen`.
    pub listen: Option<String>,
    /// `--admin-listen`.
    pub admin_listen: Option<String>,
    /// `--ext-proc-listen`.
    pub ext_proc_listen: Option<String>,
    /// `--public-host`.
    pub public_host: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--log-format`.
    pub log_format: Option<String>,
}

/// A configuration that can be used.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What is accepted but will not do what its author may expect.
    pub warnings: Vec<Problem>,
}

/// Loads a configuration: the text of a file, overridden by the environment, overridden by the command line.
///
/// Errors: every problem of all three at once (the first few hundred of them), none of which repeats a secret. Text that
/// is not YAML is one problem, since nothing else can be known.
pub fn load(
    yaml: &str,
    source: &dyn Source,
    overrides: &Overrides,
) -> Result<Loaded, Vec<Problem>> {
    let root = tree::parse(yaml).map_err(|problem| vec![problem])?;
    let report = Report::default();
    let file = Section::open_file(&root, Context { report: &report, source });
    let config = read(&file, overrides);
    drop(file);
    report.finish().map(|warnings| Loaded { config, warnings })
}

/// Reads everything; what is wrong is reported and stands as its default.
fn read(file: &Section<'_>, overrides: &Overrides) -> Config {
    let mode = choose(file, &MODE, overrides.mode.as_deref(), parse_mode);
    let mode = if mode.is_absent() { Some(Mode::Standalone) } else { mode.value() };
    let public_host = choose(file, &PUBLIC_HOST, overrides.public_host.as_deref(), parse_host_port);
    let envoy_address = file.parse("envoyAddress", parse_base_url);
    if mode == Some(Mode::Envoy) {
        for (key, is_absent) in
            [("publicHost", public_host.is_absent()), ("envoyAddress", envoy_address.is_absent())]
        {
            if is_absent {
                file.problem(key, "is missing: envoy mode needs it");
            }
        }
    }
    let public_host = public_host.value();
    let listeners = Listeners::read(file, overrides, mode);
    let certificates = certificates(file, "gatewayCACertPEM");
    warn_of_unused_variables(file);
    Config {
        mode: mode.unwrap_or(Mode::Standalone),
        listen: listeners.client,
        admin_listen: listeners.admin,
        ext_proc_listen: listeners.ext_proc,
        servers: read_servers(file, mode, public_host.as_deref()),
        virtual_servers: read_virtual_servers(file),
        public_host,
        envoy_address: envoy_address.value(),
        gateway_ca_cert_pem: certificates.pem,
        gateway_ca_cert_file: certificates.file,
        allowed_hosts: file.parse_list("allowedHosts", parse_host_port),
        allowed_origins: file.parse_list("allowedOrigins", parse_origin),
        trusted_proxies: file.parse_list("trustedProxies", parse_network),
        limits: Limits::read(&file.section("limits")),
        log: read_log(&file.section("log"), overrides),
        telemetry: read_telemetry(&file.section("telemetry")),
        signing_key: read_signing_key(file, mode),
    }
}

/// Reads a setting from the command line, else from the environment, else from `section`. What the file says is checked
/// even when it does not count.
fn choose<T>(
    section: &Section<'_>,
    setting: &Setting,
    flag: Option<&str>,
    parse: fn(&str) -> Result<T, String>,
) -> Found<T> {
    let name = setting.key.rsplit('.').next().unwrap_or(setting.key);
    let in_file = section.parse(name, parse);
    let variable = || section.context.source.env(setting.env).filter(|value| !value.is_empty());
    let (place, text) = match (flag, variable()) {
        (Some(text), _) => (setting.flag, text.to_owned()),
        (None, Some(text)) => (setting.env, text),
        (None, None) => return in_file,
    };
    match parse(&text) {
        Ok(value) => Found::Value(value),
        Err(message) => {
            section.context.report.problem(place, message);
            Found::Bad
        }
    }
}

/// Where the gateway listens.
struct Listeners {
    client: SocketAddr,
    admin: SocketAddr,
    ext_proc: ListenAddress,
}

impl Listeners {
    fn read(file: &Section<'_>, overrides: &Overrides, mode: Option<Mode>) -> Self {
        let client = choose(file, &LISTEN, overrides.listen.as_deref(), parse_socket).value();
        let admin =
            choose(file, &ADMIN_LISTEN, overrides.admin_listen.as_deref(), parse_socket).value();
        let ext_proc =
            choose(file, &EXT_PROC_LISTEN, overrides.ext_proc_listen.as_deref(), parse_listen)
                .value();
        let mode_or_default = mode.unwrap_or(Mode::Standalone);
        let listeners = Self {
            client: client.unwrap_or_else(|| mode_or_default.default_listen()),
            admin: admin.unwrap_or(ADMIN_LISTEN_DEFAULT),
            ext_proc: ext_proc.unwrap_or(ListenAddress::Tcp(EXT_PROC_LISTEN_DEFAULT)),
        };
        listeners.check_distinct(file, mode);
        listeners
    }

    /// Reports listeners that cannot be bound beside each other.
    fn check_distinct(&self, file: &Section<'_>, mode: Option<Mode>) {
        let clash = |left: SocketAddr, right: SocketAddr| {
            let same_address = left.ip() == right.ip()
                || left.ip().is_unspecified()
                || right.ip().is_unspecified();
            left.port() != 0 && left.port() == right.port() && same_address
        };
        if clash(self.client, self.admin) {
            file.problem("adminListen", format!("{} is taken by `listen`", self.admin));
        }
        let (Some(Mode::Envoy), ListenAddress::Tcp(ext_proc)) = (mode, &self.ext_proc) else {
            return;
        };
        for (key, address) in [("listen", self.client), ("adminListen", self.admin)] {
            if clash(address, *ext_proc) {
                file.problem("extProcListen", format!("{ext_proc} is taken by `{key}`"));
            }
        }
    }
}

fn read_log(section: &Section<'_>, overrides: &Overrides) -> LogSettings {
    let default = LogSettings::default();
    let level = choose(section, &LOG_LEVEL, overrides.log_level.as_deref(), parse_level);
    let format = choose(section, &LOG_FORMAT, overrides.log_format.as_deref(), parse_format);
    LogSettings {
        level: level.value().unwrap_or(default.level),
        format: format.value().unwrap_or(default.format),
    }
}

/// Finds the signing key. When secrets are skipped, the environment is not asked, and none needs to be there.
fn read_signing_key(file: &Section<'_>, mode: Option<Mode>) -> Option<Secret> {
    let in_file = secret(file, "signingKey");
    let source = file.context.source;
    let variable = |name: &'static str| {
        let value = source.env(name).filter(|value| !value.is_empty())?;
        Some((name, Secret::new(value)))
    };
    let from_env = match source.secrets() {
        SecretMode::Resolve => SIGNING_KEY_VARIABLES.into_iter().find_map(variable),
        SecretMode::Skip => None,
    };
    if in_file.is_absent()
        && from_env.is_none()
        && (mode, source.secrets()) == (Some(Mode::Envoy), SecretMode::Resolve)
    {
        let [name, _] = SIGNING_KEY_VARIABLES;
        let message = format!(
            "is missing: envoy mode needs a signing key of at least {SIGNING_KEY_BYTES_MIN} bytes"
        );
        file.context.report.problem(name, message);
    }
    let (path, key, is_resolved) = match (from_env, in_file.value()) {
        (Some((name, key)), _) => (name.to_owned(), key, true),
        (None, Some(given)) => (file.path_of("signingKey"), given.secret, given.is_resolved),
        (None, None) => return None,
    };
    let bytes = key.expose().len();
    if is_resolved && bytes < SIGNING_KEY_BYTES_MIN {
        let message = format!("must have at least {SIGNING_KEY_BYTES_MIN} bytes, but has {bytes}");
        file.context.report.problem(path, message);
    }
    Some(key)
}

fn warn_of_unused_variables(file: &Section<'_>) {
    let source = file.context.source;
    if source.secrets() == SecretMode::Skip {
        return;
    }
    for name in UNUSED_VARIABLES {
        if source.env(name).is_some_and(|value| !value.is_empty()) {
            file.context.report.warning(name, "has no effect in this version");
        }
    }
}

fn parse_mode(text: &str) -> Result<Mode, String> {
    Mode::ALL
        .into_iter()
        .find(|mode| mode.as_str() == text)
        .ok_or_else(|| "must be `standalone` or `envoy`".to_owned())
}

/// Reads a level by its name, or by the number that the reference gateway's flag takes: -4 debug, 0 info, 4 warn, 8
/// error, and what lies between belongs to the lower one.
fn parse_level(text: &str) -> Result<LogLevel, String> {
    if let Some(level) = LogLevel::ALL.into_iter().find(|level| level.as_str() == text) {
        return Ok(level);
    }
    match text.parse::<i32>() {
        Ok(..0) => Ok(LogLevel::Debug),
        Ok(0..4) => Ok(LogLevel::Info),
        Ok(4..8) => Ok(LogLevel::Warn),
        Ok(8..) => Ok(LogLevel::Error),
        Err(_) => Err("must be `error`, `warn`, `info`, `debug` or `trace`".to_owned()),
    }
}

/// Reads a format; `txt` is how the reference gateway's flag says text.
fn parse_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" | "txt" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be `text` or `json`".to_owned()),
    }
}
