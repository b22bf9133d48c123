//! Values that must not be seen, and where they come from: the environment and files, behind a trait.
//!
//! The core never reads either itself; whoever loads a configuration passes a [`Source`].

/// A value that never appears in logs, errors or debug output.
///
/// Comparing two takes a time that depends on their content: it tells whether a reloaded file changed a value, and must
/// not be used to check what a client sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Whether a load needs the values of secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretMode {
    /// Every `${NAME}` and `{file: …}` is replaced by its value; one that cannot be is a problem.
    Resolve,
    /// References keep their written form and nothing is read: enough to check a file where its secrets are not.
    Skip,
}

/// Where a configuration finds what the file does not hold.
pub trait Source {
    /// Returns an environment variable, `None` when it is not set or not UTF-8.
    fn env(&self, name: &str) -> Option<String>;

    /// Returns the content of a file that the configuration names, or a sentence that says why it cannot be read.
    ///
    /// The implementation bounds the size and resolves relative paths.
    fn file(&self, path: &str) -> Result<String, String>;

    /// Says whether secrets are wanted.
    fn secrets(&self) -> SecretMode;
}
