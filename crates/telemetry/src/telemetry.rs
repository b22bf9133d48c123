//! Telemetry of the process: made once from the environment, flushed once at the end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use opentelemetry::Context;
use opentelemetry_sdk::Resource as SdkResource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span as SdkSpan, SpanData, SpanProcessor};
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;

use crate::export::exporters::{Exporters, Queues};
use crate::export::pipeline::{Pipeline, SignalFlush};
use crate::export::runtime::ExportRuntime;
use crate::export::span::QueueProcessor;
use crate::log::Records;
use crate::metrics::Metrics;
use crate::settings::{BuildInfo, Env, EnvProblem, Notice, Settings, sampler, span_limits};
use crate::status::Status;
use crate::tracer::Tracer;

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
    provider: Option<SdkTracerProvider>,
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
            provider: None,
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
        extra: Vec<Box<dyn SpanProcessor>>,
    ) -> Result<(Self, Vec<Notice>), Vec<EnvProblem>> {
        let settings = Settings::from_env(env, build)?;
        let exporters = Exporters::start(&settings)?;
        let provider = traces(&settings, exporters.spans, extra);
        let tracer = provider.as_ref().map_or_else(Tracer::off, |provider| {
            Tracer::new(provider, settings.propagators, settings.vocabulary)
        });
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
            provider,
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
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown()
        {
            tracing::debug!(error = %error, "The tracer provider was stopped before.");
        }
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

/// Makes what makes spans; absent when nobody wants them.
fn traces(
    settings: &Settings,
    queues: Queues<SpanData>,
    extra: Vec<Box<dyn SpanProcessor>>,
) -> Option<SdkTracerProvider> {
    let asked = settings.traces.as_ref()?;
    if queues.is_empty() && extra.is_empty() {
        return None;
    }
    let mut builder = SdkTracerProvider::builder()
        .with_sampler(sampler(asked.sampler))
        .with_span_limits(span_limits(asked.limits))
        .with_resource(settings.resource.to_sdk());
    for queue in queues {
        builder = builder.with_span_processor(QueueProcessor(queue));
    }
    for processor in extra {
        builder = builder.with_span_processor(Extra(processor));
    }
    Some(builder.build())
}

/// A processor whose type is not known here.
struct Extra(Box<dyn SpanProcessor>);

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl SpanProcessor for Extra {
    fn on_start(&self, span: &mut SdkSpan, cx: &Context) {
        self.0.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        self.0.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &SdkResource) {
        self.0.set_resource(resource);
    }
}
