//! Values that stand elsewhere, and keys that sign.

use mcp_gateway_core::config::{Loaded, Overrides, Problem, SecretMode, load};

use super::{FakeSource, problems_of};

const AUTHORITY: &str = include_str!("../../fixtures/authority.pem");
const KEY: &str = "0123456789abcdef0123456789abcdef";

fn source() -> FakeSource {
    FakeSource::new(SecretMode::Resolve)
        .env("TOKEN", "s3cret")
        .env("EMPTY", "")
        .env("LINES", "a\nb")
        .file("/run/token", "from-file\n")
        .file("/run/crlf", "from-file\r\n")
        .file("/run/empty", "\n")
        .file("/run/ca.pem", AUTHORITY)
        .file("/run/bad.pem", "hello")
}

/// Loads one server with the line `what`.
fn load_server(what: &str, source: &FakeSource) -> Result<Loaded, Vec<Problem>> {
    let yaml = format!("servers:\n  - name: a\n    url: http://a/\n    {what}\n");
    load(&yaml, source, &Overrides::default())
}

#[test]
fn credentials_are_put_together_from_the_environment_and_files() {
    let check = |written: &str, expect: &str| {
        let loaded = load_server(&format!("credential: {written}"), &source()).expect(written);
        let credential = loaded.config.servers[0].credential.clone().expect(written);
        assert_eq!(credential.expose(), expect, "{written}");
        assert!(!format!("{loaded:?}").contains(expect), "{written} shows in debug output");
    };
    check("Bearer plain", "Bearer plain");
    check("${TOKEN}", "s3cret");
    check("Bearer ${TOKEN}", "Bearer s3cret");
    check("a $${TOKEN}", "a ${TOKEN}");
    check("{file: /run/token}", "from-file");
    check("{file: /run/crlf}", "from-file");
}

#[test]
fn references_that_lead_nowhere_are_problems() {
    let check = |written: &str, expect: &[&str]| {
        let problems = problems_of(load_server(&format!("credential: {written}"), &source()));
        assert_eq!(problems, expect, "{written}");
    };
    let path = "servers[0].credential";
    check(
        "${NOPE} ${EMPTY}",
        &[
            &format!("{path}: needs the variable `NOPE`, which is not set"),
            &format!("{path}: needs the variable `EMPTY`, which is not set"),
        ],
    );
    check("{file: /nope}", &[&format!("{path}: cannot be read from \"/nope\": no such file")]);
    check("{file: /run/empty}", &[&format!("{path}: names a file that is empty")]);
    let form = format!("{path}: must be text, or a mapping with the one key `file` and a path");
    for written in ["{}", "{flie: /run/token}", "{file: 7}", "{file: ''}", "{file: a, env: b}"] {
        check(written, &[&form]);
    }
    check(
        "'${'",
        &[&format!(
            "{path}: has a `${{` without a variable name and `}}`; write `$${{` for the characters themselves"
        )],
    );
    check(
        "${LINES}",
        &[&format!("{path}: must be one line of visible characters, as an HTTP header holds")],
    );
}

#[test]
fn certificates_are_checked_wherever_they_stand() {
    let loaded = load_server("caCert: {file: /run/ca.pem}", &source()).unwrap();
    let server = &loaded.config.servers[0];
    assert_eq!(server.ca_cert_pem.as_deref(), Some(AUTHORITY));
    assert_eq!(server.ca_cert_file.as_deref(), Some("/run/ca.pem".as_ref()));

    let indented = AUTHORITY.replace('\n', "\n      ");
    let loaded = load_server(&format!("caCert: |\n      {indented}"), &source()).unwrap();
    assert_eq!(
        loaded.config.servers[0].ca_cert_pem.as_deref().map(str::trim),
        Some(AUTHORITY.trim())
    );
    assert_eq!(loaded.config.servers[0].ca_cert_file, None);

    let no_pem = "servers[0].caCert: must be PEM: there is no -----BEGIN CERTIFICATE----- in it";
    for written in ["caCert: hello", "caCert: {file: /run/bad.pem}"] {
        assert_eq!(problems_of(load_server(written, &source())), [no_pem], "{written}");
    }
    let outcome = load("gatewayCACertPEM: hello", &source(), &Overrides::default());
    assert_eq!(
        problems_of(outcome),
        ["gatewayCACertPEM: must be PEM: there is no -----BEGIN CERTIFICATE----- in it"]
    );
}

