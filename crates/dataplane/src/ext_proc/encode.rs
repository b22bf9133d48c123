//! From the router's types to Envoy's messages.

use std::time::Duration;

use bytes::Bytes;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::ProcessingMode;
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::{
    BodySendMode, HeaderSendMode,
};
use envoy_types::pb::envoy::service::ext_proc::v3::body_mutation::Mutation;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    BodyMutation, BodyResponse, CommonResponse, HeaderMutation, HeadersResponse, HttpTrailers,
    ImmediateResponse, ProcessingResponse, StreamedBodyResponse, TrailersResponse,
};
use envoy_types::pb::envoy::r#type::v3::HttpStatus;
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use http::HeaderMap;

use crate::router::{Exchange, Reply};

/// The namespace of the metadata that the gateway leaves with a request, for the configuration of Envoy to read.
pub const METADATA_NAMESPACE: &str = "mcp_gateway";
/// The body of the JSON-RPC error that Envoy answers with when it must answer by itself.
pub const METADATA_ERROR: &str = "error";

/// Header edits of one phase, in Envoy's form.
#[derive(Default)]
pub(super) struct Edits {
    mutation: HeaderMutation,
}

impl Edits {
    /// Sets a header, replacing every value it had.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        // `append_action` is given because the default of older Envoys would append.
        self.mutation.set_headers.push(HeaderValueOption {
            header: Some(HeaderValue {
                key: name.to_owned(),
                raw_value: value.into(),
                ..HeaderValue::default()
            }),
            append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
            ..HeaderValueOption::default()
        });
    }

    /// Removes a header; Envoy removes before it sets.
    pub(super) fn remove(&mut self, name: impl Into<String>) {
        self.mutation.remove_headers.push(name.into());
    }

    /// Sets what the configuration lets the caller of an exchange know of it; `response` has the headers that stand there.
    pub(super) fn tell(&mut self, exchange: &Exchange, response: &HeaderMap) {
        for (name, value) in exchange.response_headers(response) {
            self.set(name.as_str(), value.as_bytes());
        }
    }

    fn common(self) -> CommonResponse {
        let empty = self.mutation.set_headers.is_empty() && self.mutation.remove_headers.is_empty();
        CommonResponse {
            header_mutation: (!empty).then_some(self.mutation),
            ..CommonResponse::default()
        }
    }
}

fn response(response: Response) -> ProcessingResponse {
    ProcessingResponse { response: Some(response), ..ProcessingResponse::default() }
}

/// Answers the request-headers phase; the route is chosen anew, since the authority may have changed.
pub(super) fn request_headers(edits: Edits) -> ProcessingResponse {
    let common = CommonResponse { clear_route_cache: true, ..edits.common() };
    response(Response::RequestHeaders(HeadersResponse { response: Some(common) }))
}

/// Answers the request-body phase of a BUFFERED body; `None` keeps the body.
pub(super) fn buffered_body(edits: Edits, body: Option<Bytes>) -> ProcessingResponse {
    let common = CommonResponse {
        clear_route_cache: true,
        body_mutation: body
            .map(|body| BodyMutation { mutation: Some(Mutation::Body(body.into())) }),
        ..edits.common()
    };
    response(Response::RequestBody(BodyResponse { response: Some(common) }))
}

fn streamed(body: Bytes, end_of_stream: bool) -> BodyResponse {
    let chunk = StreamedBodyResponse {
        body: body.into(),
        end_of_stream,
        ..StreamedBodyResponse::default()
    };
    let mutation = BodyMutation { mutation: Some(Mutation::StreamedResponse(chunk)) };
    BodyResponse {
        response: Some(CommonResponse {
            body_mutation: Some(mutation),
            ..CommonResponse::default()
        }),
    }
}

/// Leaves the body of an error with Envoy, for the moment when the server's response has begun and breaks off before
/// the gateway's word on it has come: then Envoy answers the client and asks nobody.
pub(super) fn with_error(response: ProcessingResponse, body: &[u8]) -> ProcessingResponse {
    let text = |text: &[u8]| Value {
        kind: Some(Kind::StringValue(String::from_utf8_lossy(text).into_owned())),
    };
    let members = Struct { fields: [(METADATA_ERROR.to_owned(), text(body))].into() };
    let namespace = Value { kind: Some(Kind::StructValue(members)) };
    let metadata = Struct { fields: [(METADATA_NAMESPACE.to_owned(), namespace)].into() };
    ProcessingResponse { dynamic_metadata: Some(metadata), ..response }
}

