//! Hands the program what only the build knows: the git revision of the source, whether the tree was changed since
//! that commit, and the compiler's version.
//!
//! It never fails a build. Without git, or in an unpacked archive, the revision is `unknown`; a build that has no
//! `.git` but knows the revision (a container image) passes it in `MCP_GATEWAY_VCS_REVISION`.
#![allow(
    clippy::print_stdout,
    reason = "Cargo reads a build script's instructions from its stdout"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const REVISION_OVERRIDE: &str = "MCP_GATEWAY_VCS_REVISION";
const UNKNOWN: &str = "unknown";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={REVISION_OVERRIDE}");
    let given = env::var(REVISION_OVERRIDE).ok().filter(|revision| is_one_word(revision));
    let revision = given.or_else(git_revision).unwrap_or_else(|| UNKNOWN.to_owned());
    println!("cargo::rustc-env=MCP_GATEWAY_BUILD_REVISION={revision}");
    let rust = rust_version().unwrap_or_else(|| UNKNOWN.to_owned());
    println!("cargo::rustc-env=MCP_GATEWAY_BUILD_RUST_VERSION={rust}");
}

/// The commit of the work tree, with `-dirty` behind it when a tracked file differs from that commit.
fn git_revision() -> Option<String> {
    // An archive that is unpacked inside somebody else's repository must not report that repository's commit.
    git(&["ls-files", "--error-unmatch", "build.rs"])?;
    let commit = git(&["rev-parse", "HEAD"]).filter(|commit| is_one_word(commit))?;
    rerun_when_the_commit_moves();
    let changes = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changes.is_empty() { commit } else { format!("{commit}-dirty") })
}

/// Cargo runs this script again after a commit or a checkout, and after an edit of anything that is compiled in.
fn rerun_when_the_commit_moves() {
    let git_files = ["HEAD", "refs/heads", "packed-refs"]
        .iter()
        .filter_map(|name| git(&["rev-parse", "--git-path", name]))
        .map(PathBuf::from);
    let crates = ["core", "dataplane", "mcp-gateway", "telemetry"];
    let sources = crates.iter().flat_map(|name| {
        ["src", "Cargo.toml"].iter().map(move |part| Path::new("..").join(name).join(part))
    });
    let manifests = ["../../Cargo.toml", "../../Cargo.lock"].iter().map(PathBuf::from);
    // A path that does not exist would make Cargo run this script on every build.
    for path in git_files.chain(sources).chain(manifests).filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

fn rust_version() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        // Without it `git status` rewrites the index, next to somebody's own git command.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

fn is_one_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic())
}
