//! The programs that `make tools` installs.

use std::path::{Path, PathBuf};

/// Returns the path of one of them.
pub fn tool(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/bin").join(name);
    assert!(path.exists(), "{} is absent: run `make tools`", path.display());
    path
}
