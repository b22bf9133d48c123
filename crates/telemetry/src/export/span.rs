//! Spans as OTLP.

use std::sync::Arc;

use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, SpanId};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::span::{Link as ProtoLink, SpanKind as ProtoKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span as ProtoSpan, SpanFlags, Status,
};
use opentelemetry_proto::transform::common::tonic::Attributes as ProtoAttributes;

use super::otlp::Encode;
use super::queue::{Item, attribute_bytes};
use super::resource::ResourceEncoder;
use super::worker::Accepted;
use crate::span::data::{Link, SpanData, SpanStatus};

/// The instrumentation scope of every span.
const SCOPE: &str = "mcp-gateway";

/// Writes spans as OTLP.
#[derive(Debug)]
pub(crate) struct SpanEncoder {
    resource: ResourceEncoder,
    scope: InstrumentationScope,
}

impl SpanEncoder {
    pub(crate) fn new(resource: ResourceEncoder) -> Self {
        let scope = InstrumentationScope {
            name: SCOPE.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        Self { resource, scope }
    }
}

impl Item for Box<SpanData> {
    fn bytes(&self) -> usize {
        /// Ids, times and what else each span or link has.
        const FIXED: usize = 128;
        let (attributes, _) = self.attributes.as_list();
        let state = self.state.as_ref().map_or(0, |state| state.len());
        let links = self.links.len() * (FIXED + state);
        FIXED + self.name.len() + state + links + attribute_bytes(attributes)
    }
}

impl Encode<Box<SpanData>> for SpanEncoder {
    const GRPC_PATH: &'static str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    type Request = ExportTraceServiceRequest;
    type Response = ExportTraceServiceResponse;

    fn request(&self, batch: Vec<Box<SpanData>>) -> ExportTraceServiceRequest {
        let spans = ScopeSpans {
            scope: Some(self.scope.clone()),
            spans: batch.into_iter().map(|span| proto_span(*span)).collect(),
            schema_url: String::new(),
        };
        let resource_spans = ResourceSpans {
            resource: Some(self.resource.resource()),
            scope_spans: vec![spans],
            schema_url: String::new(),
        };
        ExportTraceServiceRequest { resource_spans: vec![resource_spans] }
    }

    fn accepted(response: ExportTraceServiceResponse) -> Accepted {
        response.partial_success.map_or_else(Accepted::default, |partial| {
            Accepted::partly(partial.rejected_spans, partial.error_message)
        })
    }
}

fn proto_span(span: SpanData) -> ProtoSpan {
    let (attributes, dropped_attributes_count) = span.attributes.into_list();
    let (code, message) = match span.status {
        SpanStatus::Unset => (StatusCode::Unset, String::new()),
        SpanStatus::Ok => (StatusCode::Ok, String::new()),
        SpanStatus::Error(description) => (StatusCode::Error, description),
    };
    ProtoSpan {
        trace_id: span.trace_id.to_bytes().to_vec(),
        span_id: span.span_id.to_bytes().to_vec(),
        trace_state: state(span.state.as_ref()),
        parent_span_id: parent(span.parent_span_id),
        // Only spans that are sampled come here.
        flags: flags(true, span.parent_is_remote),
        name: span.name.into_owned(),
        kind: kind(&span.kind).into(),
        start_time_unix_nano: span.start_unix_nano,
        end_time_unix_nano: span.end_unix_nano,
        attributes: proto_attributes(attributes),
        dropped_attributes_count,
        events: Vec::new(),
        dropped_events_count: 0,
        links: span.links.iter().map(proto_link).collect(),
        dropped_links_count: span.links_dropped,
        status: Some(Status { message, code: code.into() }),
    }
}

fn proto_link(link: &Link) -> ProtoLink {
    ProtoLink {
        trace_id: link.trace_id.to_bytes().to_vec(),
        span_id: link.span_id.to_bytes().to_vec(),
        trace_state: state(link.state.as_ref()),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        flags: flags(link.sampled, link.is_remote),
    }
}

fn proto_attributes(
    attributes: Vec<KeyValue>,
) -> Vec<opentelemetry_proto::tonic::common::v1::KeyValue> {
    ProtoAttributes::from(attributes).0
}

/// The flags of the W3C, and whether the span that they go with (the parent, or the linked one) is in another process.
fn flags(sampled: bool, is_remote: bool) -> u32 {
    let remote = if is_remote { SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    u32::from(sampled) | SpanFlags::ContextHasIsRemoteMask as u32 | remote
}

fn parent(id: SpanId) -> Vec<u8> {
    if id == SpanId::INVALID { Vec::new() } else { id.to_bytes().to_vec() }
}

fn state(list: Option<&Arc<str>>) -> String {
    list.map(ToString::to_string).unwrap_or_default()
}

const fn kind(kind: &SpanKind) -> ProtoKind {
    match kind {
        SpanKind::Client => ProtoKind::Client,
        SpanKind::Server => ProtoKind::Server,
        SpanKind::Producer => ProtoKind::Producer,
        SpanKind::Consumer => ProtoKind::Consumer,
        SpanKind::Internal => ProtoKind::Internal,
    }
}
