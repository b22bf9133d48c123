//! What a good file means, and who wins when the command line and the environment say otherwise.

use std::time::Duration;

use mcp_gateway_core::config::telemetry::{CaptureMode, KeepUnsampledErrors, TrustMode};
use mcp_gateway_core::config::{
    Config, ListenAddress, LogFormat, LogLevel, Mode, Overrides, SecretMode, load,
};

use super::{FakeSource, check, config_of, load_plain, problems_of};

#[test]
fn an_empty_file_is_a_gateway_without_servers() {
    for yaml in ["", "# nothing\n", "---\n", "{}", "servers:\nvirtualServers:\nlimits:\nlog:\n"] {
        assert_eq!(config_of(yaml), Config::default(), "{yaml:?}");
    }
    let config = Config::default();
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.ext_proc_listen.to_string(), "0.0.0.0:50051");
}

#[test]
fn every_setting_arrives() {
    let config = config_of(
        "
mode: envoy
listen: 127.0.0.1:1
adminListen: '[::1]:2'
extProcListen: unix:/run/mcp.sock
publicHost: MCP.example.com:8888
envoyAddress: http://127.0.0.1:8888
signingKey: 0123456789abcdef0123456789abcdef
servers:
  - {name: demo/weather, url: 'http://127.0.0.1:9101/mcp', hostname: Weather.mcp.local, prefix: weather_, credential: Bearer x}
  - {name: demo/time, url: 'https://time.example.com/mcp', hostname: time.mcp.local, state: Disabled}
virtualServers:
  - {name: team/a, tools: [weather_now]}
allowedHosts: [Gateway.internal]
allowedOrigins: ['https://App.example.com:443']
trustedProxies: [10.0.0.0/8]
limits: {bodyBytesMax: 1MiB, sessionsMax: 7, sessionTtl: 1h, callIdleTimeout: 1500ms}
log: {level: debug, format: json}
telemetry: {}
",
    );
    assert_eq!(config.mode, Mode::Envoy);
    assert_eq!(config.listen.to_string(), "127.0.0.1:1");
    assert_eq!(config.admin_listen.to_string(), "[::1]:2");
    assert_eq!(config.ext_proc_listen, ListenAddress::Unix("/run/mcp.sock".into()));
    assert_eq!(config.public_host.as_deref(), Some("mcp.example.com:8888"));
    assert_eq!(config.envoy_address.unwrap().as_str(), "http://127.0.0.1:8888/");
    assert_eq!(config.signing_key.unwrap().expose(), "0123456789abcdef0123456789abcdef");
    let [weather, time] = config.servers.as_slice() else { panic!("{:?}", config.servers) };
    assert_eq!(weather.name, "demo/weather");
    assert_eq!(weather.url.as_str(), "http://127.0.0.1:9101/mcp");
    assert_eq!(weather.hostname.as_deref(), Some("weather.mcp.local"));
    assert_eq!((weather.prefix.as_str(), weather.enabled), ("weather_", true));
    assert_eq!(weather.credential.as_ref().unwrap().expose(), "Bearer x");
    assert_eq!((time.prefix.as_str(), time.enabled), ("", false));
    assert_eq!(config.virtual_servers[0].tools, ["weather_now"]);
    assert_eq!(config.allowed_hosts, ["gateway.internal"]);
    assert_eq!(config.allowed_origins, ["https://app.example.com"]);
    assert_eq!(config.trusted_proxies[0].to_string(), "10.0.0.0/8");
    assert_eq!((config.limits.body_bytes_max, config.limits.sessions_max), (1 << 20, 7));
    assert_eq!(config.limits.session_ttl, Duration::from_secs(3_600));
    assert_eq!(config.limits.call_idle_timeout, Duration::from_millis(1_500));
    assert_eq!((config.log.level, config.log.format), (LogLevel::Debug, LogFormat::Json));
}

