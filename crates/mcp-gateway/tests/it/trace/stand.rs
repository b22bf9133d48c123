//! What one run needs: a gateway behind one front end, four servers behind it, and a receiver for its spans.

use std::net::SocketAddr;

use http::{Request, Uri};
use http_body_util::Full;
use serde_json::Value;

use crate::support::envoy::Envoy;
use crate::support::fault_server::FaultServer;
use crate::support::gateway::Gateway;
use crate::support::http::send;
use crate::support::mcp_server::{Kind, McpServer};
use crate::support::otlp::OtlpReceiver;
use crate::support::port::Port;
use crate::support::record::Record;
use crate::support::sample_span::{ParentIn, ServerSpans};
use crate::support::wait::{PATIENCE, until};

/// The longest body that the gateway takes in these tests, in bytes.
pub const BODY_BYTES_MAX: usize = 16 << 10;
/// The tools of all servers together.
pub const TOOLS: i64 = 4 * 5 + 1;
/// The key that signs session ids; it must not show up anywhere.
pub const SIGNING_KEY: &str = "a-key-of-the-trace-tests-of-48-bytes-0123456789a";

/// Who takes the requests of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontEnd {
    /// The gateway itself.
    Standalone,
    /// Envoy, which holds request bodies until they are complete.
    Buffered,
    /// Envoy, which streams request bodies.
    Duplex,
}

/// How spans leave the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Http,
    Grpc,
    /// Not at all: no variable asks for it.
    Off,
}

/// How a gateway is started.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub front_end: FrontEnd,
    pub transport: Transport,
    /// Whether Envoy sends spans of its own.
    pub envoy_tracing: bool,
    /// Whether the servers `newer` and `older` send spans of their own: the first goes by the header, the second by the
    /// message.
    pub server_spans: bool,
    /// Further flags of `serve`.
    pub flags: &'static [&'static str],
    /// Further limits of the configuration file.
    pub limits: &'static str,
    /// Further lines of the configuration file.
    pub settings: &'static str,
    /// Further variables.
    pub variables: &'static [(&'static str, &'static str)],
}

impl Setup {
    pub fn new(front_end: FrontEnd, transport: Transport) -> Self {
        Self {
            front_end,
            transport,
            envoy_tracing: false,
            server_spans: false,
            flags: &[],
            limits: "",
            settings: "",
            variables: &[],
        }
    }
}

/// The servers behind the gateway, each with its name as the prefix of its tools.
pub struct Servers {
    /// Issues session ids, answers with event streams.
    pub newer: McpServer,
    /// Issues no session ids, answers with JSON.
    pub older: McpServer,
    /// Answers wrongly when it is told to.
    pub fault: FaultServer,
    /// Is stopped by one of the cases, after it was called.
    pub mortal: McpServer,
    /// Is stopped by the same, and was never called.
    pub absent: McpServer,
}

impl Servers {
    /// `receiver` gets the spans of those that have any.
    async fn start(receiver: Option<SocketAddr>) -> Self {
        let spans = |service, parent_in| {
            receiver.map(|receiver| ServerSpans { receiver, service, parent_in })
        };
        let newer = Kind { spans: spans("newer", ParentIn::Header), ..Kind::new("newer") };
        let older = Kind { spans: spans("older", ParentIn::Meta), ..Kind::older("older") };
        let (newer, older, fault, mortal, absent) = tokio::join!(
            McpServer::start(newer),
            McpServer::start(older),
            FaultServer::start(),
            McpServer::start(Kind::new("mortal")),
            McpServer::start(Kind::new("absent")),
        );
        Self { newer, older, fault, mortal, absent }
    }

    fn urls(&self) -> [(&'static str, String); 5] {
        [
            ("newer", self.newer.url()),
            ("older", self.older.url()),
            ("fault", self.fault.url()),
            ("mortal", self.mortal.url()),
            ("absent", self.absent.url()),
        ]
    }

    /// Returns the port of a server.
    pub fn port(&self, server: &str) -> u16 {
        let server = server.trim_start_matches("demo/");
        let url = self.urls().into_iter().find(|(name, _)| *name == server).unwrap().1;
        url.parse::<Uri>().unwrap().port_u16().unwrap()
    }

    /// Returns the revision that a server speaks.
    pub fn version(server: &str) -> &'static str {
        if server == "demo/older" { "2025-06-18" } else { "2025-11-25" }
    }

