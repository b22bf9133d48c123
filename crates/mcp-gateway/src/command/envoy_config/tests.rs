//! What the bootstrap says; [`accepted`] is whether the real Envoy takes it.

mod accepted;

use mcp_gateway_core::config::{Config, ListenAddress, Mode, Server};
use serde_json::{Value, json};
use url::Url;

use super::{EnvoyConfigError, Options, RequestBody, bootstrap};

fn config() -> Config {
    Config {
        mode: Mode::Envoy,
        listen: Mode::Envoy.default_listen(),
        public_host: Some("mcp.example.com".to_owned()),
        envoy_address: Some(url("http://127.0.0.1:8888")),
        servers: vec![server("demo/weather", "http://127.0.0.1:9101/mcp", "weather.mcp.local")],
        ..Config::default()
    }
}

fn server(name: &str, address: &str, hostname: &str) -> Server {
    Server {
        name: name.to_owned(),
        url: url(address),
        hostname: Some(hostname.to_owned()),
        prefix: String::new(),
        enabled: true,
        credential: None,
        ca_cert_pem: None,
        ca_cert_file: None,
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// Returns what is found at a JSON pointer of the bootstrap.
fn at(bootstrap: &Value, pointer: &str) -> Value {
    bootstrap.pointer(pointer).cloned().unwrap_or(Value::Null)
}

const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

fn manager(config: &Config, options: &Options) -> Value {
    at(&bootstrap(config, options).unwrap(), MANAGER)
}

fn cluster(config: &Config, options: &Options, name: &str) -> Value {
    let bootstrap = bootstrap(config, options).unwrap();
    let clusters = at(&bootstrap, "/static_resources/clusters");
    clusters
        .as_array()
        .unwrap()
        .iter()
        .find(|cluster| cluster["name"] == name)
        .cloned()
        .unwrap_or(Value::Null)
}

#[test]
fn there_is_no_admin_listener_and_no_tracing_unless_asked() {
    let bootstrap = bootstrap(&config(), &Options::default()).unwrap();
    assert_eq!(bootstrap.get("admin"), None);
    assert_eq!(at(&bootstrap, &format!("{MANAGER}/tracing")), Value::Null);
    assert_eq!(cluster(&config(), &Options::default(), "otel-collector"), Value::Null);
}

#[test]
fn envoy_listens_where_the_gateway_calls_it() {
    let check = |address: &str, expect: (&str, u16)| {
        let config = Config { envoy_address: Some(url(address)), ..config() };
        let bootstrap = bootstrap(&config, &Options::default()).unwrap();
        let socket = at(&bootstrap, "/static_resources/listeners/0/address/socket_address");
        assert_eq!(socket, json!({ "address": expect.0, "port_value": expect.1 }), "{address}");
    };
    check("http://127.0.0.1:8888", ("127.0.0.1", 8888));
    check("http://localhost:8888", ("127.0.0.1", 8888));
    check("http://[::1]:8888", ("::1", 8888));
    check("http://envoy.example.com", ("0.0.0.0", 80));
    check("http://10.0.0.7:8080", ("0.0.0.0", 8080));
}

#[test]
fn the_public_host_is_accepted_with_and_without_the_port() {
    let check = |public: &str, expect: &[&str]| {
        let config = Config { public_host: Some(public.to_owned()), ..config() };
        let domains =
            at(&manager(&config, &Options::default()), "/route_config/virtual_hosts/0/domains");
        for host in expect {
            assert!(
                domains.as_array().unwrap().contains(&json!(host)),
                "{host} is not in {domains}"
            );
        }
    };
    check(
        "mcp.example.com",
        &["mcp.example.com", "mcp.example.com:8888", "127.0.0.1:8888", "localhost"],
    );
    check(
        "mcp.example.com:443",
        &["mcp.example.com", "mcp.example.com:8888", "mcp.example.com:443"],
    );
    check("[fd00::1]:443", &["[fd00::1]", "[fd00::1]:8888", "[fd00::1]:443"]);
}

#[test]
fn broker_paths_lead_to_the_broker_without_a_time_limit() {
    let routes =
        at(&manager(&config(), &Options::default()), "/route_config/virtual_hosts/0/routes");
    let routes = routes.as_array().unwrap();
    let matched: Vec<&Value> = routes.iter().map(|route| &route["match"]).collect();
    assert_eq!(
        matched,
        [
            &json!({ "path": "/mcp" }),
            &json!({ "path": "/mcp/" }),
            &json!({ "path_separated_prefix": "/.well-known/oauth-protected-resource" }),
        ]
    );
    for route in routes {
        assert_eq!(route["route"]["cluster"], "mcp-broker");
        assert_eq!(route["route"]["timeout"], "0s");
    }
}

#[test]
fn a_server_is_called_by_its_own_name_and_sees_no_header_of_the_gateway() {
    let mut config = config();
    config.servers =
        vec![server("demo/tls", "https://tools.example.com/api/mcp?v=1", "tls.mcp.local")];
    let host = at(&manager(&config, &Options::default()), "/route_config/virtual_hosts/1");
    assert_eq!(host["domains"], json!(["tls.mcp.local", "tls.mcp.local:8888"]));
    let route = &host["routes"][0];
    assert_eq!(route["match"], json!({ "path": "/api/mcp" }));
    assert_eq!(route["route"]["host_rewrite_literal"], "tools.example.com");
    assert_eq!(route["route"]["timeout"], "0s");
    assert_eq!(route["route"]["retry_policy"]["num_retries"], 1);
    let removed = route["request_headers_to_remove"].as_array().unwrap();
    for name in ["origin", "router-key", "mcp-init-host", "x-mcp-traceparent", "x-mcp-visible"] {
        assert!(removed.contains(&json!(name)), "{name} reaches the server");
    }
    assert!(
        !removed.contains(&json!("x-mcp-toolname")),
        "policies behind the server's host need it"
    );

    let tls = &cluster(&config, &Options::default(), "server/demo/tls")["transport_socket"]["typed_config"];
    assert_eq!(tls["sni"], "tools.example.com");
    let names = &tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"];
    assert_eq!(*names, json!([{ "san_type": "DNS", "matcher": { "exact": "tools.example.com" } }]));
}

#[test]
fn the_port_of_a_server_is_part_of_its_name_when_it_is_not_the_default() {
    let check = |address: &str, expect: &str| {
        let mut config = config();
        config.servers = vec![server("demo/one", address, "one.mcp.local")];
        let host = at(&manager(&config, &Options::default()), "/route_config/virtual_hosts/1");
        assert_eq!(host["routes"][0]["route"]["host_rewrite_literal"], expect, "{address}");
    };
    check("http://tools.example.com/mcp", "tools.example.com");
    check("http://tools.example.com:80/mcp", "tools.example.com");
    check("http://127.0.0.1:9101/mcp", "127.0.0.1:9101");
    check("http://[::1]:9101/mcp", "[::1]:9101");
}

#[test]
fn limits_of_envoy_stand_above_those_of_the_gateway() {
    let config = config();
    let limits = &config.limits;
    let bootstrap = bootstrap(&config, &Options::default()).unwrap();
    let listener = at(&bootstrap, "/static_resources/listeners/0");
    let bytes = |value: &Value| {
        usize::try_from(value["per_connection_buffer_limit_bytes"].as_u64().unwrap()).unwrap()
    };
    assert!(bytes(&listener) > limits.body_bytes_max);
    for cluster in at(&bootstrap, "/static_resources/clusters").as_array().unwrap() {
        assert!(bytes(cluster) > limits.body_bytes_max, "{}", cluster["name"]);
        for threshold in cluster["circuit_breakers"]["thresholds"].as_array().unwrap() {
            for key in ["max_connections", "max_pending_requests", "max_requests", "max_retries"] {
                let max = usize::try_from(threshold[key].as_u64().unwrap()).unwrap();
                assert!(max > limits.sessions_max, "{key} of {}", cluster["name"]);
            }
        }
    }
}

#[test]
fn the_edge_is_closed_without_the_gateway() {
    for request_body in [RequestBody::Duplex, RequestBody::Buffered] {
        let manager = manager(&config(), &Options { request_body, ..Options::default() });
        let filter = at(&manager, "/http_filters/0/typed_config");
        assert_eq!(filter["failure_mode_allow"], false);
        assert_eq!(filter["allow_mode_override"], true);
        assert_eq!(filter["mutation_rules"]["allow_all_routing"], true);
        assert_eq!(filter["response_attributes"], json!(["response.code_details"]));
    }
}

#[test]
fn the_gateway_is_reached_on_this_machine_unless_it_is_said_to_be_elsewhere() {
    let address = |config: &Config, options: &Options, name: &str| {
        let cluster = cluster(config, options, name);
        at(&cluster, "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address")
    };
    let socket = |host: &str, port: u16| json!({ "socket_address": { "address": host, "port_value": port } });
    let mut config = config();
    let here = Options::default();
    let elsewhere = Options { gateway_host: Some("gateway".to_owned()), ..Options::default() };
    assert_eq!(address(&config, &here, "mcp-broker"), socket("127.0.0.1", 8080));
    assert_eq!(address(&config, &here, "mcp-ext-proc"), socket("127.0.0.1", 50051));
    assert_eq!(address(&config, &elsewhere, "mcp-broker"), socket("gateway", 8080));
    config.listen = "10.1.2.3:8081".parse().unwrap();
    assert_eq!(address(&config, &here, "mcp-broker"), socket("10.1.2.3", 8081));
    config.ext_proc_listen = ListenAddress::Unix("/run/gateway.sock".into());
    assert_eq!(
        address(&config, &here, "mcp-ext-proc"),
        json!({ "pipe": { "path": "/run/gateway.sock" } })
    );
}

#[test]
fn a_disabled_server_is_left_out() {
    let mut config = config();
    config.servers[0].enabled = false;
    config.servers[0].hostname = None;
    let hosts = at(&manager(&config, &Options::default()), "/route_config/virtual_hosts");
    assert_eq!(hosts.as_array().map(Vec::len), Some(1));
    assert_eq!(cluster(&config, &Options::default(), "server/demo/weather"), Value::Null);
}

#[test]
fn a_configuration_that_makes_no_edge_is_refused() {
    let check = |change: &dyn Fn(&mut Config), expect: EnvoyConfigError| {
        let mut config = config();
        change(&mut config);
        assert_eq!(bootstrap(&config, &Options::default()), Err(expect));
    };
    let missing = |path: &str| EnvoyConfigError::Missing { path: path.to_owned() };
    check(&|config| config.mode = Mode::Standalone, EnvoyConfigError::Standalone);
    check(&|config| config.envoy_address = None, missing("envoyAddress"));
    check(&|config| config.public_host = None, missing("publicHost"));
    check(&|config| config.servers[0].hostname = None, missing("servers[0].hostname"));
    check(
        &|config| {
            config.servers.push(server("demo/two", "http://127.0.0.1:1/mcp", "weather.mcp.local"));
        },
        EnvoyConfigError::HostTwice {
            host: "weather.mcp.local".to_owned(),
            first: "servers[0].hostname".to_owned(),
            second: "servers[1].hostname".to_owned(),
        },
    );
    check(
        &|config| config.servers[0].hostname = Some("mcp.example.com".to_owned()),
        EnvoyConfigError::HostTwice {
            host: "mcp.example.com".to_owned(),
            first: "publicHost".to_owned(),
            second: "servers[0].hostname".to_owned(),
        },
    );
}

#[test]
fn a_collector_is_named_by_a_scheme_that_envoy_can_export_to() {
    let check = |collector: &str, expect: EnvoyConfigError| {
        let options = Options { tracing: Some(url(collector)), ..Options::default() };
        assert_eq!(bootstrap(&config(), &options), Err(expect), "{collector}");
    };
    check("ftp://a:21", EnvoyConfigError::UnknownScheme { url: "ftp://a/".to_owned() });
    let path = "--envoy-tracing".to_owned();
    check("rpc://a", EnvoyConfigError::NotReachable { path, url: "rpc://a".to_owned() });
}
