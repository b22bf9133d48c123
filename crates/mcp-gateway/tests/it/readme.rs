//! What the README and the first guide tell people to write and to run.

use std::path::Path;

use crate::support::gateway;
use crate::support::scratch::Scratch;
use crate::support::wait::PATIENCE;

const DOCUMENTS: [&str; 2] = ["README.md", "docs/guides/quickstart.md"];

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
    for document in DOCUMENTS {
        let path = root().join(document);
        let text = read(document);
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

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn read(document: &str) -> String {
    std::fs::read_to_string(root().join(document)).unwrap()
}
