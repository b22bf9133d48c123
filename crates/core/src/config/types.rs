//! The configuration as the rest of the gateway sees it: complete, checked, defaults filled in.
//!
//! Values are only made by loading a file (or by tests); nothing here reads text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use url::Url;

use super::limits::Limits;
use super::secret::Secret;
use super::telemetry::TelemetrySettings;

/// Everything that the gateway is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Which front end takes client requests.
    pub mode: Mode,
    /// Where clients (standalone mode) or Envoy (envoy mode) reach the broker.
    pub listen: SocketAddr,
    /// Where health, metrics and status are served.
    pub admin_listen: SocketAddr,
    /// Where Envoy reaches the external processor. Used in envoy mode only.
    pub ext_proc_listen: ListenAddress,
    /// What clients call, `host` or `host:port`, lower case. Always there in envoy mode.
    pub public_host: Option<String>,
    /// Where the gateway itself reaches Envoy. Always there in envoy mode; has no path.
    pub envoy_address: Option<Url>,
    /// The MCP servers, in the order of the file. Names are distinct.
    pub servers: Vec<Server>,
    /// Named selections of tools, in the order of the file. Names are distinct.
    pub virtual_servers: Vec<VirtualServer>,
    /// Certificates that are trusted beside the system's, for Envoy and for every server: PEM.
    pub gateway_ca_cert_pem: Option<String>,
    /// The file that [`Config::gateway_ca_cert_pem`] was (or would be) read from, as written.
    pub gateway_ca_cert_file: Option<PathBuf>,
    /// Values of `Host` that are accepted beside [`Config::public_host`] and, in standalone mode, those that name this
    /// machine: `host` (any port) or `host:port`, lower case.
    pub allowed_hosts: Vec<String>,
    /// Values of `Origin` that are accepted beside those of [`Config::public_host`] and, in standalone mode, of this
    /// machine: `scheme://host[:port]`, lower case, without the scheme's default port; `*` is every origin.
    pub allowed_origins: Vec<String>,
    /// Peers whose `x-forwarded-for` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Bounds.
    pub limits: Limits,
    /// What is logged, and how.
    pub log: LogSettings,
    /// What the `OTEL_*` environment cannot say.
    pub telemetry: TelemetrySettings,
    /// The key that signs session and routing tokens: at least 32 bytes. Always there in envoy mode once secrets are
    /// resolved.
    pub signing_key: Option<Secret>,
}

impl Default for Config {
    /// Returns what an empty file means: standalone mode without servers.
    fn default() -> Self {
        Self {
            mode: Mode::Standalone,
            listen: Mode::Standalone.default_listen(),
            admin_listen: ADMIN_LISTEN_DEFAULT,
            ext_proc_listen: ListenAddress::Tcp(EXT_PROC_LISTEN_DEFAULT),
            public_host: None,
            envoy_address: None,
            servers: Vec::new(),
            virtual_servers: Vec::new(),
            gateway_ca_cert_pem: None,
            gateway_ca_cert_file: None,
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            log: LogSettings::default(),
            telemetry: TelemetrySettings::default(),
            signing_key: None,
        }
    }
}

/// Where the admin listener is unless told otherwise: not reachable from other machines.
pub const ADMIN_LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// Where the external processor listens unless told otherwise.
pub const EXT_PROC_LISTEN_DEFAULT: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 50051);

/// Which front end takes client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The built-in proxy: clients connect to the gateway itself.
    Standalone,
    /// Envoy: clients connect to Envoy, which asks the gateway over `ext_proc`.
    Envoy,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Standalone, Self::Envoy];

    /// Returns the mode as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standalone => "standalone",
            Self::Envoy => "envoy",
        }
    }

    /// Returns where the client and broker listener is unless told otherwise: only on this machine when clients
    /// connect directly, everywhere when Envoy stands before it.
    pub const fn default_listen(self) -> SocketAddr {
        let address = match self {
            Self::Standalone => Ipv4Addr::LOCALHOST,
            Self::Envoy => Ipv4Addr::UNSPECIFIED,
        };
        SocketAddr::new(IpAddr::V4(address), 8080)
    }
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// A TCP socket.
    Tcp(SocketAddr),
    /// A Unix socket, written `unix:/path`.
    Unix(PathBuf),
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// One MCP server.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Its identity in headers, tokens, status and metrics: letters, digits and `._-/`.
    pub name: String,
    /// Its streamable HTTP endpoint: `http` or `https`, without user information and fragment.
    pub url: Url,
    /// Its virtual host behind Envoy, lower case. Always there in envoy mode.
    pub hostname: Option<String>,
    /// What stands before its tool names in the merged list; may be empty.
    pub prefix: String,
    /// Whether it is connected to and listed.
    pub enabled: bool,
    /// What the gateway sends as `Authorization` on requests of its own.
    pub credential: Option<Secret>,
    /// Certificates that are trusted for this server beside the system's: PEM.
    pub ca_cert_pem: Option<String>,
    /// The file that [`Server::ca_cert_pem`] was (or would be) read from, as written.
    pub ca_cert_file: Option<PathBuf>,
}

/// A named selection of tools. A caller that names it sees and may call nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServer {
    /// The name that callers send in `x-mcp-virtualserver`.
    pub name: String,
    /// Tool names as clients see them, prefix included.
    pub tools: Vec<String>,
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// The least severity.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: LogLevel::Info, format: LogFormat::Text }
    }
}

/// The least severity of log lines that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// Someone must act.
    Error,
    /// Something went wrong and was recovered from.
    Warn,
    /// The life cycle of the process and its servers.
    Info,
    /// Every request.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level, the most severe first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Returns the level as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Returns the format as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}
