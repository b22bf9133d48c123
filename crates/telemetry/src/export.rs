//! From finished items (spans, log records, metric points) to a receiver: queue, worker, transport, and the account of what became of each item.
//!
//! The SDK's own batch processor and OTLP exporter are not used: they hide what was dropped, read the environment by
//! themselves, cannot be given a deadline, and know neither `rpc://` nor the certificate variables. The types of OTLP are those
//! of `opentelemetry-proto`.
//!
//! - [`exporters`]: makes everything below from the settings, for each signal.
//! - [`queue`]: bounded; where a request's thread leaves a finished item and goes on.
//! - [`worker`]: takes batches out of the queue and hands them to a sink, on the export runtime.
//! - [`supervise`]: begins a worker anew after a panic.
//! - [`metric`]: reads all metrics at an interval, without a queue, and their encoding.
//! - [`span`]: the span processor in front of the queue, and the encoding of spans behind it; [`log`]: that of log records.
//! - [`otlp`]: one batch to a receiver, with retries inside one deadline; [`http`] and [`grpc`] carry it, [`connect`] and
//!   [`tls`] make the connection.
//! - [`console`]: one batch to standard output.
//! - [`health`]: the account; [`cause`]: where the last failure died.

pub(crate) mod cause;
pub(crate) mod connect;
pub(crate) mod console;
pub(crate) mod error;
pub(crate) mod exporters;
pub(crate) mod grpc;
pub(crate) mod health;
pub(crate) mod http;
pub(crate) mod log;
pub(crate) mod metric;
pub(crate) mod otlp;
pub(crate) mod pipeline;
pub(crate) mod queue;
pub(crate) mod resource;
pub(crate) mod runtime;
pub(crate) mod span;
pub(crate) mod supervise;
pub(crate) mod tls;
pub(crate) mod worker;