#[test]
fn envoy_mode_needs_what_envoy_needs() {
    check(
        "mode: envoy\nservers: [{name: a, url: 'http://a/'}]",
        &[
            "publicHost: is missing: envoy mode needs it",
            "envoyAddress: is missing: envoy mode needs it",
            "servers[0].hostname: is missing: envoy mode needs one for every server",
            "GATEWAY_SIGNING_KEY: is missing: envoy mode needs a signing key of at least 32 bytes",
        ],
    );
    check(
        "
mode: envoy
publicHost: mcp.example.com:8888
envoyAddress: http://127.0.0.1:8888/mcp
signingKey: 0123456789abcdef0123456789abcdef
servers:
  - {name: a, url: 'http://a/', hostname: a.local}
  - {name: b, url: 'http://b/', hostname: A.local}
  - {name: c, url: 'http://c/', hostname: mcp.example.com}
  - {name: d, url: 'http://d/', hostname: '*.local'}
  - {name: e, url: 'http://e/', state: Disabled}
",
        &[
            "envoyAddress: must be scheme, host and port only, such as http://127.0.0.1:8888",
            "servers[3].hostname: must be a DNS name: letters, digits and '-' in labels that '.' separates",
            "servers[1].hostname: is \"a.local\", as is servers[0].hostname",
            "servers[2].hostname: must not be that of `publicHost`",
        ],
    );
}

#[test]
fn a_mode_that_cannot_be_read_brings_no_further_problems() {
    check(
        "mode: istio\nservers: [{name: a, url: 'http://a/'}]",
        &["mode: must be `standalone` or `envoy`"],
    );
}

#[test]
fn listeners_cannot_share_an_address() {
    check("listen: 0.0.0.0:9090", &["adminListen: 127.0.0.1:9090 is taken by `listen`"]);
    check("listen: 127.0.0.2:9090", &[]);
    check("listen: 127.0.0.1:0\nadminListen: 127.0.0.1:0", &[]);
    check("extProcListen: 127.0.0.1:8080", &[]);
    let problems = problems_of(load(
        "extProcListen: 127.0.0.1:8080\npublicHost: a\nenvoyAddress: http://b",
        &FakeSource::new(SecretMode::Skip),
        &Overrides { mode: Some("envoy".to_owned()), ..Overrides::default() },
    ));
    assert_eq!(problems, ["extProcListen: 127.0.0.1:8080 is taken by `listen`"]);
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let yaml = "listen: 127.0.0.1:1\nadminListen: 127.0.0.1:2\nlog: {level: error}\n";
    let source = FakeSource::new(SecretMode::Resolve)
        .env("MCP_GATEWAY_LISTEN", "127.0.0.1:10")
        .env("MCP_GATEWAY_LOG_LEVEL", "warn")
        .env("MCP_GATEWAY_PUBLIC_HOST", "");
    let overrides = Overrides {
        listen: Some("127.0.0.1:100".to_owned()),
        log_format: Some("txt".to_owned()),
        ..Overrides::default()
    };
    let config = load(yaml, &source, &overrides).unwrap().config;
    assert_eq!(config.listen.to_string(), "127.0.0.1:100");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:2");
    assert_eq!(config.log.level, LogLevel::Warn);
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.public_host, None);
}

#[test]
fn problems_of_flags_and_variables_are_reported_under_their_names() {
    let source = FakeSource::new(SecretMode::Resolve)
        .env("MCP_GATEWAY_MODE", "istio")
        .env("MCP_GATEWAY_EXT_PROC_LISTEN", "x");
    let text = |text: &str| Some(text.to_owned());
    let overrides = Overrides {
        mode: None,
        listen: text(""),
        admin_listen: text("9090"),
        ext_proc_listen: None,
        public_host: text("http://mcp"),
        log_level: text("loud"),
        log_format: text("xml"),
    };
    let problems = load("listen: there", &source, &overrides).unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "MCP_GATEWAY_MODE",
            "--public-host",
            "listen",
            "--listen",
            "--admin-listen",
            "MCP_GATEWAY_EXT_PROC_LISTEN",
            "--log-level",
            "--log-format",
        ]
    );
}

#[test]
fn log_levels_of_the_reference_gateway_are_understood() {
    for (text, expect) in [
        ("-4", LogLevel::Debug),
        ("0", LogLevel::Info),
        ("3", LogLevel::Info),
        ("4", LogLevel::Warn),
        ("8", LogLevel::Error),
        ("trace", LogLevel::Trace),
    ] {
        let overrides = Overrides { log_level: Some(text.to_owned()), ..Overrides::default() };
        let loaded = load("", &FakeSource::new(SecretMode::Resolve), &overrides).unwrap();
        assert_eq!(loaded.config.log.level, expect, "{text}");
    }
}

