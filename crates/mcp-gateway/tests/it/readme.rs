//! What the documents tell people to write, to run and to look at.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::gateway;
use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;

const DOCUMENTS: [&str; 4] = [
    "README.md",
    "docs/guides/debugging-with-traces.md",
    "docs/guides/opentelemetry.md",
    "docs/guides/quickstart.md",
];
/// Where further documents are.
const PLACES: [&str; 7] = [
    ".",
    "docs/decisions",
    "docs/guides",
    "docs/reference",
    "examples/envoy",
    "examples/observability",
    "examples/standalone",
];

#[tokio::test]
async fn configurations_can_be_used() {
    for document in DOCUMENTS {
        let text = read(document);
        let blocks: Vec<&str> =
            text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
        assert!(!blocks.is_empty(), "{document} has no configuration");
        for block in blocks {
            let folder = Scratch::new("readme");
            let file = folder.write("gateway.yaml", block).display().to_string();
            let checked = gateway::run(&["check", "--config", &file], &[], PATIENCE).await;
            assert_eq!(checked.code, Some(0), "{document}: {checked:?}");
            assert!(!checked.stdout.contains("warning"), "{document}: {checked:?}");
        }
    }
}

#[tokio::test]
async fn commands_and_flags_exist() {
    for document in DOCUMENTS {
        for line in read(document).lines() {
            let Some((_, arguments)) = line.split_once("cargo run --release -- ") else { continue };
            let arguments: Vec<&str> = arguments.split_whitespace().collect();
            let command = *arguments.first().unwrap();
            let help = gateway::run(&[command, "--help"], &[], PATIENCE).await;
            assert_eq!(help.code, Some(0), "{document}: {line}");
            for flag in arguments.iter().filter(|argument| argument.starts_with("--")) {
                assert!(help.stdout.contains(flag), "{document}: {line}");
            }
        }
    }
    let serve = gateway::run(&["serve", "--help"], &[], PATIENCE).await.stdout;
    let serve = serve.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = read("README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| `--"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let (flag, variable) = (cells[1].trim_matches('`'), cells[2].trim_matches('`'));
        let (flag, _value) = flag.split_once(' ').unwrap();
        assert!(serve.contains(&format!("{flag} <")), "{row}");
        assert!(serve.contains(&format!("[env: {variable}]")), "{row}");
        count += 1;
    }
    assert_eq!(count, 8);
}

#[test]
fn links_lead_somewhere() {
    for path in all_documents() {
        let document = path.display();
        let text = fs::read_to_string(&path).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_elsewhere = target.contains("://");
            let file = target.split('#').next().unwrap();
            assert!(
                is_elsewhere || path.parent().unwrap().join(file).exists(),
                "{document}: {target}"
            );
        }
    }
}

/// Paths are those in backticks that begin like one; what a crate's row says is below that crate.
#[test]
fn paths_are_those_of_files() {
    let begin = ["crates/", "docs/", "examples/", "fuzz/", "scripts/"];
    let mut count = 0;
    for document in all_documents() {
        let text = fs::read_to_string(&document).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            if begin.iter().any(|begin| quoted.starts_with(begin)) {
                assert!(root().join(quoted).exists(), "{}: {quoted}", document.display());
                count += 1;
            }
        }
    }
    assert!(count > 20, "{count}");
}

#[test]
fn every_invariant_has_a_test() {
    let text = read("ARCHITECTURE.md");
    let (_, section) = text.split_once("## What must always hold").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let numbers: Vec<&str> = section
        .lines()
        .filter_map(|line| line.split_once(". "))
        .map(|(number, _)| number)
        .filter(|number| number.parse::<u32>().is_ok())
        .collect();
    assert!(numbers.len() >= 11, "{numbers:?}");
    let mut sources = String::new();
    read_sources(&root().join("crates"), &mut sources);
    for number in numbers {
        assert!(sources.contains(&format!("fn invariant_{number}_")), "invariant {number}");
    }
}

fn read_sources(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_sources(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

fn all_documents() -> Vec<PathBuf> {
    let documents: Vec<PathBuf> = PLACES
        .iter()
        .flat_map(|place| fs::read_dir(root().join(place)).unwrap().flatten())
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    assert!(documents.len() >= 12, "{documents:?}");
    documents
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap()
}
