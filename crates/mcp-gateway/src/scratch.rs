//! Files for tests, in a directory of their own that is removed at the end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that lives as long as this value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// Makes a directory with one file in it.
    pub(crate) fn new(name: &str, content: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = format!("mcp-gateway-{}-{number}", std::process::id());
        let scratch = Self(std::env::temp_dir().join(directory));
        std::fs::create_dir_all(&scratch.0).unwrap();
        scratch.write(name, content);
        scratch
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: &str) {
        std::fs::write(self.path(name), content).unwrap();
    }

    /// Where a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(Path::new(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _best_effort = std::fs::remove_dir_all(&self.0);
    }
}