#[test]
fn skipped_secrets_stay_as_written_and_need_nothing() {
    let yaml = "
mode: envoy
publicHost: mcp.example.com
envoyAddress: http://127.0.0.1:8888
gatewayCACertPEM: {file: /nowhere/ca.pem}
signingKey: ${NOPE}
servers:
  - {name: a, url: 'http://a/', hostname: a.local, credential: 'Bearer ${NOPE}', caCert: {file: /nowhere/a.pem}}
  - {name: b, url: 'http://b/', hostname: b.local, credential: {file: /nowhere/b}}
";
    let source = FakeSource::new(SecretMode::Skip).env("GATEWAY_SIGNING_KEY", "short");
    let config = load(yaml, &source, &Overrides::default()).unwrap().config;
    let credential = |index: usize| config.servers[index].credential.clone().unwrap();
    assert_eq!(credential(0).expose(), "Bearer ${NOPE}");
    assert_eq!(credential(1).expose(), "{file: /nowhere/b}");
    assert_eq!(config.servers[0].ca_cert_pem, None);
    assert_eq!(config.servers[0].ca_cert_file.as_deref(), Some("/nowhere/a.pem".as_ref()));
    assert_eq!(config.gateway_ca_cert_file.as_deref(), Some("/nowhere/ca.pem".as_ref()));

    let broken = yaml
        .replace("Bearer ${NOPE}", "Bearer ${")
        .replace("signingKey: ${NOPE}", "signingKey: short");
    let problems = load(&broken, &source, &Overrides::default()).unwrap_err();
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(paths, ["servers[0].credential", "signingKey"]);
}

#[test]
fn the_signing_key_comes_from_the_first_place_that_has_one() {
    let check = |env: &[(&str, &str)], yaml: &str, expect: Result<Option<&str>, &[&str]>| {
        let mut source = FakeSource::new(SecretMode::Resolve);
        for (name, value) in env {
            source = source.env(name, value);
        }
        match (load(yaml, &source, &Overrides::default()), expect) {
            (Ok(loaded), Ok(expect)) => {
                let key = loaded.config.signing_key.as_ref().map(|key| key.expose().to_owned());
                assert_eq!(key.as_deref(), expect, "{env:?} {yaml:?}");
            }
            (outcome, expect) => {
                assert_eq!(problems_of(outcome), expect.unwrap_err(), "{env:?} {yaml:?}");
            }
        }
    };
    let other = &KEY.replace('0', "x");
    let in_file = &format!("signingKey: {other}");
    check(&[], "", Ok(None));
    check(&[], in_file, Ok(Some(other)));
    check(&[("GATEWAY_SIGNING_KEY", KEY)], in_file, Ok(Some(KEY)));
    check(&[("JWT_SESSION_SIGNING_KEY", KEY)], "", Ok(Some(KEY)));
    check(&[("GATEWAY_SIGNING_KEY", ""), ("JWT_SESSION_SIGNING_KEY", KEY)], "", Ok(Some(KEY)));
    check(&[("GATEWAY_SIGNING_KEY", KEY), ("JWT_SESSION_SIGNING_KEY", "s")], "", Ok(Some(KEY)));
    let short = "must have at least 32 bytes, but has 31";
    let gateway = format!("GATEWAY_SIGNING_KEY: {short}");
    check(&[("GATEWAY_SIGNING_KEY", &KEY[1..])], in_file, Err(&[&gateway]));
    let session = format!("JWT_SESSION_SIGNING_KEY: {short}");
    check(&[("JWT_SESSION_SIGNING_KEY", &KEY[1..])], "", Err(&[&session]));
    check(&[], "signingKey: short", Err(&["signingKey: must have at least 32 bytes, but has 5"]));
}

#[test]
fn no_problem_repeats_a_secret() {
    let yaml = "
signingKey: hunter2
servers:
  - {name: a, url: 'http://u:hunter2@h/', credential: \"hunter2\\n\", caCert: hunter2}
  - {name: b, url: 'http://h/', credential: [hunter2], auth: {token: [hunter2]}}
";
    let problems = problems_of(load(yaml, &source(), &Overrides::default()));
    assert_eq!(problems.len(), 6, "{problems:?}");
    assert!(!problems.concat().contains("hunter2"), "{problems:?}");
}
