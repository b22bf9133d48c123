//! Files that are too much, and limits that make no sense.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mcp_gateway_core::config::{FILE_BYTES_MAX, Kind, Limits, SERVERS_MAX, keys};

use super::{check, config_of, load_plain, problems_of};

/// How long a hostile file may take in a slow build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn check_refused_in_time(yaml: &str, expect_part: &str) {
    let start = Instant::now();
    let problems = problems_of(load_plain(yaml));
    assert!(start.elapsed() < PATIENCE, "took {:?}", start.elapsed());
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains(expect_part), "{problems:?}");
}

#[test]
fn a_file_beyond_the_bound_is_refused_unread() {
    let yaml = "#".repeat(FILE_BYTES_MAX + 1);
    check(&yaml, &["the file has 4194305 bytes; 4194304 are the most"]);
}

#[test]
fn aliases_cannot_multiply_values() {
    let items = "x, ".repeat(10_000);
    let yaml = format!("a: &a [{items}]\nb: [{}]\n", ["*a"; 100].join(", "));
    check_refused_in_time(&yaml, "more than 500000 values, aliases counted");

    let mut yaml = String::from("a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (name, last) in ('b'..='i').zip('a'..) {
        let items = vec![format!("*{last}"); 10].join(", ");
        writeln!(yaml, "{name}: &{name} [{items}]").unwrap();
    }
    check_refused_in_time(&yaml, "repetition limit exceeded");
}

#[test]
fn aliases_cannot_multiply_text() {
    let text = "x".repeat(FILE_BYTES_MAX / 4);
    let yaml = format!("a: &a {text}\nb: [{}]\n", ["*a"; 20].join(", "));
    check_refused_in_time(&yaml, "bytes of text, aliases counted");
}

#[test]
fn deep_values_are_refused_in_time() {
    check_refused_in_time(&"[".repeat(200), "recursion limit exceeded");
    check_refused_in_time(&"[".repeat(1_000_000), "more than 1000 brackets and braces");
    check_refused_in_time(&"a: {".repeat(1_000_000), "more than 1000 brackets and braces");
    check_refused_in_time(&"- ".repeat(1_000_000), "recursion limit exceeded");
}

#[test]
fn servers_are_counted() {
    let servers = |count: usize| {
        let mut yaml = String::from("servers:\n");
        for index in 0..count {
            writeln!(yaml, "- {{name: s{index}, url: 'http://h/', prefix: p{index}_}}").unwrap();
        }
        yaml
    };
    assert_eq!(config_of(&servers(SERVERS_MAX)).servers.len(), SERVERS_MAX);
    check(&servers(SERVERS_MAX + 1), &["servers: has 1001 items; 1000 are the most"]);
}

#[test]
fn problems_are_counted() {
    let problems = load_plain(&format!("servers: [{}]", "{},".repeat(900))).unwrap_err();
    assert_eq!(problems.len(), 201);
    assert_eq!(problems[200].message, "there are more; these come first");
}

#[test]
fn limits_refuse_what_makes_no_sense() {
    let limit = |key: &str, value: &str, expect: &str| {
        let yaml = format!("limits: {{{key}: {value}}}");
        let expect =
            if expect.is_empty() { vec![] } else { vec![format!("limits.{key}: {expect}")] };
        assert_eq!(problems_of(load_plain(&yaml)), expect, "{yaml}");
    };
    limit("bodyBytesMax", "1KiB", "");
    limit("bodyBytesMax", "1023", "must be from 1KiB to 1GiB");
    limit("bodyBytesMax", "2GiB", "must be from 1KiB to 1GiB");
    limit("bodyBytesMax", "-1", "must not be negative or beyond 64 bits");
    limit("bodyBytesMax", "1.5", "must be a size such as 5MiB, not a number");
    limit("bodyBytesMax", "99999999999999999999999", "must not be negative or beyond 64 bits");
    limit("sessionsMax", "1", "");
    limit("sessionsMax", "0", "must be from 1 to 10000000");
    limit("sessionsMax", "'10'", "must be a whole number, not text");
    limit("connectTimeout", "10ms", "");
    limit("connectTimeout", "0s", "must be from 10ms to 1h");
    limit("connectTimeout", "5", "must be a duration with a unit, such as 10s, not a number");
    limit("callIdleTimeout", "2d", "must be from 1s to 1d");
    limit("drainTimeout", "0s", "");
}

#[test]
fn default_limits_are_within_their_own_bounds() {
    let mut yaml = String::from("limits:\n");
    for key in keys().into_iter().filter(|key| key.path.starts_with("limits.")) {
        assert!(matches!(key.kind, Kind::Count | Kind::Size | Kind::Duration), "{key:?}");
        writeln!(yaml, "  {}: {}", &key.path["limits.".len()..], key.default).unwrap();
    }
    assert_eq!(config_of(&yaml).limits, Limits::default());
}
