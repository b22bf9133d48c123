//! The guide to debugging, done as it says: its server, its configuration, its commands.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use tokio::net::TcpStream;
use tokio::task::spawn_blocking;

use super::path;
use crate::support::gateway::Gateway;
use crate::support::port::{Port, closed};
use crate::support::program::Program;
use crate::support::scratch::Scratch;
use crate::support::wait::{PATIENCE, until};

/// One row of the guide's table: the call, what the client reads, `error.type`, `error_source`.
type Row = [String; 4];

#[tokio::test]
async fn the_guide_to_debugging_shows_what_happens() {
    let guide = guide();
    let server = Port::take().release();
    let script = path("broken_server.py").display().to_string();
    let arguments = [script, server.port().to_string()];
    let mut broken = Program::start("broken", Path::new("/usr/bin/env"), &python(&arguments), &[]);
    broken.ready(PATIENCE, async || TcpStream::connect(server).await.ok().map(drop)).await;

    let config = block(&guide, "yaml", "servers:")
        .replace("127.0.0.1:3001", &server.to_string())
        .replace("127.0.0.1:3002", &closed().to_string());
    let environment = [("OTEL_TRACES_EXPORTER", "console"), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let mut gateway = Gateway::start(&config, &["--log-format", "json"], &environment).await;
    gateway.until_ready().await;

    let functions =
        block(&guide, "sh", "mcp() {").replace("127.0.0.1:8080", &gateway.listen().to_string());
    let rows = rows(&guide);
    assert_eq!(rows.len(), 8);
    let answers = calls(&functions, &rows).await;
    let folder = Scratch::new("guide");
    for [call, read, error, source] in &rows {
        let (answer, trace) = &answers[call];
        assert!(answer.contains(read.as_str()), "{call}: {answer}");
        let shown = format!("call {call}\n```\n\n```json\n{answer}\n```\n");
        assert!(!guide.contains(&format!("call {call}\n")) || guide.contains(&shown), "{shown}");
        let tree = tree(&gateway, &folder, trace).await;
        check_tree(&guide, call, &tree, (error, source));
    }
}

/// Compares the drawn trace with the guide's, where it has one, without the times.
fn check_tree(guide: &str, call: &str, tree: &str, (error, source): (&str, &str)) {
    let root = tree.lines().next().unwrap();
    assert_eq!(root.contains("error.type="), !error.is_empty(), "{call}:\n{tree}");
    if error.is_empty() {
        return;
    }
    assert!(
        root.contains(&format!("error.type={error} error_source={source} ")),
        "{call}:\n{tree}"
    );
    let drawn = |line: &&str| line.contains(" ms ") && line.contains("mcp-router.process");
    let shown = guide
        .lines()
        .skip_while(|line| !(drawn(line) && line.contains(&format!("gen_ai.tool.name={call} "))));
    let shown: Vec<&str> = shown.take_while(|line| *line != "```").map(untimed).collect();
    if !shown.is_empty() {
        let real: Vec<&str> = tree.lines().map(untimed).collect();
        // The session with the server is opened by the first call only, and any call may be that.
        let lasting = |lines: Vec<&str>| -> Vec<String> {
            let opening = ["session-init", "session-cache.store"];
            lines
                .into_iter()
                .filter(|line| !opening.iter().any(|span| line.contains(span)))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(lasting(real), lasting(shown), "{call}");
    }
}

fn untimed(line: &str) -> &str {
    line.split_once(" ms ").map_or(line, |(_, rest)| rest)
}

/// Makes the calls with the guide's own functions, in one shell. Returns answer and trace id of each.
async fn calls(functions: &str, rows: &[Row]) -> BTreeMap<String, (String, String)> {
    let folder = Scratch::new("guide-shell");
    let mut script = functions.to_owned();
    for [call, ..] in rows {
        write!(script, "\ncall {call} > answer; echo \"{call}|$TRACE|$(cat answer)\"").unwrap();
    }
    let place = folder.folder().to_owned();
    let run = move || Command::new("bash").args(["-eu", "-c", &script]).current_dir(place).output();
    let output = spawn_blocking(run).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text.lines()
        .map(|line| {
            let parts: Vec<&str> = line.splitn(3, '|').collect();
            (parts[0].to_owned(), (parts[2].to_owned(), parts[1].to_owned()))
        })
        .collect()
}

/// Draws a trace with the guide's program, as soon as its root has been printed.
async fn tree(gateway: &Gateway, folder: &Scratch, trace: &str) -> String {
    until(&format!("trace {trace} is drawn"), PATIENCE, async || {
        let log = folder.write("gateway.log", &gateway.log());
        let program = path("tree.py").display().to_string();
        let arguments = ["python3", &program, trace].map(str::to_owned);
        let mut command = Command::new(&arguments[0]);
        command.args(&arguments[1..]).stdin(std::fs::File::open(log).unwrap());
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.contains("mcp-router.process").then_some(text)
    })
    .await
}

fn python(arguments: &[String]) -> Vec<String> {
    [&["python3".to_owned()], arguments].concat()
}

fn guide() -> String {
    std::fs::read_to_string(path("../../docs/guides/debugging-with-traces.md")).unwrap()
}

/// Returns the block of this language that begins like this.
fn block(guide: &str, language: &str, begin: &str) -> String {
    let start = format!("```{language}\n{begin}");
    let (_, rest) = guide.split_once(&start).unwrap_or_else(|| panic!("no {start}"));
    format!("{begin}{}", rest.split("\n```").next().unwrap())
}

fn rows(guide: &str) -> Vec<Row> {
    let table = guide.lines().skip_while(|line| !line.starts_with("| call |")).skip(2);
    table
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells = line.split('|').skip(1).take(4);
            let cells: Vec<String> =
                cells.map(|cell| cell.trim().trim_matches('`').to_owned()).collect();
            cells.try_into().unwrap()
        })
        .collect()
}
