//! Where a configuration finds what its file does not hold: the environment and the files of this machine.
//!
//! Reading is all it does; what the values mean is decided by the core.

use std::path::{Path, PathBuf};

use mcp_gateway_core::config::{SecretMode, Source};
use mcp_gateway_dataplane::reload::read_config;

/// The environment of this process, and files relative to the configuration file.
pub(crate) struct Environment {
    directory: PathBuf,
    secrets: SecretMode,
}

impl Environment {
    /// Makes a source for the configuration file at `config`; relative paths in it start from its directory.
    pub(crate) fn new(config: &Path, secrets: SecretMode) -> Self {
        let directory = config.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self { directory, secrets }
    }
}

impl Source for Environment {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    /// Reads a file under the rules for the configuration file itself: a regular file, bounded, UTF-8.
    fn file(&self, path: &str) -> Result<String, String> {
        read_config(&self.directory.join(path))
    }

    fn secrets(&self) -> SecretMode {
        self.secrets
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use mcp_gateway_core::config::{SecretMode, Source};

    use super::Environment;

    #[test]
    fn files_are_found_beside_the_configuration() {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway.yaml");
        let source = Environment::new(&config, SecretMode::Resolve);
        assert!(source.file("build.rs").unwrap().contains("fn main"));
        assert!(source.file("src/main.rs").unwrap().contains("fn main"));
        assert!(source.file("nosuch").is_err());
    }

    #[test]
    fn absolute_path_stays_as_it_is() {
        let source = Environment::new(Path::new("/nosuch/gateway.yaml"), SecretMode::Skip);
        assert!(source.file(concat!(env!("CARGO_MANIFEST_DIR"), "/build.rs")).is_ok());
    }
}
