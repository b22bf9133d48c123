//! Integration tests of the crate.

mod config;
