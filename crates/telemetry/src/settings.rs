//! What the `OTEL_*` variables of the environment ask for.
//!
//! The environment is read once, at the start, through a function, never through the process: tests pass a table. What
//! would make telemetry something else than the operator meant (an endpoint, a protocol, a certificate, a header that
//! cannot be used) is an [`EnvProblem`], and the start stops with all of them at once. What has an obvious second best
//! (a number, a boolean, an unknown word) is a [`Notice`], and the default is taken, as the OpenTelemetry specification says.
//!
//! Files of certificates and keys are opened by `export::tls`, while the variables that name them are read.

mod batch;
pub(crate) mod endpoint;
mod headers;
pub(crate) mod otlp;
mod pairs;
mod reader;
mod resource;
mod traces;

use opentelemetry_sdk::Resource;

pub(crate) use self::batch::Batch;
pub use self::batch::QUEUE_SIZE_MAX;
pub(crate) use self::otlp::{Compression, File, Identity, Otlp};
use self::reader::Reader;
pub use self::reader::{EnvProblem, Notice, NoticeLevel, Setting};
pub use self::resource::BuildInfo;
pub(crate) use self::traces::{Traces, sampler};

/// Reads one variable of the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that the environment says.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What every span says about the process.
    pub(crate) resource: Resource,
    /// Spans; absent when `OTEL_SDK_DISABLED` is true.
    pub(crate) traces: Option<Traces>,
    /// Each setting with the variable that it comes from, for `/status`.
    pub(crate) listed: Vec<Setting>,
    /// What was ignored or looks like a mistake.
    pub(crate) notices: Vec<Notice>,
}

impl Settings {
    /// Reads the environment. Errors: every problem, in the order in which the variables are read.
    pub(crate) fn from_env(env: Env<'_>, build: &BuildInfo) -> Result<Self, Vec<EnvProblem>> {
        let mut reader = Reader::new(env);
        if reader.text("OTEL_CONFIG_FILE").is_some() {
            let message = "is not supported; unset it and use the other OTEL_ variables";
            reader.problem("OTEL_CONFIG_FILE", message.to_owned());
        }
        let disabled = reader.boolean("OTEL_SDK_DISABLED").unwrap_or(false);
        let resource = resource::read(&mut reader, build);
        let traces = if disabled { None } else { Some(Traces::read(&mut reader)) };
        let (problems, notices, listed) = reader.finish();
        if problems.is_empty() {
            Ok(Self { resource, traces, listed, notices })
        } else {
            Err(problems)
        }
    }
}

#[cfg(test)]
mod tests;
