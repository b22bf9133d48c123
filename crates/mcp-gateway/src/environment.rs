//! Where a configuration finds what its file does not hold: the environment and the files of this machine.
//!
//! Reading is all it does; what the values mean is decided by the core. It remembers which files were read, so that
//! a change of any of them can be noticed.

use std::cell::RefCell;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};

use mcp_gateway_core::config::{FILE_BYTES_MAX, SecretMode, Source};

/// The environment of this process, and files relative to the configuration file.
pub(crate) struct Environment {
    directory: PathBuf,
    secrets: SecretMode,
    files: RefCell<Fingerprint>,
}

/// Which files were read, and a digest of what each held; of one that could not be read, of the reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<(PathBuf, u64)>);

impl Fingerprint {
    /// Reads the same files again.
    pub(crate) fn again(&self) -> Self {
        let paths = self.0.iter().map(|(path, _)| path);
        Self(paths.map(|path| (path.clone(), digest(&read(path)))).collect())
    }
}

impl Environment {
    /// Makes a source for the configuration file at `config`; relative paths in it start from its directory.
    pub(crate) fn new(config: &Path, secrets: SecretMode) -> Self {
        let directory = config.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        Self { directory, secrets, files: RefCell::default() }
    }

    /// Reads a file of at most [`FILE_BYTES_MAX`] bytes, or says why that is not possible.
    pub(crate) fn read(&self, path: &Path) -> Result<String, String> {
        let content = read(path);
        self.files.borrow_mut().0.push((path.to_path_buf(), digest(&content)));
        content
    }

    /// What was read so far.
    pub(crate) fn into_fingerprint(self) -> Fingerprint {
        self.files.into_inner()
    }
}

impl Source for Environment {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &str) -> Result<String, String> {
        self.read(&self.directory.join(path))
    }

    fn secrets(&self) -> SecretMode {
        self.secrets
    }
}

fn read(path: &Path) -> Result<String, String> {
    let cannot = |cause: &dyn std::fmt::Display| format!("cannot read {}: {cause}", path.display());
    let file = File::open(path).map_err(|error| cannot(&error))?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large from one that just fits.
    let limit = FILE_BYTES_MAX as u64 + 1;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| cannot(&error))?;
    if bytes.len() > FILE_BYTES_MAX {
        return Err(cannot(&format_args!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|_not_utf8| cannot(&"it is not UTF-8"))
}

fn digest(content: &Result<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use mcp_gateway_core::config::{FILE_BYTES_MAX, SecretMode, Source};

    use super::Environment;
    use crate::scratch::Scratch;

    #[test]
    fn files_are_found_beside_the_configuration() {
        let scratch = Scratch::new("gateway.yaml", "");
        scratch.write("key", "value");
        let source = Environment::new(&scratch.path("gateway.yaml"), SecretMode::Resolve);
        assert_eq!(source.file("key"), Ok("value".to_owned()));
    }

    #[test]
    fn missing_file_is_named() {
        let source = Environment::new(Path::new("/nosuch/gateway.yaml"), SecretMode::Skip);
        let message = source.file("ca.pem").unwrap_err();
        assert!(message.starts_with("cannot read /nosuch/ca.pem: No such file"), "{message}");
    }

    #[test]
    fn file_of_exactly_the_limit_is_read() {
        let scratch = Scratch::new("file", &"x".repeat(FILE_BYTES_MAX));
        let source = Environment::new(&scratch.path("gateway.yaml"), SecretMode::Skip);
        assert!(source.file("file").is_ok());
        scratch.write("file", &"x".repeat(FILE_BYTES_MAX + 1));
        let message = source.file("file").unwrap_err();
        assert!(message.contains("more than"), "{message}");
    }

    #[test]
    fn change_of_any_file_changes_the_fingerprint() {
        let scratch = Scratch::new("one", "1");
        scratch.write("two", "2");
        let source = Environment::new(&scratch.path("gateway.yaml"), SecretMode::Skip);
        for file in ["one", "two", "three"] {
            let _may_be_missing = source.file(file);
        }
        let before = source.into_fingerprint();
        assert_eq!(before.again(), before);
        scratch.write("two", "2b");
        assert_ne!(before.again(), before);
        scratch.write("two", "2");
        assert_eq!(before.again(), before);
        scratch.write("three", "3");
        assert_ne!(before.again(), before);
    }
}