/// Sends a piece of a `FULL_DUPLEX_STREAMED` request body on.
pub(super) fn request_chunk(body: Bytes, end_of_stream: bool) -> ProcessingResponse {
    response(Response::RequestBody(streamed(body, end_of_stream)))
}

/// Sends a piece of a `FULL_DUPLEX_STREAMED` response body on.
pub(super) fn response_chunk(body: Bytes, end_of_stream: bool) -> ProcessingResponse {
    response(Response::ResponseBody(streamed(body, end_of_stream)))
}

/// Answers the response-headers phase.
pub(super) fn response_headers(edits: Edits) -> ProcessingResponse {
    response(Response::ResponseHeaders(HeadersResponse { response: Some(edits.common()) }))
}

/// Answers the response-headers phase of a BUFFERED configuration and asks for the body as a stream.
pub(super) fn response_headers_then_body(edits: Edits) -> ProcessingResponse {
    let mode = ProcessingMode {
        request_header_mode: HeaderSendMode::Send.into(),
        response_header_mode: HeaderSendMode::Send.into(),
        request_body_mode: BodySendMode::Buffered.into(),
        response_body_mode: BodySendMode::FullDuplexStreamed.into(),
        request_trailer_mode: HeaderSendMode::Skip.into(),
        response_trailer_mode: HeaderSendMode::Send.into(),
    };
    ProcessingResponse { mode_override: Some(mode), ..response_headers(edits) }
}

/// Ends a request with its trailers, of which nothing passes.
pub(super) fn request_trailers(trailers: HttpTrailers) -> ProcessingResponse {
    response(Response::RequestTrailers(without(trailers)))
}

/// Ends a response with its trailers, of which nothing passes.
pub(super) fn response_trailers(trailers: HttpTrailers) -> ProcessingResponse {
    response(Response::ResponseTrailers(without(trailers)))
}

/// Trailers carry nothing that MCP knows. Whoever takes them for headers would be told what only the gateway may say, or
/// a server's session id.
fn without(trailers: HttpTrailers) -> TrailersResponse {
    let fields = trailers.trailers.map(|map| map.headers).unwrap_or_default();
    let mut edits = Edits::default();
    for field in fields {
        edits.remove(field.key);
    }
    TrailersResponse { header_mutation: edits.common().header_mutation }
}

/// Ends an exchange here with an answer of the gateway, and what the configuration lets its caller know of it.
pub(super) fn answer(exchange: &Exchange, mut reply: Reply) -> ProcessingResponse {
    let told = exchange.response_headers(&reply.headers.iter().cloned().collect());
    for (name, value) in told {
        reply.headers.retain(|(other, _)| *other != name);
        reply.headers.push((name, value));
    }
    immediate(reply, &exchange.failure_reason())
}

/// Ends the request here with an answer of the gateway.
pub(super) fn immediate(reply: Reply, details: &str) -> ProcessingResponse {
    let mut edits = Edits::default();
    for (name, value) in &reply.headers {
        edits.set(name.as_str(), value.as_bytes());
    }
    response(Response::ImmediateResponse(ImmediateResponse {
        status: Some(HttpStatus { code: i32::from(reply.status.as_u16()) }),
        headers: Some(edits.mutation),
        body: reply.body.into(),
        // Ends up in access logs: a reason of few values, never a message.
        details: format!("mcp_gateway_{details}"),
        ..ImmediateResponse::default()
    }))
}

/// Asks Envoy to wait longer for the answer to the phase under way.
pub(super) fn extend_timeout(timeout: Duration) -> ProcessingResponse {
    let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
    let nanos = i32::try_from(timeout.subsec_nanos()).unwrap_or(0);
    ProcessingResponse {
        override_message_timeout: Some(envoy_types::pb::google::protobuf::Duration {
            seconds,
            nanos,
        }),
        ..ProcessingResponse::default()
    }
}