#[test]
fn every_setting_of_telemetry_arrives() {
    let telemetry = config_of(
        "
telemetry:
  trust: {listen: link, extProcListen: restart}
  baggage: [tenant.id]
  traceResponse: true
  serverTiming: true
  sampling:
    rules:
      - {method: ping, ratio: 0}
      - {server: demo/weather, tool: weather_*, ratio: 0.25}
    keepErrors: false
    keepSlowerThan: never
    keepUnsampledErrors: always
    forceFrom: [10.0.0.0/8, 192.0.2.1]
    callerSampledPerSecondMax: 7
  audit: {enabled: false}
  metrics: {enabled: false, seriesMax: 10}
  capture:
    tools:
      - {name: weather_*, arguments: value, result: hash}
      - {name: calc_add}
    bytesMax: 1KiB
    redact: {paths: ['$.user.password', $..token], patterns: ['\\d{16}']}
",
    )
    .telemetry;
    assert_eq!(telemetry.trust.listen, TrustMode::Link);
    assert_eq!(telemetry.trust.ext_proc_listen, TrustMode::Restart);
    assert_eq!(telemetry.baggage, ["tenant.id"]);
    assert!(telemetry.trace_response && telemetry.server_timing);
    let sampling = telemetry.sampling;
    let [ping, weather] = sampling.rules.as_slice() else { panic!("{:?}", sampling.rules) };
    assert_eq!((ping.method.as_deref(), ping.ratio), (Some("ping"), 0.0));
    assert_eq!(
        (weather.server.as_deref(), weather.tool.as_deref()),
        (Some("demo/weather"), Some("weather_*"))
    );
    assert_eq!((weather.method.as_deref(), weather.ratio), (None, 0.25));
    assert!(!sampling.keep_errors);
    assert_eq!(sampling.keep_slower_than, None);
    assert_eq!(sampling.keep_unsampled_errors, KeepUnsampledErrors::Always);
    let networks: Vec<_> = sampling.force_from.iter().map(ToString::to_string).collect();
    assert_eq!(networks, ["10.0.0.0/8", "192.0.2.1/32"]);
    assert_eq!(sampling.caller_sampled_per_second_max, 7);
    assert!(!telemetry.audit.enabled);
    assert!(!telemetry.metrics.enabled);
    assert_eq!(telemetry.metrics.series_max, 10);
    let capture = telemetry.capture;
    let [weather, add] = capture.tools.as_slice() else { panic!("{:?}", capture.tools) };
    assert_eq!((weather.arguments, weather.result), (CaptureMode::Value, CaptureMode::Hash));
    assert_eq!((add.arguments, add.result), (CaptureMode::Off, CaptureMode::Off));
    assert_eq!(capture.bytes_max, 1024);
    let paths: Vec<_> = capture.redact_paths.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["$.user.password", "$..token"]);
    assert!(capture.redact_patterns[0].expression().is_match("1234567812345678"));
}

#[test]
fn every_mistake_in_telemetry_is_told_with_its_path() {
    let problems = problems_of(load_plain(
        "
telemetry:
  trust: {listen: never}
  baggage: ['a b']
  sampling:
    rules: [{method: ping}, {ratio: 1.5}, {ratio: high}]
    keepSlowerThan: 0s
    forceFrom: [everyone]
  metrics: {seriesMax: 0}
  capture:
    tools: [{arguments: all}]
    bytesMax: 1GiB
    redact: {paths: [user.password], patterns: ['(']}
  auditing: {}
",
    ));
    let paths: Vec<&str> = problems.iter().filter_map(|it| it.split(": ").next()).collect();
    let expect = [
        "telemetry.auditing",
        "telemetry.trust.listen",
        "telemetry.baggage[0]",
        "telemetry.metrics.seriesMax",
        "telemetry.sampling.forceFrom[0]",
        "telemetry.sampling.keepSlowerThan",
        "telemetry.sampling.rules[0].ratio",
        "telemetry.sampling.rules[1].ratio",
        "telemetry.sampling.rules[2].ratio",
        "telemetry.capture.bytesMax",
        "telemetry.capture.redact.paths[0]",
        "telemetry.capture.redact.patterns[0]",
        "telemetry.capture.tools[0].arguments",
        "telemetry.capture.tools[0].name",
    ];
    for path in expect {
        assert!(paths.contains(&path), "{path} is not in {problems:#?}");
    }
    assert_eq!(problems.len(), expect.len(), "{problems:#?}");
}

#[test]
fn baggage_has_room_beside_what_the_gateway_says() {
    let listed = |count: usize| {
        let keys: Vec<String> = (0..count).map(|at| format!("k{at}")).collect();
        load_plain(&format!("\ntelemetry: {{ baggage: [{}] }}\n", keys.join(", ")))
    };
    assert!(listed(32).is_ok());
    let problems = problems_of(listed(33));
    assert_eq!(problems, ["telemetry.baggage: has 33 keys; 32 are the most"]);
}
