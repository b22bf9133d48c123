//! What is exported and where: one queue and one worker for each exporter, made from the settings.

use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;

use super::connect::Connector;
use super::console::ConsoleSink;
use super::health::{Health, Identity};
use super::otlp::{Encode, OtlpSink};
use super::pipeline::Pipeline;
use super::queue::Queue;
use super::runtime::ExportRuntime;
use super::span::SpanEncoder;
use super::worker::Sink;
use crate::settings::endpoint::{Protocol, TlsMode};
use crate::settings::{Batch, EnvProblem, Otlp, Settings, Traces};
use crate::signal::Signal;

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
    pub(crate) spans: Queues<SpanData>,
}

/// One kind of item and how it is gathered.
#[derive(Clone, Copy)]
struct Kind {
    signal: Signal,
    /// What the items are, in words.
    items: &'static str,
    /// What tells exporters of one component type apart: `0`.
    instance: &'static str,
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
        if let Some(traces) = &settings.traces {
            let kind = Kind {
                signal: Signal::Traces,
                items: "traces",
                instance: "0",
                batch: traces.batch,
            };
            let encoder = || SpanEncoder::new(&settings.resource);
            exporters.spans =
                exporters.add(&runtime, kind, (traces.otlp.as_ref(), traces.console), encoder);
        }
        exporters.runtime = Some(runtime);
        Ok(exporters)
    }

    /// Starts the exporters of one kind of item: to a receiver, to standard output, or both.
    fn add<T, E>(
        &mut self,
        runtime: &ExportRuntime,
        kind: Kind,
        (otlp, console): (Option<&Otlp>, bool),
        encoder: impl FnOnce() -> E,
    ) -> Queues<T>
    where
        T: Send + 'static,
        E: Encode<T>,
        ConsoleSink: Sink<T>,
    {
        let mut queues = Queues::new();
        if let Some(otlp) = otlp {
            let component = component(kind.signal, Some(otlp.endpoint.protocol));
            let sink = otlp_sink(otlp, encoder());
            queues.push(self.start_one(runtime, kind, (component, otlp.target()), sink));
        }
        if console {
            let name = (component(kind.signal, None), STDOUT.to_owned());
            queues.push(self.start_one(runtime, kind, name, ConsoleSink));
        }
        queues
    }

    fn start_one<T: Send + 'static>(
        &mut self,
        runtime: &ExportRuntime,
        kind: Kind,
        (component, target): (&'static str, String),
        sink: impl Sink<T>,
    ) -> Arc<Queue<T>> {
        let Kind { signal, items, instance, batch } = kind;
        let name = format!("{component}/{instance}");
        let capacity = batch.queue_items_max;
        let identity = Identity { signal, items, component, name, target, capacity };
        let queue = Arc::new(Queue::new(batch.items_max, Arc::new(Health::new(identity))));
        self.pipelines.push(Pipeline::batched(runtime, &queue, sink, batch));
        queue
    }
}

fn otlp_sink<T, E: Encode<T>>(otlp: &Otlp, encoder: E) -> OtlpSink<E> {
    let may_fall_back = otlp.endpoint.tls == TlsMode::SkipVerifyOrPlaintext;
    let connector = Connector::new(otlp.tls.clone(), may_fall_back);
    OtlpSink::new::<T>(otlp, connector, encoder)
}

/// The first variable that asks for an exporter; absent when none does.
fn asking(settings: &Settings) -> Option<String> {
    let traces = settings.traces.as_ref().map(|Traces { otlp, console, .. }| (otlp, *console));
    [(Signal::Traces, traces)].into_iter().find_map(|(signal, asked)| {
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
