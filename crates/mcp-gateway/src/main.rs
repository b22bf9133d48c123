//! The `mcp-gateway` program.

fn main() {}
