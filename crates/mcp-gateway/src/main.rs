//! The `mcp-gateway` program.

mod command;

fn main() {}
