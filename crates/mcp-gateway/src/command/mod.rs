//! One module for each command of the command line.

pub(crate) mod envoy_config;
