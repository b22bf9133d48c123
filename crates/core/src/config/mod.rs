//! The configuration file: its types, how it is read, and every way in which it can be wrong.
//!
//! Text comes in, a [`Config`] or every [`Problem`] goes out: [`load()`] parses YAML into a tree, walks it against the
//! schema, and compares what it found across keys. Files and environment variables are reached through [`Source`] only.
//! When to load, and what becomes of a running gateway then, is decided elsewhere.

mod address;
mod certificate;
mod keys;
mod limits;
mod load;
mod problem;
mod quantity;
mod reader;
mod reference;
mod resolve;
mod schema;
mod secret;
mod server;
mod suggest;
pub mod telemetry;
mod tree;
mod types;

pub use keys::keys;
pub use limits::Limits;
pub use load::{Loaded, Overrides, SIGNING_KEY_BYTES_MIN, SIGNING_KEY_VARIABLES, load};
pub use problem::Problem;
pub use reference::reference;
pub use schema::{Key, Kind, SETTINGS, Setting};
pub use secret::{Secret, SecretMode, Source};
pub use server::{SERVERS_MAX, VIRTUAL_SERVERS_MAX};
pub use telemetry::{
    Capture, CaptureMode, CaptureRule, JsonPath, JsonPathStep, KeepUnsampledErrors, Pattern,
    Sampling, SamplingRule, TelemetrySettings, Trust, TrustMode, name_fits,
};
pub use tree::FILE_BYTES_MAX;
pub use types::{
    ADMIN_LISTEN_DEFAULT, Config, EXT_PROC_LISTEN_DEFAULT, ListenAddress, LogFormat, LogLevel,
    LogSettings, Mode, Server, VirtualServer,
};
