//! Every example is a folder with a README and a configuration that loads without problem or warning.
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

use mcp_gateway_core::config::{Mode, Overrides, SecretMode, Source, load};

/// A machine on which the secrets of the examples are set, and nothing else.
struct Machine(SecretMode);

impl Source for Machine {
    fn env(&self, name: &str) -> Option<String> {
        // A secret by its name, and none of those that the gateway asks for on its own.
        let is_secret = name.ends_with("_TOKEN") || name == "GATEWAY_SIGNING_KEY";
        is_secret.then(|| "0123456789abcdef0123456789abcdef".to_owned())
    }

    fn file(&self, path: &str) -> Result<String, String> {
        Err(format!("no example needs {path}"))
    }

    fn secrets(&self) -> SecretMode {
        self.0
    }
}

fn folders() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let entries = fs::read_dir(&examples).expect("examples/ is there");
    entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

#[test]
fn every_example_loads_with_and_without_its_secrets() {
    let folders = folders();
    assert!(folders.len() >= 2, "{folders:?}");
    for folder in folders {
        let yaml = fs::read_to_string(folder.join("config.yaml")).expect("config.yaml is there");
        for secrets in [SecretMode::Resolve, SecretMode::Skip] {
            let loaded = load(&yaml, &Machine(secrets), &Overrides::default())
                .unwrap_or_else(|problems| panic!("{}: {problems:?}", folder.display()));
            assert_eq!(loaded.warnings, [], "{}", folder.display());
            assert!(loaded.config.servers.len() >= 2, "{}", folder.display());
        }
    }
}

#[test]
fn every_example_tells_how_to_run_it() {
    for folder in folders() {
        let readme = fs::read_to_string(folder.join("README.md")).expect("README.md is there");
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a plain name");
        let command = format!("mcp-gateway serve --config examples/{name}/config.yaml");
        assert!(readme.contains(&command), "{} lacks {command:?}", folder.display());
    }
}

#[test]
fn the_envoy_example_is_of_envoy_mode() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/envoy/config.yaml");
    let yaml = fs::read_to_string(path).unwrap();
    let loaded = load(&yaml, &Machine(SecretMode::Skip), &Overrides::default()).unwrap();
    assert_eq!(loaded.config.mode, Mode::Envoy);
}
