//! What happens to a gateway while it runs: servers come, go and change, files are replaced, it is asked how it is, and
//! it ends.

mod admin;
mod change;
mod drain;
mod figures;
mod fleet;
mod reload;
mod start;
