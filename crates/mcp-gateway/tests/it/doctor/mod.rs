//! `mcp-gateway doctor`: in each broken set-up it says where it died, and in a good one that all is well.

mod envoy;
mod receiver;
mod server;
mod signals;

use crate::support::gateway;
use crate::support::program::Finished;
use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;

/// What `doctor` said of one thing.
struct Said {
    /// The first line: what it is, how it is, where it is.
    head: String,
    /// The other lines, joined.
    text: String,
}

/// Runs `doctor` with this environment; with a configuration file when there is one.
async fn doctor(environment: &[(&str, &str)], config: Option<&str>) -> Finished {
    let folder = Scratch::new("doctor");
    let file = config.map(|text| folder.write("gateway.yaml", text).display().to_string());
    let mut arguments = vec!["doctor"];
    if let Some(file) = &file {
        arguments.extend(["--config", file]);
    }
    gateway::run(&arguments, environment, PATIENCE).await
}

/// Finds what a report says of one thing.
fn said(report: &Finished, subject: &str) -> Said {
    let is_head = |line: &str| {
        let line = line.strip_prefix("  ").filter(|line| !line.starts_with(' '));
        line.and_then(|line| line.split_once(' ')).is_some_and(|(first, _)| first == subject)
    };
    let mut lines = report.stdout.lines().skip_while(|line| !is_head(line));
    let head = lines.next().unwrap_or_else(|| panic!("nothing of {subject}: {report:?}"));
    let rest = lines.take_while(|line| line.starts_with("      "));
    let text: Vec<&str> = rest.map(str::trim).collect();
    Said { head: head.to_owned(), text: text.join(" ") }
}

/// Asserts that something died at `step`, for a reason with these words.
fn died(report: &Finished, subject: &str, step: &str, words: &[&str]) {
    let Said { head, text } = said(report, subject);
    assert_eq!(report.code, Some(1), "{report:?}");
    assert!(format!("{head} ").contains(" failed "), "{head}\n{text}");
    assert!(text.starts_with(&format!("Died at: {step}. ")), "{head}\n{text}");
    assert!(text.contains("What to do: "), "{head}\n{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {head}\n{text}");
    }
}

/// Asserts that something works, and is told with these words.
fn works(report: &Finished, subject: &str, words: &[&str]) {
    let Said { head, text } = said(report, subject);
    assert!(head.contains(" works "), "{head}\n{text}");
    for word in words {
        assert!(text.contains(word), "no {word:?} in {head}\n{text}");
    }
}
