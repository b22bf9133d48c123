//! Files and variables of the reference gateway: they load, and what has no effect says so.

use mcp_gateway_core::config::{Overrides, SecretMode, load};

use super::{FakeSource, check, load_plain};

/// A file with every key that the reference gateway knows.
const EVERY_KEY: &str = "
servers:
  - name: mcp-test/weather
    url: http://weather.mcp-test.svc.cluster.local:9090/mcp
    hostname: weather.mcp.local
    prefix: weather_
    state: Enabled
    enabled: true
    credential: Bearer abc
    caCert: ''
    tokenURLElicitation: {url: 'https://idp.example.com/token'}
    userSpecificList: true
    category: [climate]
    hint: Weather for any place.
    tags: [demo]
    guardrailsConfigIDs: [strict]
    auth: {type: bearer, token: t, username: u, password: p}
virtualServers:
  - name: mcp-test/team
    tools: [weather_now]
    prompts: [weather_report]
gatewayCACertPEM: ''
globalGuardrails: {url: 'http://guard', configIDs: [strict], model: m, failMode: deny}
";

#[test]
fn every_key_of_the_reference_gateway_loads_and_warns_when_it_has_no_effect() {
    let loaded = load_plain(EVERY_KEY).unwrap();
    assert_eq!(loaded.config.servers.len(), 1);
    assert_eq!(loaded.config.virtual_servers.len(), 1);
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let unused = "has no effect in this version";
    assert_eq!(
        warnings,
        [
            format!("globalGuardrails: {unused}"),
            format!("servers[0].tokenURLElicitation: {unused}"),
            format!("servers[0].userSpecificList: {unused}"),
            format!("servers[0].category: {unused}"),
            format!("servers[0].hint: {unused}"),
            format!("servers[0].tags: {unused}"),
            format!("servers[0].guardrailsConfigIDs: {unused}"),
            format!("servers[0].auth: {unused}"),
            "servers[0].enabled: has no effect: `state` says whether a server is used".to_owned(),
            format!("virtualServers[0].prompts: {unused}"),
        ]
    );
}

#[test]
fn keys_without_effect_that_say_nothing_are_silent() {
    let loaded = load_plain(
        "
servers:
  - {name: a, url: 'http://a/', state: '', credential: '', userSpecificList: false, category: [], hint: '', tags: null, auth: {}}
virtualServers: []
globalGuardrails:
",
    )
    .unwrap();
    assert_eq!(loaded.warnings, []);
    assert!(loaded.config.servers[0].enabled);
    assert_eq!(loaded.config.servers[0].credential, None);
}

#[test]
fn keys_without_effect_are_still_checked() {
    check(
        "globalGuardrails: {ur: x, configIDs: [1]}\nservers: [{name: a, url: 'http://a/', hint: 7, auth: {tokn: x}}]\n",
        &[
            "globalGuardrails.ur: is not a known key; did you mean `url`?",
            "globalGuardrails.configIDs: must hold text only",
            "servers[0].hint: must be text, not a number: put it in quotes",
            "servers[0].auth.tokn: is not a known key; did you mean `token`?",
        ],
    );
}

#[test]
fn a_server_that_is_a_program_is_left_out() {
    let loaded = load_plain(
        "
servers:
  - {name: files, command: [mcp-files, --root, /srv]}
  - {name: a, url: 'http://a/'}
",
    )
    .unwrap();
    let names: Vec<_> = loaded.config.servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["a"]);
    assert_eq!(
        loaded.warnings[0].to_string(),
        "servers[0].command: has no effect in this version, which starts no programs: the server is left out"
    );
    check(
        "servers: [{name: a, command: [x], url: 'http://a/'}]",
        &["servers[0].command: cannot stand beside `url`: a server has one of them"],
    );
}

#[test]
fn a_server_is_disabled_by_its_state_alone() {
    let state =
        |line: &str| load_plain(&format!("servers: [{{name: a, url: 'http://a/', {line}}}]"));
    assert!(state("state: Enabled").unwrap().config.servers[0].enabled);
    assert!(!state("state: Disabled").unwrap().config.servers[0].enabled);
    check(
        "servers: [{name: a, url: 'http://a/', state: disabled, enabled: false}]",
        &[
            "servers[0].enabled: is not how to disable a server; write `state: Disabled`",
            "servers[0].state: must be `Enabled` or `Disabled`",
        ],
    );
}

#[test]
fn variables_of_the_reference_gateway_without_effect_are_warned_of() {
    let source = FakeSource::new(SecretMode::Resolve)
        .env("CACHE_CONNECTION_STRING", "redis://:hunter2@redis")
        .env("OAUTH_RESOURCE", "");
    let loaded = load("", &source, &Overrides::default()).unwrap();
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["CACHE_CONNECTION_STRING: has no effect in this version"]);
}
