//! What is exported and where: one queue and one worker for each exporter, made from the settings.

use std::sync::Arc;

use tokio::sync::watch;

use super::connect::Connector;
use super::console::ConsoleSink;
use super::health::{Health, Identity};
use super::log::LogEncoder;
use super::metric::{self, MetricEncoder, Reading};
use super::otlp::{Encode, OtlpSink};
use super::pipeline::Pipeline;
use super::queue::{Item, Queue};
use super::resource::ResourceEncoder;
use super::runtime::ExportRuntime;
use super::span::SpanEncoder;
use super::worker::Sink;
use crate::log::LogRecord;
use crate::metrics::Metrics;
use crate::settings::endpoint::{Protocol, TlsMode};
use crate::settings::{Batch, EnvProblem, MetricsExport, Otlp, Settings};
use crate::signal::Signal;
use crate::span::data::SpanData;

/// What standard output is called among receivers.
const STDOUT: &str = "stdout";

/// The queues of every exporter of one kind of item; each item goes into all of them.
pub(crate) type Queues<T> = Vec<Arc<Queue<T>>>;

/// What is exported and where.
#[derive(Default)]
pub(crate) struct Exporters {
    pub(crate) runtime: Option<ExportRuntime>,
    pub(crate) pipelines: Vec<Pipeline>,
    /// Where finished spans are left.
    pub(crate) spans: Queues<Box<SpanData>>,
    /// Where log records are left, except those of audit events.
    pub(crate) logs: Queues<LogRecord>,
    /// Where the records of audit events are left.
    pub(crate) audit: Queues<LogRecord>,
    /// Whom metrics are read from, for those who wait to know; absent when nobody does.
    pub(crate) metrics: Option<watch::Sender<Option<Metrics>>>,
}

/// One kind of item.
#[derive(Clone, Copy)]
struct Kind {
    signal: Signal,
    /// What the items are, in words.
    items: &'static str,
    /// What tells exporters of one component type apart.
    instance: &'static str,
}

const SPANS: Kind = Kind { signal: Signal::Traces, items: "traces", instance: "0" };
const LOGS: Kind = Kind { signal: Signal::Logs, items: "logs", instance: "0" };
const AUDIT: Kind = Kind { signal: Signal::Logs, items: "audit events", instance: "audit" };
const METRICS: Kind = Kind { signal: Signal::Metrics, items: "metrics", instance: "0" };

/// Where items of one kind go, and how they are gathered.
#[derive(Clone, Copy)]
struct To<'a> {
    otlp: Option<&'a Otlp>,
    console: bool,
    batch: Batch,
}

impl Exporters {
    /// Starts the exporters that the environment asks for, and their thread when there is one.
    ///
    /// Nothing is connected yet. Errors: the variable that asks for a thread that cannot be started.
    pub(crate) fn start(settings: &Settings) -> Result<Self, Vec<EnvProblem>> {
        let Some(variable) = asking(settings) else {
            return Ok(Self::default());
        };
        let runtime = ExportRuntime::start().map_err(|error| {
            let message = format!("needs a thread, which cannot be started: {error}");
            vec![EnvProblem { variable, message }]
        })?;
        let mut exporters = Self::default();
        let resource = ResourceEncoder::new(&settings.resource);
        if let Some(traces) = &settings.traces {
            let to =
                To { otlp: traces.otlp.as_ref(), console: traces.console, batch: traces.batch };
            let encoder = || SpanEncoder::new(resource.clone());
            exporters.spans = exporters.add(&runtime, SPANS, to, encoder);
        }
        if let Some(logs) = &settings.logs {
            let to = To { otlp: logs.otlp.as_ref(), console: logs.console, batch: logs.batch };
            let encoder = || LogEncoder(resource.clone());
            exporters.logs = exporters.add(&runtime, LOGS, to, encoder);
            exporters.audit = exporters.add(&runtime, AUDIT, to, encoder);
        }
        if let Some(metrics) = &settings.metrics {
            exporters.add_metrics(&runtime, metrics, &resource);
        }
        exporters.runtime = Some(runtime);
        Ok(exporters)
    }

    /// Starts the exporters of one kind of item: to a receiver, to standard output, or both.
    fn add<T, E>(
        &mut self,
        runtime: &ExportRuntime,
        kind: Kind,
        to: To<'_>,
        encoder: impl FnOnce() -> E,
    ) -> Queues<T>
    where
        T: Item,
        E: Encode<T>,
        ConsoleSink: Sink<T>,
    {
        let mut queues = Queues::new();
        if let Some(otlp) = to.otlp {
            let component = component(kind.signal, Some(otlp.endpoint.protocol));
            let identity = kind.identity(component, otlp.target(), to.batch.queue_items_max);
            let sink = otlp_sink(otlp, encoder());
            queues.push(self.start_one(runtime, identity, sink, to.batch));
        }
        if to.console {
            let component = component(kind.signal, None);
            let identity = kind.identity(component, STDOUT.to_owned(), to.batch.queue_items_max);
            queues.push(self.start_one(runtime, identity, ConsoleSink, to.batch));
        }
        queues
    }

