//! Which build this program is, as `build.rs` found it.
//!
//! The values are fixed at compile time; they become resource attributes of telemetry and the answer to `--version`.

/// The version of the package.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that was built, with `-dirty` behind it when the tree had changes; `unknown` outside a repository.
pub(crate) const REVISION: &str = env!("MCP_GATEWAY_BUILD_REVISION");

/// The version of the compiler, such as `1.95.0`.
pub(crate) const RUST_VERSION: &str = env!("MCP_GATEWAY_BUILD_RUST_VERSION");

/// What `--version` prints behind the program's name.
pub(crate) const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (revision ",
    env!("MCP_GATEWAY_BUILD_REVISION"),
    ", rust ",
    env!("MCP_GATEWAY_BUILD_RUST_VERSION"),
    ")"
);