    /// Returns what each server has received.
    pub fn records(&self) -> [&Record; 5] {
        [
            self.newer.record(),
            self.older.record(),
            self.fault.record(),
            self.mortal.record(),
            self.absent.record(),
        ]
    }
}

/// A gateway at work, and everything around it.
pub struct Stand {
    pub front_end: FrontEnd,
    pub receiver: OtlpReceiver,
    pub servers: Servers,
    gateway: Gateway,
    envoy: Option<Envoy>,
    address: SocketAddr,
}

impl Stand {
    /// Starts everything, and waits until every server is up.
    pub async fn start(setup: Setup) -> Self {
        let receiver = OtlpReceiver::start().await;
        let servers = Servers::start(setup.server_spans.then(|| receiver.http())).await;
        let edge = Port::take();
        let config = config(&setup, edge.address(), &servers) + setup.settings;
        let environment = environment(setup.transport, &receiver);
        let environment: Vec<(&str, &str)> = environment
            .iter()
            .map(|(key, value)| (*key, value.as_str()))
            .chain(setup.variables.iter().copied())
            .collect();
        let gateway = Gateway::start(&config, setup.flags, &environment).await;
        let (envoy, address) = match setup.front_end {
            FrontEnd::Standalone => (None, gateway.listen()),
            FrontEnd::Buffered | FrontEnd::Duplex => {
                let collector = format!("http://{}", receiver.http());
                let mut flags = Vec::new();
                if setup.front_end == FrontEnd::Buffered {
                    flags.extend(["--request-body", "buffered"]);
                }
                if setup.envoy_tracing {
                    flags.extend(["--envoy-tracing", &collector]);
                }
                let bootstrap = gateway.envoy_config(&flags).await;
                let address = edge.release();
                (Some(Envoy::start(&bootstrap, address).await), address)
            }
        };
        let front_end = setup.front_end;
        let stand = Self { front_end, receiver, servers, gateway, envoy, address };
        stand.until_every_server_is_up().await;
        stand
    }

    /// Returns where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Returns the text of a page of the admin listener.
    pub async fn admin(&self, path: &str) -> String {
        let request = Request::get(path).body(Full::default()).unwrap();
        send(self.gateway.admin(), request).await.text()
    }

    /// Returns what Envoy has logged; nothing without Envoy.
    pub fn envoy_log(&self) -> String {
        self.envoy.as_ref().map(Envoy::log).unwrap_or_default()
    }

    /// Stops the gateway in its own time; what it has to export arrives before it ends.
    pub async fn stop(self) -> Stopped {
        let Self { gateway, receiver, servers, .. } = self;
        let ended = gateway.stop(PATIENCE).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        Stopped { log: ended.stdout + &ended.stderr, receiver, servers }
    }

    async fn until_every_server_is_up(&self) {
        until("every server is up", PATIENCE, async || {
            let status: Value = serde_json::from_str(&self.admin("/status").await).unwrap();
            (status["healthyServers"] == status["totalServers"] && status["tools"] == TOOLS)
                .then_some(())
        })
        .await;
    }
}

/// What is left when the gateway has stopped.
pub struct Stopped {
    /// What the gateway has logged.
    pub log: String,
    pub receiver: OtlpReceiver,
    pub servers: Servers,
}

fn config(setup: &Setup, edge: SocketAddr, servers: &Servers) -> String {
    let limits = setup.limits;
    let edge = match setup.front_end {
        FrontEnd::Standalone => String::new(),
        FrontEnd::Buffered | FrontEnd::Duplex => {
            format!("mode: envoy\npublicHost: localhost\nenvoyAddress: http://{edge}\n")
        }
    };
    let server = |(name, url)| {
        format!(
            "  - {{ name: demo/{name}, url: '{url}', prefix: {name}_, hostname: {name}.mcp.local }}\n"
        )
    };
    let servers = servers.urls().map(server).concat();
    format!(
        "limits: {{ bodyBytesMax: {BODY_BYTES_MAX}, {limits} }}\nsigningKey: {SIGNING_KEY}\n{edge}servers:\n{servers}"
    )
}

fn environment(transport: Transport, receiver: &OtlpReceiver) -> Vec<(&'static str, String)> {
    let endpoint = match transport {
        Transport::Off => return Vec::new(),
        Transport::Http => format!("http://{}", receiver.http()),
        Transport::Grpc => format!("rpc://{}", receiver.grpc()),
    };
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true".to_owned()),
        // Spans leave at once, not after five seconds.
        ("OTEL_BSP_SCHEDULE_DELAY", "50".to_owned()),
    ]
}
