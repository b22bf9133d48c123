//! The real Envoy takes the bootstrap of every kind of configuration, without a warning.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use mcp_gateway_core::config::{Config, ListenAddress};

use super::{at, config, server, url};
use crate::command::envoy_config::{Options, RequestBody, bootstrap};

#[track_caller]
fn accepted(config: &Config, options: &Options) {
    let envoy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin/envoy");
    assert!(envoy.exists(), "{} is absent: run `make tools`", envoy.display());
    let file =
        Scratch::new(&serde_yaml_ng::to_string(&bootstrap(config, options).unwrap()).unwrap());
    let output = Command::new(envoy)
        .args(["--mode", "validate", "--log-level", "warning", "-c"])
        .arg(&file.0)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !log.contains("[warning]") && !log.contains("[error]"),
        "Envoy accepts it, but says:\n{log}"
    );
}

/// A file that is gone when its test is.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mcp-gateway-{}-{number}.yaml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_file(&self.0).unwrap();
    }
}

#[test]
fn envoy_accepts_both_shapes() {
    for request_body in [RequestBody::Duplex, RequestBody::Buffered] {
        accepted(&config(), &Options { request_body, ..Options::default() });
    }
}

#[test]
fn envoy_accepts_every_kind_of_address() {
    let mut config = config();
    config.ext_proc_listen = ListenAddress::Unix("/run/mcp gateway.sock".into());
    config.servers.extend([
        server("demo/name", "http://tools.example.com:9000/mcp", "name.mcp.local"),
        server("demo/v6", "http://[::1]:9103/mcp", "v6.mcp.local"),
    ]);
    let elsewhere =
        Options { gateway_host: Some("gateway.local".to_owned()), ..Options::default() };
    accepted(&config, &Options::default());
    accepted(&config, &elsewhere);
    config.envoy_address = Some(url("http://envoy.example.com"));
    accepted(&config, &Options::default());
    config.envoy_address = Some(url("http://[::1]:8888"));
    accepted(&config, &Options::default());
}

#[test]
fn envoy_accepts_certificates_from_each_source() {
    let file = Scratch::new(CERTIFICATE);
    let options = Options { system_ca_file: file.0.clone(), ..Options::default() };
    let mut config = config();
    config.servers = vec![server("demo/tls", "https://tools.example.com/mcp", "tls.mcp.local")];
    accepted(&config, &options);
    config.gateway_ca_cert_pem = Some(CERTIFICATE.to_owned());
    accepted(&config, &Options::default());
    config.servers[0].ca_cert_file = Some(file.0.clone());
    accepted(&config, &Options::default());
}

#[test]
fn envoy_accepts_tracing_and_an_admin_listener() {
    let file = Scratch::new(CERTIFICATE);
    for collector in
        ["rpc://127.0.0.1:4317", "http://collector:4318", "https://collector.example.com/otlp"]
    {
        let options = Options {
            tracing: Some(url(collector)),
            envoy_admin: Some("127.0.0.1:9901".parse().unwrap()),
            system_ca_file: file.0.clone(),
            ..Options::default()
        };
        accepted(&config(), &options);
    }
}

#[test]
fn envoy_accepts_forty_servers() {
    let mut config = config();
    config.servers = (0..40)
        .map(|n| {
            server(
                &format!("demo/{n}"),
                &format!("http://127.0.0.1:{}/mcp", 9200 + n),
                &format!("s{n}.local"),
            )
        })
        .collect();
    accepted(&config, &Options::default());
    let bootstrap = bootstrap(&config, &Options::default()).unwrap();
    assert_eq!(at(&bootstrap, "/static_resources/clusters").as_array().map(Vec::len), Some(42));
}

/// A certificate authority that signed itself, made for these tests; its key no longer exists.
const CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBezCCASGgAwIBAgIUTxNIe3Fo5OWKHFwBk2Eo2hSIAWUwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjIyMjI1MjRaGA8yMTI2MTAyOTIy
MjUyNFowEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABDtWdQ1vQJhboE2dHQHtgL8vAfAyNxc7ZLtZa9oH9N96uFc9bF12IlowGKCP
lxXz6fSoNLBVtwLlEOlCXZ/T06OjUzBRMB0GA1UdDgQWBBSQvgq3MwQ35UO+MjA0
4kr2fNEptDAfBgNVHSMEGDAWgBSQvgq3MwQ35UO+MjA04kr2fNEptDAPBgNVHRMB
Af8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIGAZ9SXEorr3/wbi0/JndSG42wl8
HDjJwQa6Ssa2j6FJAiEAibJP1ODeP6We3urgoZuVTzfs1360a3R0GK/iOXfYots=
-----END CERTIFICATE-----
";
