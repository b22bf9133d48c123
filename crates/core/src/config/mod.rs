//! The configuration file: its types, how it is read, and every way in which it can be wrong.

mod limits;
mod secret;
mod types;

pub use limits::Limits;
pub use secret::{Secret, SecretMode, Source};
pub use types::{
    ADMIN_LISTEN_DEFAULT, Config, EXT_PROC_LISTEN_DEFAULT, ListenAddress, LogFormat, LogLevel,
    LogSettings, Mode, Server, TelemetrySettings, VirtualServer,
};
