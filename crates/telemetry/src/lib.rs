//! OpenTelemetry for the gateway: settings, exporters, propagation, names, logs and metrics.
//!
//! The rest of the gateway touches telemetry only through handles that are free when it is off: [`Tracer`] and [`Span`] for
//! spans, [`Metrics`] for metrics, and events of the `tracing` crate for log lines. Nothing here knows MCP, Envoy or the
//! configuration file.
//!
//! - [`name`]: every name that is written.
//! - [`environment`]: every variable that is read, as documentation.
//! - [`Telemetry`]: made from the environment at the start, flushed at the end.
//! - [`Tracer`], [`Span`], [`Attributes`]: spans.
//! - [`RemoteContext`]: the trace context of a caller, read strictly.
//! - [`Baggage`]: what is kept of a caller's baggage.
//! - [`log`]: lines on standard output.
//! - [`metrics`]: instruments and their text for Prometheus.
//! - [`status`]: what telemetry says about itself.

mod attributes;
mod baggage;
mod clock;
mod export;
pub mod log;
pub mod metrics;
pub mod name;
mod recorder;
mod remote;
mod sampling;
mod settings;
mod shared;
mod signal;
mod span;
pub mod status;
mod telemetry;
mod trace;
mod tracer;

pub use opentelemetry::trace::SpanKind;
pub use opentelemetry::{SpanId, TraceFlags, TraceId, Value};

pub use crate::attributes::{Attributes, VALUE_BYTES_MAX};
pub use crate::baggage::{Baggage, BaggageError, BaggageKeys};
pub use crate::export::pipeline::SignalFlush;
pub use crate::export::runtime::THREAD_NAME;
pub use crate::metrics::Metrics;
pub use crate::recorder::{FinishedSpan, SpanRecorder, SpanSink};
pub use crate::remote::RemoteContext;
pub use crate::sampling::{Facts, SamplingPolicy, SamplingRule, SamplingStatus};
pub use crate::settings::registry as environment;
pub use crate::settings::{
    BuildInfo, Env, EnvProblem, Notice, NoticeLevel, Propagators, QUEUE_SIZE_MAX, Vocabulary,
};
pub use crate::signal::Signal;
pub use crate::span::data::SpanStatus;
pub use crate::span::{Span, TraceHeaders, current};
pub use crate::status::Status;
pub use crate::telemetry::{FlushReport, SHUTDOWN_DEADLINE, Telemetry};
pub use crate::tracer::Tracer;
