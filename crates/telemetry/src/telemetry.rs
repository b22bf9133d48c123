//! Telemetry of the process: made once from the environment, flushed once at the end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use crate::clock::Clock;
use crate::export::exporters::{Exporters, Queues};
use crate::export::pipeline::{Pipeline, SignalFlush};
use crate::export::runtime::ExportRuntime;
use crate::log::Records;
use crate::metrics::Metrics;
use crate::recorder::SpanSink;
use crate::settings::{BuildInfo, Env, EnvProblem, Notice, Settings};
use crate::span::data::SpanData;
use crate::status::Status;
use crate::tracer::{Sinks, SpanSettings, Tracer};

/// The time that a flush gets when nobody says otherwise; well below the grace period of a pod.
pub const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(4);

/// Telemetry of the process.
///
/// Dropping it without [`Telemetry::shutdown`] loses what is queued, without waiting.
#[derive(Debug)]
pub struct Telemetry {
    tracer: Tracer,
    records: Records,
    status: Status,
    log_level: Option<LevelFilter>,
    metrics: Option<watch::Sender<Option<Metrics>>>,
    pipelines: Arc<[Pipeline]>,
    runtime: Option<ExportRuntime>,
}

/// What became of telemetry at shutdown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// One entry per exporter.
    pub signals: Vec<SignalFlush>,
}

impl Telemetry {
    /// Telemetry that is switched off.
    pub fn off() -> Self {
        Self {
            tracer: Tracer::off(),
            records: Records::off(),
            status: Status::off(),
            log_level: None,
            metrics: None,
            pipelines: Arc::new([]),
            runtime: None,
        }
    }

    /// Makes what the environment asks for.
    ///
    /// `extra` gets every recorded span besides the exporters; with it spans are made even when nothing is exported. Nothing is
    /// connected yet, and a receiver that cannot be reached is never an error. With `OTEL_SDK_DISABLED=true` there is nothing at all.
    ///
    /// Output: telemetry, and what is worth a log line as soon as logging works. Errors: every variable that cannot be used.
    pub fn from_env(
        env: Env<'_>,
        build: &BuildInfo,
        extra: Vec<Box<dyn SpanSink>>,
    ) -> Result<(Self, Vec<Notice>), Vec<EnvProblem>> {
        let settings = Settings::from_env(env, build)?;
        let exporters = Exporters::start(&settings)?;
        let tracer = tracer(&settings, exporters.spans, extra);
        let health = exporters.pipelines.iter().map(|pipeline| Arc::clone(&pipeline.health));
        let attributes = settings.resource.iter();
        let resource = attributes.map(|it| (it.key.to_string(), it.value.to_string())).collect();
        let exemplars = settings.metrics.as_ref().map(|metrics| metrics.exemplars);
        let status = Status::new(
            health.collect(),
            tracer.clone(),
            settings.listed,
            resource,
            exemplars.unwrap_or_default(),
        );
        let limits = settings.logs.as_ref().map(|logs| logs.limits).unwrap_or_default();
        let telemetry = Self {
            tracer,
            records: Records::new(limits, exporters.logs, exporters.audit),
            status,
            log_level: settings.log_level,
            metrics: exporters.metrics,
            pipelines: exporters.pipelines.into(),
            runtime: exporters.runtime,
        };
        Ok((telemetry, settings.notices))
    }

    /// The way to make spans.
    pub fn tracer(&self) -> Tracer {
        self.tracer.clone()
    }

    /// The way of log events to receivers, for [`crate::log::init`].
    pub fn log_records(&self) -> Records {
        self.records.clone()
    }

    /// Lets exporters read `metrics` from now on, when the environment asks for that.
    pub fn start_metrics(&self, metrics: &Metrics) {
        if let Some(exporters) = &self.metrics {
            exporters.send_replace(Some(metrics.clone()));
        }
    }

    /// The way to see how telemetry itself is doing.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// The level of the log lines of this crate, when `OTEL_LOG_LEVEL` says one; see [`crate::log::Filter::with_telemetry`].
    pub const fn log_level(&self) -> Option<LevelFilter> {
        self.log_level
    }

    /// Sends what is queued, to all receivers at once, for at most `deadline`; then stops.
    ///
    /// May be awaited from any runtime: the work is done on the threads of the exporters. Spans that end later are lost and counted.
    pub async fn shutdown(&self, deadline: Duration) -> FlushReport {
        let pipelines = Arc::clone(&self.pipelines);
        let work = async move {
            join_all(pipelines.iter().map(|pipeline| pipeline.finish(deadline))).await
        };
        let signals = match self.runtime.as_ref().and_then(|runtime| runtime.spawn(work)) {
            Some(task) => task.await.unwrap_or_default(),
            None => Vec::new(),
        };
        FlushReport { signals }
    }
}

impl FlushReport {
    /// Items that were lost during the shutdown.
    pub fn lost(&self) -> u64 {
        self.signals.iter().map(|signal| signal.lost).sum()
    }

    /// Writes one line per exporter that had something to send.
    pub fn log(&self) {
        for flush in &self.signals {
            let SignalFlush { signal, items, target, exported, lost, error } = flush;
            if *lost > 0 {
                let error = error.as_deref().unwrap_or("the deadline was over");
                tracing::warn!(
                    signal = %signal,
                    target = %target,
                    exported,
                    lost,
                    error,
                    "The last {items} did not all reach {target}: {exported} sent, {lost} lost."
                );
            } else if *exported > 0 {
                tracing::info!(signal = %signal, target = %target, exported, "The last {items} were sent to {target}.");
            }
        }
    }
}

/// Makes what makes spans; off when nobody wants them.
fn tracer(
    settings: &Settings,
    queues: Queues<Box<SpanData>>,
    extra: Vec<Box<dyn SpanSink>>,
) -> Tracer {
    let Some(asked) = &settings.traces else {
        return Tracer::off_with(settings.propagators);
    };
    if queues.is_empty() && extra.is_empty() {
        return Tracer::off_with(settings.propagators);
    }
    let spans = SpanSettings {
        sampler: asked.sampler,
        limits: asked.limits,
        propagators: settings.propagators,
        vocabulary: settings.vocabulary,
    };
    let resource = settings.resource.iter().map(|it| (it.key.to_string(), it.value.clone()));
    Tracer::new(spans, Sinks { queues, extra, resource: resource.collect() }, Clock::System)
}
