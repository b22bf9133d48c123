//! What a receiver got, of whichever signal, and what it says to it.

use mcp_gateway_telemetry::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why some items are refused.
const MESSAGE: &str = "too old";

/// One request.
#[derive(Clone, Debug)]
pub(crate) enum Received {
    Traces(ExportTraceServiceRequest),
    Logs(ExportLogsServiceRequest),
    Metrics(ExportMetricsServiceRequest),
}

impl Received {
    /// Decodes a body that came to `path`; a path without the name of a signal is one for spans.
    pub(crate) fn decode(path: &str, is_json: bool, body: &[u8]) -> Self {
        match signal(path) {
            Signal::Traces => Self::Traces(decode(is_json, body)),
            Signal::Logs => Self::Logs(decode(is_json, body)),
            Signal::Metrics => Self::Metrics(decode(is_json, body)),
        }
    }

    pub(crate) fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Logs(_) => Signal::Logs,
            Self::Metrics(_) => Signal::Metrics,
        }
    }

    pub(crate) fn spans(&self) -> Vec<&Span> {
        let Self::Traces(request) = self else {
            return Vec::new();
        };
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).collect()
    }

    /// Log records, each with the name of its scope.
    pub(crate) fn logs(&self) -> Vec<(&str, &LogRecord)> {
        let Self::Logs(request) = self else {
            return Vec::new();
        };
        let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
        let named = scopes.flat_map(|logs| {
            let name = logs.scope.as_ref().map_or("", |scope| scope.name.as_str());
            logs.log_records.iter().map(move |record| (name, record))
        });
        named.collect()
    }

    pub(crate) fn metrics(&self) -> Vec<&Metric> {
        let Self::Metrics(request) = self else {
            return Vec::new();
        };
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        scopes.flat_map(|scope| &scope.metrics).collect()
    }

    /// How many items there are: spans, log records, data points.
    pub(crate) fn items(&self) -> u64 {
        let items = match self {
            Self::Traces(_) => self.spans().len(),
            Self::Logs(_) => self.logs().len(),
            Self::Metrics(_) => self.metrics().into_iter().map(points).sum(),
        };
        items.try_into().unwrap()
    }

    /// How many bytes it has as protobuf.
    pub(crate) fn encoded_len(&self) -> usize {
        match self {
            Self::Traces(request) => request.encoded_len(),
            Self::Logs(request) => request.encoded_len(),
            Self::Metrics(request) => request.encoded_len(),
        }
    }

    /// The one resource.
    pub(crate) fn resource(&self) -> &Resource {
        let resources: Vec<_> = match self {
            Self::Traces(request) => request.resource_spans.iter().map(|r| &r.resource).collect(),
            Self::Logs(request) => request.resource_logs.iter().map(|r| &r.resource).collect(),
            Self::Metrics(request) => {
                request.resource_metrics.iter().map(|r| &r.resource).collect()
            }
        };
        assert_eq!(resources.len(), 1, "{self:?}");
        resources[0].as_ref().expect("a resource")
    }
}

fn points(metric: &Metric) -> usize {
    match metric.data.as_ref().expect("data") {
        Data::Gauge(data) => data.data_points.len(),
        Data::Sum(data) => data.data_points.len(),
        Data::Histogram(data) => data.data_points.len(),
        Data::ExponentialHistogram(data) => data.data_points.len(),
        Data::Summary(data) => data.data_points.len(),
    }
}

/// The signal that a path is for.
fn signal(path: &str) -> Signal {
    let named = [Signal::Logs, Signal::Metrics].into_iter();
    let mut named = named.filter(|signal| path.contains(signal.as_str()));
    named.next().unwrap_or(Signal::Traces)
}

fn decode<T: Message + Default + DeserializeOwned>(is_json: bool, body: &[u8]) -> T {
    if is_json {
        let text = String::from_utf8_lossy(body);
        serde_json::from_slice(body).unwrap_or_else(|error| panic!("{error} in {text}"))
    } else {
        T::decode(body).expect("OTLP protobuf")
    }
}

/// The answer to a request of `signal` of which so many items are refused.
pub(crate) fn answer(signal: Signal, is_json: bool, refused: Option<i64>) -> Vec<u8> {
    match signal {
        Signal::Traces => encode(is_json, &traces_answer(refused)),
        Signal::Logs => encode(is_json, &logs_answer(refused)),
        Signal::Metrics => encode(is_json, &metrics_answer(refused)),
    }
}

fn encode(is_json: bool, answer: &(impl Message + Serialize)) -> Vec<u8> {
    if is_json { serde_json::to_vec(answer).unwrap() } else { answer.encode_to_vec() }
}

pub(crate) fn traces_answer(refused: Option<i64>) -> ExportTraceServiceResponse {
    let partial_success = refused.map(|rejected_spans| ExportTracePartialSuccess {
        rejected_spans,
        error_message: MESSAGE.to_owned(),
    });
    ExportTraceServiceResponse { partial_success }
}

pub(crate) fn logs_answer(refused: Option<i64>) -> ExportLogsServiceResponse {
    let partial_success = refused.map(|rejected_log_records| ExportLogsPartialSuccess {
        rejected_log_records,
        error_message: MESSAGE.to_owned(),
    });
    ExportLogsServiceResponse { partial_success }
}

pub(crate) fn metrics_answer(refused: Option<i64>) -> ExportMetricsServiceResponse {
    let partial_success = refused.map(|rejected_data_points| ExportMetricsPartialSuccess {
        rejected_data_points,
        error_message: MESSAGE.to_owned(),
    });
    ExportMetricsServiceResponse { partial_success }
}

/// The value of an attribute as text, with its type in front unless it is a string.
pub(crate) fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    let value = found.value.clone()?.value?;
    Some(match &value {
        any_value::Value::StringValue(text) => text.clone(),
        any_value::Value::IntValue(value) => format!("int {value}"),
        any_value::Value::BoolValue(value) => format!("bool {value}"),
        any_value::Value::DoubleValue(value) => format!("double {value}"),
        any_value::Value::ArrayValue(_)
        | any_value::Value::KvlistValue(_)
        | any_value::Value::BytesValue(_)
        | any_value::Value::StringValueStrindex(_) => format!("{value:?}"),
    })
}
