//! Where each signal goes: every row of the resolution of endpoints, for every signal, from the variable for all signals and
//! from the one for its own, over plain text, TLS, TLS with a client certificate and TLS without verification.
//!
//! Each row is tried twice: against a receiver of our own, which knows how a request came, and against rotel, which decodes it
//! with code that is not ours.

use mcp_gateway_telemetry::Signal;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::support::certificates::{Authority, acceptor};
use crate::support::receiver::Receiver;
use crate::support::rotel::Rotel;
use crate::support::send::{SIGNALS, Sender, exporter_variable};
use crate::support::{Refusing, TempDir, assert_balanced, eventually, run};

/// What a receiver speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaks {
    Plain,
    /// With a certificate of the authority of the tests.
    Tls,
    /// With a certificate that nobody vouches for.
    StrangeTls,
    /// With a certificate of the authority of the tests; it wants one of the gateway.
    MutualTls,
}

/// What else is set, for the same signals as the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum With {
    Nothing,
    Insecure,
    Certificate,
    /// `CERTIFICATE`, `CLIENT_CERTIFICATE` and `CLIENT_KEY`.
    Identity,
}

/// Scheme, protocol, what else is set, what the receiver speaks → what is spoken.
type Row = (&'static str, &'static str, With, Speaks, &'static str);

#[rustfmt::skip]
const ROWS: [Row; 18] = [
    ("http",  "",              With::Nothing,     Speaks::Plain,      "application/x-protobuf"),
    ("http",  "http/protobuf", With::Insecure,    Speaks::Plain,      "application/x-protobuf"),
    ("http",  "http/json",     With::Nothing,     Speaks::Plain,      "application/json"),
    ("http",  "grpc",          With::Nothing,     Speaks::Plain,      "application/grpc"),
    ("https", "",              With::Certificate, Speaks::Tls,        "application/x-protobuf"),
    ("https", "http/json",     With::Certificate, Speaks::Tls,        "application/json"),
    ("https", "grpc",          With::Certificate, Speaks::Tls,        "application/grpc"),
    ("https", "",              With::Insecure,    Speaks::StrangeTls, "application/x-protobuf"),
    ("https", "http/json",     With::Insecure,    Speaks::StrangeTls, "application/json"),
    ("https", "grpc",          With::Insecure,    Speaks::StrangeTls, "application/grpc"),
    ("https", "",              With::Identity,    Speaks::MutualTls,  "application/x-protobuf"),
    ("https", "http/json",     With::Identity,    Speaks::MutualTls,  "application/json"),
    ("https", "grpc",          With::Identity,    Speaks::MutualTls,  "application/grpc"),
    ("rpc",   "",              With::Certificate, Speaks::Tls,        "application/grpc"),
    ("rpc",   "http/json",     With::Identity,    Speaks::MutualTls,  "application/grpc"),
    ("rpc",   "",              With::Insecure,    Speaks::StrangeTls, "application/grpc"),
    ("rpc",   "http/protobuf", With::Insecure,    Speaks::Plain,      "application/grpc"),
    ("RPC",   "GRPC",          With::Insecure,    Speaks::Plain,      "application/grpc"),
];

/// Which variables say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Those for all signals.
    Base,
    /// Those for one signal, while those for all say something else.
    Own,
}

/// Certificates for both sides.
struct Files {
    authority: Authority,
    stranger: Authority,
    dir: TempDir,
    ca: String,
    client: String,
    key: String,
}

impl Files {
    fn new() -> Self {
        let (authority, stranger, dir) = (Authority::new(), Authority::new(), TempDir::new());
        let client = authority.certify("gateway");
        let ca = dir.write("ca.pem", &authority.certificate());
        let key = dir.write("client.key", &client.key);
        let client = dir.write("client.pem", &client.certificate);
        Self { authority, stranger, dir, ca, client, key }
    }

    fn tls(&self, speaks: Speaks) -> Option<TlsAcceptor> {
        match speaks {
            Speaks::Plain => None,
            Speaks::Tls => Some(acceptor(&self.authority.certify("localhost"), None)),
            Speaks::StrangeTls => Some(acceptor(&self.stranger.certify_expired("elsewhere"), None)),
            Speaks::MutualTls => {
                let certificate = self.authority.certify("localhost");
                Some(acceptor(&certificate, Some(&self.authority)))
            }
        }
    }

    /// The variables of a row for one signal.
    fn variables(
        &self,
        (scheme, protocol, with, ..): Row,
        (signal, origin): (Signal, Origin),
        place: &str,
    ) -> Vec<(String, String)> {
        let name = |what: &str| match origin {
            Origin::Base => format!("OTEL_EXPORTER_OTLP_{what}"),
            Origin::Own => format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.variable()),
        };
        let mut all = vec![
            (exporter_variable(signal), "otlp".to_owned()),
            (name("ENDPOINT"), format!("{scheme}://{place}")),
            (name("PROTOCOL"), protocol.to_owned()),
        ];
        let extra: &[(&str, &str)] = match with {
            With::Nothing => &[],
            With::Insecure => &[("INSECURE", "true")],
            With::Certificate => &[("CERTIFICATE", &self.ca)],
            With::Identity => &[
                ("CERTIFICATE", &self.ca),
                ("CLIENT_CERTIFICATE", &self.client),
                ("CLIENT_KEY", &self.key),
            ],
        };
        all.extend(extra.iter().map(|(what, value)| (name(what), (*value).to_owned())));
        all
    }
}

