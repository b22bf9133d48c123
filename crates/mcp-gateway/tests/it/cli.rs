//! The program as people meet it: help, exit codes, and what is printed where.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Five mistakes, each of another kind.
const FIVE_MISTAKES: &str = "\
colour: blue
listen: 127.0.0.1:99999
servers:
  - name: demo/weather
    url: ftp://127.0.0.1:9101/mcp
    prefix: weather_
  - name: demo/weather
    url: http://127.0.0.1:9102/mcp
    prefix: calc_
limits:
  bodyBytesMax: lots
";
const FIVE_PATHS: [&str; 5] =
    ["colour", "listen", "servers[0].url", "servers[1].name", "limits.bodyBytesMax"];

/// A file that can be used, with a secret that is not there and a key that has no effect.
const USABLE: &str = "\
servers:
  - name: demo/weather
    url: http://127.0.0.1:9101/mcp
    prefix: weather_
    credential: ${NO_SUCH_VARIABLE_ANYWHERE}
    hint: unused
";

#[test]
fn check_lists_every_problem_with_its_path() {
    let file = Scratch::new(FIVE_MISTAKES);
    let checked = run(&["check", "--config", file.path()]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let lines = problem_lines(&stdout(&checked));
    assert_eq!(lines.len(), 5, "{lines:?}");
    for path in FIVE_PATHS {
        let is_told = lines.iter().any(|line| line.starts_with(&format!("{path}: ")));
        assert!(is_told, "no problem at {path} in {lines:?}");
    }
}

#[test]
fn check_needs_no_secret_and_warns_of_keys_without_effect() {
    let file = Scratch::new(USABLE);
    let checked = run(&["check", "--config", file.path()]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let text = stdout(&checked);
    assert!(text.contains("is usable: standalone mode, 1 server\n"), "{text}");
    assert!(text.contains("demo/weather  http://127.0.0.1:9101/mcp  prefix weather_"), "{text}");
    assert!(text.contains("1 warning\n  servers[0].hint: "), "{text}");
}

#[test]
fn flags_are_checked_with_the_file() {
    let file = Scratch::new(USABLE);
    let checked = run(&["check", "--config", file.path(), "--listen", "nowhere", "--mode", "x"]);
    assert_eq!(checked.status.code(), Some(1), "{checked:?}");
    let lines = problem_lines(&stdout(&checked));
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("--mode: ") && lines[1].starts_with("--listen: "), "{lines:?}");
}

#[test]
fn file_that_is_not_there_is_a_problem_with_a_path() {
    for command in ["check", "serve", "envoy-config"] {
        let done = run(&[command, "--config", "/nosuch/gateway.yaml"]);
        assert_eq!(done.status.code(), Some(1), "{command}: {done:?}");
        let all = format!("{}{}", stdout(&done), stderr(&done));
        assert!(all.contains("--config: cannot read /nosuch/gateway.yaml"), "{command}: {all}");
    }
}

#[test]
fn output_is_plain_when_it_is_not_a_terminal() {
    let file = Scratch::new(FIVE_MISTAKES);
    for arguments in [["check", "--config", file.path()], ["serve", "--config", file.path()]] {
        let done = run(&arguments);
        let all = format!("{}{}", stdout(&done), stderr(&done));
        assert!(!all.contains('\x1b'), "{arguments:?}: {all}");
    }
}

#[test]
fn wrong_command_line_is_exit_code_two() {
    for arguments in [vec![], vec!["serve"], vec!["nosuch"], vec!["demo", "--nosuch"]] {
        let done = run(&arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {done:?}");
        assert!(stderr(&done).contains("Usage: "), "{arguments:?}: {done:?}");
    }
}

#[test]
fn help_names_every_command_and_every_flag_has_a_text() {
    let help = stdout(&run(&["--help"]));
    for command in ["demo", "serve", "check", "envoy-config"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let own = run(&[command, "-h"]);
        assert_eq!(own.status.code(), Some(0), "{own:?}");
        let own = stdout(&own);
        for line in own.lines().filter(|line| line.trim_start().starts_with("--")) {
            let has_text = line.trim_start().split_whitespace().count() > 2;
            let text_below = own.lines().skip_while(|other| *other != line).nth(1);
            assert!(has_text || text_below.is_some_and(|text| text.starts_with("      ")), "{own}");
        }
    }
}

#[test]
fn version_tells_the_build() {
    let version = stdout(&run(&["--version"]));
    let expected = format!("mcp-gateway {} (revision ", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(&expected) && version.contains(", rust 1."), "{version}");
}

/// Runs the program with nothing of the gateway's own settings in the environment.
fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-gateway"));
    for (name, _) in std::env::vars() {
        if ["MCP_GATEWAY_", "OTEL_", "GATEWAY_"].iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The lines of a report that are problems, without their indentation.
fn problem_lines(report: &str) -> Vec<String> {
    report.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
}

/// A configuration file that is removed at the end of its test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(text: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cli-{}-{number}.yaml", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_file(&self.0);
    }
}
