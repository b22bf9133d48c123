//! Files that are wrong: each mistake is one problem, and all of them are reported.

use proptest::prelude::{any, proptest};

use mcp_gateway_core::config::{Kind, keys};

use super::{check, load_plain, problems_of};

#[test]
fn five_mistakes_give_five_problems_with_their_paths() {
    check(
        "
mode: standalone
lisen: 127.0.0.1:8080
adminListen: localhost:9090
servers:
  - name: demo/weather
    url: ftp://127.0.0.1/mcp
    prefix: weather_
  - name: demo/weather
    url: http://127.0.0.1:9102/mcp
    prefix: time_
limits:
  bodyBytesMax: 0
",
        &[
            "lisen: is not a known key; did you mean `listen`?",
            "adminListen: must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080",
            "servers[0].url: must begin with http:// or https://",
            "servers[1].name: is \"demo/weather\", as is servers[0].name",
            "limits.bodyBytesMax: must be from 1KiB to 1GiB",
        ],
    );
}

#[test]
fn text_that_is_no_yaml_is_one_problem_with_its_place() {
    check(
        "servers: [1, 2\nmode: x\n",
        &[
            "line 2, column 5: did not find expected ',' or ']', while parsing a flow sequence at line 1 column 10",
        ],
    );
    check(
        "mode: 'x",
        &[
            "line 1, column 9: found unexpected end of stream, while scanning a quoted scalar at line 1 column 7",
        ],
    );
    check(
        "servers:\n\t- name: a\n",
        &[
            "line 2, column 1: found character that cannot start any token, while scanning for the next token: indent with spaces, not with tabs",
        ],
    );
    check("a: *nowhere", &["line 1, column 4: unknown anchor"]);
    check(
        "mode: envoy\n---\nmode: envoy\n",
        &["deserializing from YAML containing more than one document is not supported"],
    );
}

#[test]
fn a_file_that_is_no_mapping_is_refused() {
    check("- a\n- b\n", &["must be a mapping, not a list"]);
    check("just text", &["must be a mapping, not text"]);
    check("!gateway {}", &["must be a mapping, not a tagged value"]);
}

#[test]
fn unknown_keys_are_refused_with_what_was_probably_meant() {
    check(
        "Servers: []\nlog: {colour: red}\nlimits: {sessionTTL: 1h}\ntelemetry: {trace: 1}\n",
        &[
            "Servers: is not a known key; did you mean `servers`?",
            "limits.sessionTTL: is not a known key; did you mean `sessionTtl`?",
            "log.colour: is not a known key; those here are level, format",
            "telemetry.trace: is not a known key; those here are trust, baggage, traceResponse, serverTiming, \
             sampling, audit, metrics, capture",
        ],
    );
    check(
        "1: a\ntrue: b\nnull: c\n? [x]\n: d\n",
        &[
            "1: is not a known key",
            "true: is not a known key",
            "null: is not a known key",
            "\"(a key that is no text)\": is not a known key",
        ],
    );
    check(
        "\"a b\\n\": 1\n<<: {mode: envoy}\n",
        &[
            "\"a b\\n\": is not a known key",
            "\"<<\": merge keys are not supported: write the keys out",
        ],
    );
    let long = "k".repeat(1_000);
    check(&format!("{long}: 1"), &[&format!("{}…: is not a known key", "k".repeat(40))]);
}

#[test]
fn a_number_is_told_what_it_should_be_when_quotes_would_not_help() {
    let expect = "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080";
    check(
        "listen: 8080\nadminListen: '9090'\nvirtualServers: [{name: 7}]\n",
        &[
            &format!("listen: {expect}"),
            &format!("adminListen: {expect}"),
            "virtualServers[0].name: must be text, not a number: put it in quotes",
        ],
    );
}

#[test]
fn a_key_that_appears_twice_is_refused() {
    check(
        "mode: standalone\nmode: standalone\nservers: [{name: a, name: b, url: 'http://h/'}]\n",
        &["mode: appears twice", "servers[0].name: appears twice"],
    );
}

#[test]
fn every_key_refuses_a_value_of_another_kind() {
    for key in keys() {
        let value = match key.kind {
            Kind::Text(_) | Kind::Size | Kind::Secret | Kind::Pem => "[1]",
            Kind::Flag | Kind::Count | Kind::Section | Kind::SectionList => "some",
            Kind::TextList(_) => "{a: 1}",
            Kind::Duration => "7",
        };
        let mut yaml = value.to_owned();
        for name in key.path.rsplit('.') {
            yaml = match name.strip_suffix("[]") {
                Some(name) => format!("{{{name}: [{yaml}]}}"),
                None => format!("{{{name}: {yaml}}}"),
            };
        }
        let path = key.path.replace("[]", "[0]");
        let problems = load_plain(&yaml).expect_err(&yaml);
        assert!(problems.iter().any(|problem| problem.path == path), "{yaml}: {problems:?}");
    }
}

