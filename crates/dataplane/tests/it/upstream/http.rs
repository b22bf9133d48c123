//! TLS towards servers: whom the gateway trusts, and which name it asks for.

use mcp_gateway_core::config::Config;
use mcp_gateway_dataplane::chain::Chain;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::http::client::HttpClients;
use mcp_gateway_dataplane::session::{RoutingTokens, SigningKey, SigningKeys};
use mcp_gateway_dataplane::upstream::{ServerClient, Via};
use mcp_gateway_telemetry::Span;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{direct, open, server};
use crate::support::fault_server::{FaultServer, Script};

const AUTHORITY: &str = include_str!("../support/tls/authority.pem");
const CERTIFICATE: &[u8] = include_bytes!("../support/tls/localhost.pem");
const KEY: &[u8] = include_bytes!("../support/tls/localhost.key");

async fn start(protocols: &[&str]) -> FaultServer {
    let provider = rustls::crypto::ring::default_provider();
    let mut tls = rustls::ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(CERTIFICATE).unwrap()],
            PrivateKeyDer::from_pem_slice(KEY).unwrap(),
        )
        .unwrap();
    tls.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    FaultServer::start_tls(Script::default(), tls).await
}

fn url(server: &FaultServer, host: &str) -> String {
    format!("https://{host}:{}/mcp", server.address().port())
}

#[tokio::test]
async fn an_authority_of_the_configuration_is_trusted_for_one_server_or_for_all() {
    let tls = start(&[]).await;
    let trusting_one = || {
        let mut server = server("demo/server", &url(&tls, "localhost"));
        server.ca_cert_pem = Some(AUTHORITY.to_owned());
        direct(server, &Config::default())
    };
    let trusting_all = || {
        let gateway_ca_cert_pem = Some(AUTHORITY.to_owned());
        let config = Config { gateway_ca_cert_pem, ..Config::default() };
        direct(server("demo/server", &url(&tls, "localhost")), &config)
    };
    for client in [trusting_one(), trusting_all()] {
        let opened = open(&client).await.unwrap_or_else(|error| panic!("{}", Chain(&error)));
        assert!(opened.session.session_id.is_some());
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_chooses_it() {
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], http::Version::HTTP_2),
        (&["http/1.1"][..], http::Version::HTTP_11),
    ] {
        let tls = start(protocols).await;
        let mut server = server("demo/server", &url(&tls, "localhost"));
        server.ca_cert_pem = Some(AUTHORITY.to_owned());
        let client = direct(server, &Config::default());
        let opened = open(&client).await.unwrap_or_else(|error| panic!("{}", Chain(&error)));
        assert_eq!(client.list_tools(&opened.session, &Span::off()).await.unwrap().tools.len(), 1);
        for seen in tls.seen() {
            assert_eq!(seen.version, version);
            let host = seen.uri.authority().map(http::uri::Authority::as_str);
            let host = host.or(seen.header("host"));
            assert_eq!(host, Some(&*format!("localhost:{}", tls.address().port())));
        }
    }
}

#[tokio::test]
async fn strangers_and_wrong_names_fail_the_handshake() {
    let tls = start(&[]).await;
    let stranger = direct(server("demo/server", &url(&tls, "localhost")), &Config::default());
    let mut other_name = server("demo/server", &url(&tls, "127.0.0.1"));
    other_name.ca_cert_pem = Some(AUTHORITY.to_owned());
    for client in [stranger, direct(other_name, &Config::default())] {
        let error = open(&client).await.unwrap_err();
        assert_eq!(error.reason(), "tls_failed", "{}", Chain(&error));
        assert_eq!(error.client_message("s"), "server s cannot be reached");
    }
    assert_eq!(tls.seen().len(), 0);
}

#[tokio::test]
async fn through_envoy_the_server_name_is_the_virtual_host() {
    let envoy = start(&["h2"]).await;
    let config = Config {
        // An address for which the certificate has no name: only the virtual host's name is asked for.
        envoy_address: Some(format!("https://{}", envoy.address()).parse().unwrap()),
        gateway_ca_cert_pem: Some(AUTHORITY.to_owned()),
        ..Config::default()
    };
    let mut server = server("demo/server", "http://127.0.0.1:1/mcp");
    server.hostname = Some("weather.mcp.local".to_owned());
    let tokens =
        RoutingTokens::new(&SigningKeys::new(SigningKey::random()), Clock::system()).unwrap();
    let http = HttpClients::new(&config).envoy().unwrap().unwrap();
    let via = Via::Envoy { http, scheme: "https".to_owned(), tokens };
    let client = ServerClient::new(server.into(), via, config.limits.clone());
    open(&client).await.unwrap_or_else(|error| panic!("{}", Chain(&error)));
    let seen = envoy.seen();
    assert_eq!(seen[0].uri, "https://weather.mcp.local/mcp");
}
