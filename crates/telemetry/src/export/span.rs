//! Spans: the processor in front of the queue, and the encoding behind it.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::otlp::Encode;
use super::queue::Queue;
use super::worker::Accepted;
use crate::settings::Resource;

/// Leaves finished spans in a queue.
#[derive(Debug)]
pub(crate) struct QueueProcessor(pub(crate) Arc<Queue<SpanData>>);

impl SpanProcessor for QueueProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        // A span may be recorded for others without being meant for export.
        if span.span_context.is_sampled() {
            self.0.push(span);
        }
    }

    /// Wakes the worker and does not wait: nobody on a request's way may, and a shutdown is [`crate::Telemetry::shutdown`].
    fn force_flush(&self) -> OTelSdkResult {
        self.0.flush();
        Ok(())
    }

    /// Refuses spans from now on and does not wait, for the same reason.
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        self.0.close();
        Ok(())
    }
}

/// Writes spans as OTLP.
#[derive(Debug)]
pub(crate) struct SpanEncoder(ResourceAttributesWithSchema);

impl SpanEncoder {
    pub(crate) fn new(resource: &Resource) -> Self {
        Self(ResourceAttributesWithSchema {
            attributes: resource.iter().cloned().into(),
            schema_url: None,
        })
    }
}

impl Encode<SpanData> for SpanEncoder {
    const GRPC_PATH: &'static str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    type Request = ExportTraceServiceRequest;
    type Response = ExportTraceServiceResponse;

    fn request(&self, mut batch: Vec<SpanData>) -> ExportTraceServiceRequest {
        for span in &mut batch {
            keep_last(&mut span.attributes);
        }
        ExportTraceServiceRequest {
            resource_spans: group_spans_by_resource_and_scope(batch, &self.0),
        }
    }

    fn accepted(response: ExportTraceServiceResponse) -> Accepted {
        response.partial_success.map_or_else(Accepted::default, |partial| {
            Accepted::partly(partial.rejected_spans, partial.error_message)
        })
    }
}

/// Keeps the last of several attributes with one name, as OTLP wants it. Runs on the export thread, not on a request's.
pub(crate) fn keep_last(attributes: &mut Vec<KeyValue>) {
    let mut at = 0;
    while let Some(attribute) = attributes.get(at) {
        let later = attributes.iter().skip(at + 1).any(|other| other.key == attribute.key);
        if later {
            attributes.remove(at);
        } else {
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::keep_last;

    #[test]
    fn the_last_of_equal_names_is_kept() {
        let mut attributes = vec![
            KeyValue::new("a", 1),
            KeyValue::new("b", 2),
            KeyValue::new("a", 3),
            KeyValue::new("c", 4),
            KeyValue::new("a", 5),
        ];
        keep_last(&mut attributes);
        let expect = [KeyValue::new("b", 2), KeyValue::new("c", 4), KeyValue::new("a", 5)];
        assert_eq!(attributes, expect);
    }
}
