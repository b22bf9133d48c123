//! The configuration file, from text to a configuration or to every problem it has.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests may fail loudly"
)]

mod bound;
mod compatibility;
mod mistake;
mod reference;
mod secret;
mod setting;

use std::collections::BTreeMap;

use mcp_gateway_core::config::{Config, Loaded, Overrides, Problem, SecretMode, Source, load};

/// An environment and a file system that a test makes up.
pub(super) struct FakeSource {
    env: BTreeMap<String, String>,
    files: BTreeMap<String, String>,
    secrets: SecretMode,
}

impl FakeSource {
    pub(super) fn new(secrets: SecretMode) -> Self {
        Self { env: BTreeMap::new(), files: BTreeMap::new(), secrets }
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(path.to_owned(), content.to_owned());
        self
    }
}

impl Source for FakeSource {
    fn env(&self, name: &str) -> Option<String> {
        self.env.get(name).cloned()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.files.get(path).cloned().ok_or_else(|| "no such file".to_owned())
    }

    fn secrets(&self) -> SecretMode {
        self.secrets
    }
}

/// Loads a file with nothing in the environment and on the command line.
fn load_plain(yaml: &str) -> Result<Loaded, Vec<Problem>> {
    load(yaml, &FakeSource::new(SecretMode::Resolve), &Overrides::default())
}

/// Loads a file that must be good.
fn config_of(yaml: &str) -> Config {
    load_plain(yaml).unwrap_or_else(|problems| panic!("{problems:?} in\n{yaml}")).config
}

/// Loads a file and compares its problems, as people see them, with what they should be: none for a good file.
fn check(yaml: &str, expect: &[&str]) {
    assert_eq!(problems_of(load_plain(yaml)), expect, "in\n{yaml}");
}

/// Returns problems as people see them.
fn problems_of(outcome: Result<Loaded, Vec<Problem>>) -> Vec<String> {
    outcome.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}
