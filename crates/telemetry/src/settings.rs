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
mod exporters;
mod headers;
pub(crate) mod limits;
mod log_level;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod otlp;
mod pairs;
mod propagators;
mod reader;
pub mod registry;
pub(crate) mod resource;
pub(crate) mod traces;
mod vocabulary;

use tracing::level_filters::LevelFilter;

pub(crate) use self::batch::Batch;
pub use self::batch::QUEUE_SIZE_MAX;
pub(crate) use self::logs::Logs;
pub(crate) use self::metrics::MetricsExport;
pub(crate) use self::otlp::{Compression, File, Identity, Otlp};
pub use self::propagators::Propagators;
use self::reader::Reader;
pub use self::reader::{EnvProblem, Notice, NoticeLevel, Setting};
pub use self::resource::BuildInfo;
pub(crate) use self::resource::Resource;
pub(crate) use self::traces::{Root, Sampler, Traces};
pub use self::vocabulary::Vocabulary;
use crate::signal::Signal;

/// Reads one variable of the environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that the environment says.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What every signal says about the process.
    pub(crate) resource: Resource,
    /// Spans; absent when `OTEL_SDK_DISABLED` is true.
    pub(crate) traces: Option<Traces>,
    /// Log records over OTLP; absent when `OTEL_SDK_DISABLED` is true.
    pub(crate) logs: Option<Logs>,
    /// Metrics that are pushed; absent when `OTEL_SDK_DISABLED` is true.
    pub(crate) metrics: Option<MetricsExport>,
    /// Which forms of context are read and written.
    pub(crate) propagators: Propagators,
    /// Which names are written.
    pub(crate) vocabulary: Vocabulary,
    /// The level of the lines that telemetry writes about itself; absent when the configuration file decides.
    pub(crate) log_level: Option<LevelFilter>,
    /// Each setting with the variable that it comes from, for `/status`.
    pub(crate) listed: Vec<Setting>,
    /// What was ignored or looks like a mistake.
    pub(crate) notices: Vec<Notice>,
}

impl Settings {
    /// Reads the environment. Errors: every problem, in the order in which the variables are read.
    pub(crate) fn from_env(env: Env<'_>, build: &BuildInfo) -> Result<Self, Vec<EnvProblem>> {
        let mut reader = Reader::new(env);
        for variable in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
            if reader.text(variable).is_some() {
                let message = "is not supported; unset it and use the other OTEL_ variables";
                reader.problem(variable, message.to_owned());
            }
        }
        if reader.text("OTEL_ENTITIES").is_some() {
            let message = "is not supported, ignored; use OTEL_RESOURCE_ATTRIBUTES";
            reader.warn("OTEL_ENTITIES", message.to_owned());
        }
        let is_on = !reader.boolean("OTEL_SDK_DISABLED").unwrap_or(false);
        let resource = Resource::read(&mut reader, build);
        let traces = is_on.then(|| Traces::read(&mut reader));
        let logs = is_on.then(|| Logs::read(&mut reader));
        let metrics = is_on.then(|| MetricsExport::read(&mut reader));
        let propagators = Propagators::read(&mut reader);
        let vocabulary = Vocabulary::read(&mut reader);
        let log_level = log_level::read(&mut reader);
        let (problems, notices, listed) = reader.finish();
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut settings = Self {
            resource,
            traces,
            logs,
            metrics,
            propagators,
            vocabulary,
            log_level,
            listed,
            notices,
        };
        settings.list_exports();
        Ok(settings)
    }

    /// Lists what of each signal is exported, whichever variables led to it.
    fn list_exports(&mut self) {
        let traces = self.traces.as_ref().map(|it| exports(it.otlp.as_ref(), it.console));
        let logs = self.logs.as_ref().map(|it| exports(it.otlp.as_ref(), it.console));
        let metrics = self.metrics.as_ref().map(|it| exports(it.otlp.as_ref(), it.console));
        for (signal, exports) in
            [(Signal::Traces, traces), (Signal::Logs, logs), (Signal::Metrics, metrics)]
        {
            let source = if exports.is_some() { "environment" } else { "OTEL_SDK_DISABLED" };
            self.listed.push(Setting {
                name: format!("{signal}.exports"),
                value: exports.unwrap_or("none").to_owned(),
                source: source.to_owned(),
            });
        }
    }
}

/// The exporters of one signal in words.
const fn exports(otlp: Option<&Otlp>, console: bool) -> &'static str {
    match (otlp.is_some(), console) {
        (true, true) => "otlp, console",
        (true, false) => "otlp",
        (false, true) => "console",
        (false, false) => "none",
    }
}

#[cfg(test)]
mod tests;