#[test]
fn servers_need_a_name_and_a_url() {
    check(
        "servers: [{}, null, 7]",
        &[
            "servers[2]: must be a mapping, not a number",
            "servers[0].name: is missing",
            "servers[0].url: is missing",
            "servers[1].name: is missing",
            "servers[1].url: is missing",
            "servers[2].name: is missing",
            "servers[2].url: is missing",
        ],
    );
    check(
        "servers: [{name: 7, url: ''}]",
        &[
            "servers[0].name: must be text, not a number: put it in quotes",
            "servers[0].url: is missing",
        ],
    );
}

#[test]
fn names_and_prefixes_have_few_characters() {
    let name = "servers[0].name: must be letters, digits and the characters `._-/`, 317 at most";
    for text in ["a b", "a,b", "ä", "a\\nb"] {
        check(&format!("servers: [{{name: \"{text}\", url: 'http://h/'}}]"), &[name]);
    }
    check(
        "servers: [{name: mcpBroker, url: 'http://h/'}]",
        &["servers[0].name: must not be \"mcpBroker\", which names the gateway itself"],
    );
    let prefix = "servers[0].prefix: must be letters, digits and the characters `_.-`, 64 at most";
    for text in ["a/", "a b", "ä", &"p".repeat(65)] {
        check(&format!("servers: [{{name: a, url: 'http://h/', prefix: \"{text}\"}}]"), &[prefix]);
    }
    check("servers: [{name: a, url: 'http://h/', prefix: 'A.b-c_'}]", &[]);
}

#[test]
fn two_servers_cannot_share_a_prefix() {
    let servers = |first: &str, second: &str| {
        format!(
            "servers:\n  - {{name: a, url: 'http://a/', {first}}}\n  - {{name: b, url: 'http://b/', {second}}}\n"
        )
    };
    check(
        &servers("prefix: x_", "prefix: x_"),
        &["servers[1].prefix: is \"x_\", as is servers[0].prefix"],
    );
    check(&servers("prefix: x_", "prefix: x"), &[]);
    check(&servers("prefix: ''", "hostname: b.local"), &[]);
    check(&servers("prefix: x_", "prefix: x_, state: Disabled"), &[]);
}

#[test]
fn virtual_servers_have_distinct_names_and_any_tools() {
    check(
        "
virtualServers:
  - {name: team/a, tools: [weather_now, 'no such tool at all']}
  - {name: team/a, tools: ['', 7]}
  - {tools: []}
",
        &[
            "virtualServers[2].name: is missing",
            "virtualServers[1].name: is \"team/a\", as is virtualServers[0].name",
            "virtualServers[1].tools[0]: must not be empty",
            "virtualServers[1].tools[1]: must be text, not a number: put it in quotes",
        ],
    );
}

#[test]
fn lists_of_addresses_are_checked_item_by_item() {
    check(
        "
allowedHosts: [mcp.example.com, 'http://x']
allowedOrigins: ['https://app.example.com', app.example.com]
trustedProxies: [10.0.0.0/8, 10.0.0.0/40]
",
        &[
            "allowedHosts[1]: must be a host, or host:port, without scheme and path",
            "allowedOrigins[1]: must be an origin: scheme://host or scheme://host:port, nothing after it",
            "trustedProxies[1]: must be an IP address or a network, such as 10.0.0.0/8",
        ],
    );
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let problems = problems_of(load_plain("servers: [{name: a, url: 'http://u:hunter2@h/mcp'}]"));
    assert_eq!(
        problems,
        ["servers[0].url: must not hold a user name or password; use `credential`"]
    );
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_problems(text in any::<String>()) {
        if let Err(problems) = load_plain(&text) {
            assert!(!problems.is_empty());
        }
    }

    #[test]
    fn any_value_anywhere_is_a_configuration_or_problems(
        index in any::<proptest::sample::Index>(),
        value in r#"(\[|\{|"|'|&a |\*a|!t |[a-z0-9:/. $\-\{\}])*"#,
    ) {
        let keys = keys();
        let path = keys[index.index(keys.len())].path;
        let mut yaml = value;
        for name in path.rsplit('.') {
            yaml = match name.strip_suffix("[]") {
                Some(name) => format!("{{{name}: [{yaml}]}}"),
                None => format!("{{{name}: {yaml}}}"),
            };
        }
        if let Err(problems) = load_plain(&yaml) {
            assert!(!problems.is_empty());
        }
    }
}
