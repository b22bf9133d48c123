//! The program as people meet it: help, exit codes, and what is printed where.

use crate::support::gateway;
use crate::support::program::Finished;
use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;

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

/// A file of envoy mode, complete but for its signing key.
const ENVOY_MODE: &str = "\
mode: envoy
publicHost: mcp.example.com
envoyAddress: http://127.0.0.1:8888
servers:
  - name: demo/weather
    url: http://127.0.0.1:9101/mcp
    hostname: weather.mcp.local
    prefix: weather_
";

#[tokio::test]
async fn check_lists_every_problem_with_its_path() {
    let checked = with_file(FIVE_MISTAKES, &["check"], &[]).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let lines = problem_lines(&checked.stdout);
    assert_eq!(lines.len(), 5, "{lines:?}");
    for path in FIVE_PATHS {
        let is_told = lines.iter().any(|line| line.starts_with(&format!("{path}: ")));
        assert!(is_told, "no problem at {path} in {lines:?}");
    }
}

#[tokio::test]
async fn check_needs_no_secret_and_warns_of_keys_without_effect() {
    let checked = with_file(USABLE, &["check"], &[]).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let text = &checked.stdout;
    assert!(text.contains("is usable: standalone mode, 1 server\n"), "{text}");
    assert!(text.contains("demo/weather  http://127.0.0.1:9101/mcp  prefix weather_"), "{text}");
    assert!(text.contains("1 warning\n  servers[0].hint: "), "{text}");
}

#[tokio::test]
async fn check_warns_of_an_environment_in_which_serve_would_not_start() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector")];
    let checked = with_file("servers: []", &["check"], &environment).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let text = &checked.stdout;
    assert!(text.contains("1 warning\n  OTEL_EXPORTER_OTLP_ENDPOINT: "), "{text}");
}

#[tokio::test]
async fn flags_and_variables_are_checked_with_the_file() {
    let environment = [("MCP_GATEWAY_LISTEN", "nowhere"), ("MCP_GATEWAY_MODE", "unused")];
    let checked = with_file(USABLE, &["check", "--mode", "x"], &environment).await;
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let lines = problem_lines(&checked.stdout);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("--mode: "), "{lines:?}");
    assert!(lines[1].starts_with("MCP_GATEWAY_LISTEN: "), "{lines:?}");
}

#[tokio::test]
async fn serve_lists_the_problems_of_file_and_environment_together() {
    let environment = [("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector")];
    let served = with_file(FIVE_MISTAKES, &["serve"], &environment).await;
    assert_eq!((served.code, served.stdout.as_str()), (Some(1), ""), "{served:?}");
    let lines = problem_lines(&served.stderr);
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[5].starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: "), "{lines:?}");
}

#[tokio::test]
async fn file_that_is_not_there_is_a_problem_with_a_path() {
    for command in ["check", "serve", "envoy-config"] {
        let done = run(&[command, "--config", "/nosuch/gateway.yaml"]).await;
        assert_eq!(done.code, Some(1), "{command}: {done:?}");
        let all = done.stdout + &done.stderr;
        assert!(
            all.contains("--config: the file cannot be read: it does not exist"),
            "{command}: {all}"
        );
    }
}

#[tokio::test]
async fn output_is_plain_when_it_is_not_a_terminal() {
    for command in ["check", "serve"] {
        let done = with_file(FIVE_MISTAKES, &[command], &[]).await;
        let all = done.stdout + &done.stderr;
        assert!(!all.contains('\x1b'), "{command}: {all}");
    }
}

#[tokio::test]
async fn envoy_config_prints_yaml_for_envoy_mode_only() {
    let refused = with_file(USABLE, &["envoy-config"], &[]).await;
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    assert!(refused.stderr.starts_with("error: mode is standalone"), "{refused:?}");

    let printed = with_file(ENVOY_MODE, &["envoy-config"], &[]).await;
    assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""), "{printed:?}");
    let bootstrap: serde_yaml_ng::Value = serde_yaml_ng::from_str(&printed.stdout).unwrap();
    assert!(bootstrap.get("static_resources").is_some(), "{}", printed.stdout);
    assert!(bootstrap.get("admin").is_none(), "{}", printed.stdout);

    let arguments = ["envoy-config", "--envoy-admin", "127.0.0.1:9901"];
    let printed = with_file(ENVOY_MODE, &arguments, &[]).await;
    let bootstrap: serde_yaml_ng::Value = serde_yaml_ng::from_str(&printed.stdout).unwrap();
    assert!(bootstrap.get("admin").is_some(), "{}", printed.stdout);
    let buffered =
        with_file(ENVOY_MODE, &["envoy-config", "--request-body", "buffered"], &[]).await;
    assert!(!printed.stdout.contains("BUFFERED"), "{}", printed.stdout);
    assert!(buffered.stdout.contains("request_body_mode: BUFFERED\n"), "{}", buffered.stdout);
}

#[tokio::test]
async fn wrong_command_line_is_exit_code_two() {
    for arguments in [vec![], vec!["serve"], vec!["nosuch"], vec!["demo", "--log-level", "loud"]] {
        let done = run(&arguments).await;
        assert_eq!(done.code, Some(2), "{arguments:?}: {done:?}");
        assert!(done.stderr.contains("--help"), "{arguments:?}: {done:?}");
    }
}

#[tokio::test]
async fn help_names_every_command_and_says_what_each_does() {
    let help = run(&["--help"]).await.stdout;
    for command in ["demo", "serve", "check", "doctor", "envoy-config"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let own = run(&[command, "--help"]).await;
        assert_eq!(own.code, Some(0), "{own:?}");
        assert!(own.stdout.contains(&format!("Usage: mcp-gateway {command} ")), "{own:?}");
    }
    let serve = run(&["serve", "--help"]).await.stdout;
    for flag in ["--config", "--listen", "--admin-listen", "--ext-proc-listen", "--public-host"] {
        assert!(serve.contains(&format!("{flag} <")), "{serve}");
    }
    assert!(serve.contains("[env: MCP_GATEWAY_CONFIG]"), "{serve}");
}

#[tokio::test]
async fn version_tells_the_build() {
    let version = run(&["--version"]).await.stdout;
    let expected = format!("mcp-gateway {} (revision ", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(&expected) && version.contains(", rust 1."), "{version}");
}

async fn run(arguments: &[&str]) -> Finished {
    gateway::run(arguments, &[], PATIENCE).await
}

/// Runs a command with a configuration file of this text.
async fn with_file(text: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let folder = Scratch::new("cli");
    let file = folder.write("gateway.yaml", text).display().to_string();
    let all: Vec<&str> = arguments.iter().copied().chain(["--config", &file]).collect();
    gateway::run(&all, environment, PATIENCE).await
}

/// The lines of a report that are problems, without their indentation.
fn problem_lines(report: &str) -> Vec<String> {
    report.lines().filter_map(|line| line.strip_prefix("  ")).map(str::to_owned).collect()
}