/// Every row for every signal from both kinds of variables.
fn cases() -> impl Iterator<Item = (Row, Signal, Origin)> {
    let origins = [Origin::Base, Origin::Own];
    let of_row = move |row| {
        SIGNALS.into_iter().flat_map(move |signal| origins.map(|origin| (row, signal, origin)))
    };
    ROWS.into_iter().flat_map(of_row)
}

fn sender(variables: &[(String, String)], more: &[(&str, &str)]) -> Sender {
    let own = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Sender::new(&more.iter().copied().chain(own).collect::<Vec<_>>())
}

/// The path of a request, when the endpoint had `path`.
fn expected_path(signal: Signal, origin: Origin, path: &str, content_type: &str) -> String {
    let service = match signal {
        Signal::Traces => "trace.v1.TraceService",
        Signal::Logs => "logs.v1.LogsService",
        Signal::Metrics => "metrics.v1.MetricsService",
    };
    match (content_type, origin) {
        ("application/grpc", _) => format!("/opentelemetry.proto.collector.{service}/Export"),
        (_, Origin::Own) if path.len() > 1 => path.to_owned(),
        (..) => format!("{}/v1/{signal}", path.trim_end_matches('/')),
    }
}

#[test]
fn every_row_of_the_resolution_goes_where_it_should() {
    let files = Files::new();
    let nobody = Refusing::new();
    for (at, (row, signal, origin)) in cases().enumerate() {
        let (_, _, _, speaks, content_type) = row;
        // A path tells the signal to the receiver; all kinds of paths occur with all rows in turn.
        let path = [String::new(), "/".to_owned(), format!("/for/{signal}")][at % 3].clone();
        let case = format!("{row:?} {signal} {origin:?} path `{path}`");
        run(async {
            let receiver = Receiver::with(files.tls(speaks), &[]).await;
            let place = format!("localhost:{}{path}", receiver.port);
            let variables = files.variables(row, (signal, origin), &place);
            let elsewhere = format!("http://localhost:{}/nowhere", nobody.port);
            let more = [("OTEL_EXPORTER_OTLP_ENDPOINT", elsewhere.as_str())];
            let sender = sender(&variables, if origin == Origin::Own { &more } else { &[] });
            sender.make(signal, "made");
            let report = sender.finish().await;
            let account = sender.account(signal);
            assert_eq!(report.lost(), 0, "{case}: {account:#?}");
            let batches = receiver.batches();
            assert_eq!(batches.len(), 1, "{case}: {batches:#?}");
            let batch = &batches[0];
            assert_eq!(batch.request.signal(), signal, "{case}");
            assert_eq!(batch.path, expected_path(signal, origin, &path, content_type), "{case}");
            assert_eq!(batch.header("content-type"), Some(content_type), "{case}");
            assert_eq!(batch.is_tls, speaks != Speaks::Plain, "{case}");
            assert_eq!(batch.knows_client, speaks == Speaks::MutualTls, "{case}");
            assert_eq!(batch.resource("service.version").as_deref(), Some("9.8.7"), "{case}");
            assert_eq!(account.exported, batch.request.items(), "{case}");
            assert_balanced(&account);
        });
    }
    drop(files.dir);
}

/// Takes TLS connections and hands what comes over them to rotel.
async fn in_front_of(rotel_port: u16, tls: TlsAcceptor) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let tls = tls.clone();
            tokio::spawn(async move {
                let mut stream = tls.accept(stream).await?;
                let mut rotel = TcpStream::connect(("127.0.0.1", rotel_port)).await?;
                copy_bidirectional(&mut stream, &mut rotel).await
            });
        }
    });
    port
}

#[test]
fn every_row_of_the_resolution_is_understood_by_rotel() {
    let files = Files::new();
    run(async {
        let rotel = Rotel::start().await;
        for (at, (row, signal, origin)) in cases().enumerate() {
            let (_, _, _, speaks, content_type) = row;
            let is_grpc = content_type == "application/grpc";
            let port = if is_grpc { rotel.grpc_port } else { rotel.http_port };
            let port = match files.tls(speaks) {
                None => port,
                Some(tls) => in_front_of(port, tls).await,
            };
            let variables = files.variables(row, (signal, origin), &format!("localhost:{port}"));
            let service = format!("case-{at}-{signal}");
            let sender = sender(&variables, &[("OTEL_SERVICE_NAME", &service)]);
            sender.make(signal, "made_for_rotel");
            let report = sender.finish().await;
            assert_eq!(
                report.lost(),
                0,
                "{row:?} {signal} {origin:?}: {:#?}",
                sender.account(signal)
            );
            let title = match signal {
                Signal::Traces => "ResourceSpans #",
                Signal::Logs => "ResourceLog #",
                Signal::Metrics => "ResourceMetrics #",
            };
            let line = format!("-> service.name: Str({service})\n");
            let is_whole = || {
                let output = rotel.output();
                let mut parts = output.split(title).skip(1);
                parts.any(|part| part.contains(&line) && part.contains("made_for_rotel"))
            };
            eventually(is_whole, || format!("{service} in\n{}", rotel.output())).await;
        }
    });
    drop(files.dir);
}