    /// Starts the exporters of metrics: to a receiver, to standard output, or both. Each reads for itself.
    fn add_metrics(
        &mut self,
        runtime: &ExportRuntime,
        settings: &MetricsExport,
        resource: &ResourceEncoder,
    ) {
        let (sender, source) = watch::channel(None);
        let reading = Reading {
            interval: settings.interval,
            timeout: settings.timeout,
            temporality: settings.temporality,
        };
        if let Some(otlp) = &settings.otlp {
            let component = component(Signal::Metrics, Some(otlp.endpoint.protocol));
            let health = Arc::new(Health::new(METRICS.identity(component, otlp.target(), 0)));
            let sink = otlp_sink(otlp, MetricEncoder(resource.clone()));
            let (account, source) = (Arc::clone(&health), source.clone());
            let work = |closing| metric::run(account, sink, reading, source, closing);
            self.pipelines.push(Pipeline::unqueued(runtime, health, work));
        }
        if settings.console {
            let component = component(Signal::Metrics, None);
            let health = Arc::new(Health::new(METRICS.identity(component, STDOUT.to_owned(), 0)));
            let account = Arc::clone(&health);
            let work = |closing| metric::run(account, ConsoleSink, reading, source, closing);
            self.pipelines.push(Pipeline::unqueued(runtime, health, work));
        }
        self.metrics = Some(sender);
    }

    fn start_one<T: Item>(
        &mut self,
        runtime: &ExportRuntime,
        identity: Identity,
        sink: impl Sink<T>,
        batch: Batch,
    ) -> Arc<Queue<T>> {
        let queue = Arc::new(Queue::new(batch.items_max, Arc::new(Health::new(identity))));
        self.pipelines.push(Pipeline::batched(runtime, &queue, sink, batch));
        queue
    }
}

impl Kind {
    fn identity(self, component: &'static str, target: String, capacity: usize) -> Identity {
        let Self { signal, items, instance } = self;
        let name = format!("{component}/{instance}");
        Identity { signal, items, component, name, target, capacity }
    }
}

fn otlp_sink<T, E: Encode<T>>(otlp: &Otlp, encoder: E) -> OtlpSink<E> {
    let may_fall_back = otlp.endpoint.tls == TlsMode::SkipVerifyOrPlaintext;
    let connector = Connector::new(otlp.tls.clone(), may_fall_back);
    OtlpSink::new::<T>(otlp, connector, encoder)
}

/// The first variable that asks for an exporter; absent when none does.
fn asking(settings: &Settings) -> Option<String> {
    let traces = settings.traces.as_ref().map(|traces| (&traces.otlp, traces.console));
    let logs = settings.logs.as_ref().map(|logs| (&logs.otlp, logs.console));
    let metrics = settings.metrics.as_ref().map(|metrics| (&metrics.otlp, metrics.console));
    let all = [(Signal::Traces, traces), (Signal::Logs, logs), (Signal::Metrics, metrics)];
    all.into_iter().find_map(|(signal, asked)| {
        let (otlp, console) = asked?;
        let endpoint = otlp.as_ref().map(|otlp| otlp.variable.clone());
        endpoint.or_else(|| console.then(|| format!("OTEL_{}_EXPORTER", signal.variable())))
    })
}

/// `otel.component.type` of an exporter; without a protocol it writes to standard output.
const fn component(signal: Signal, protocol: Option<Protocol>) -> &'static str {
    match (signal, protocol) {
        (Signal::Traces, Some(Protocol::Grpc)) => "otlp_grpc_span_exporter",
        (Signal::Traces, Some(Protocol::HttpProtobuf)) => "otlp_http_span_exporter",
        (Signal::Traces, Some(Protocol::HttpJson)) => "otlp_http_json_span_exporter",
        (Signal::Traces, None) => "console_span_exporter",
        (Signal::Logs, Some(Protocol::Grpc)) => "otlp_grpc_log_exporter",
        (Signal::Logs, Some(Protocol::HttpProtobuf)) => "otlp_http_log_exporter",
        (Signal::Logs, Some(Protocol::HttpJson)) => "otlp_http_json_log_exporter",
        (Signal::Logs, None) => "console_log_exporter",
        (Signal::Metrics, Some(Protocol::Grpc)) => "otlp_grpc_metric_exporter",
        (Signal::Metrics, Some(Protocol::HttpProtobuf)) => "otlp_http_metric_exporter",
        (Signal::Metrics, Some(Protocol::HttpJson)) => "otlp_http_json_metric_exporter",
        (Signal::Metrics, None) => "console_metric_exporter",
    }
}
