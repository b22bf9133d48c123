//! Envoy's side of external processing, message by message.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{HeaderMap, HeaderValue};
use envoy_types::pb::envoy::extensions::filters::http::ext_proc::v3::processing_mode::BodySendMode;
use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_client::ExternalProcessorClient;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_request::Request as Phase;
use envoy_types::pb::envoy::service::ext_proc::v3::processing_response::Response as Answer;
use envoy_types::pb::envoy::service::ext_proc::v3::{
    HeaderMutation, HttpBody, HttpHeaders, HttpTrailers, ImmediateResponse, ProcessingRequest,
    ProcessingResponse, ProtocolConfiguration,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// One HTTP request as Envoy tells of it.
pub(crate) struct Exchange {
    requests: mpsc::Sender<ProcessingRequest>,
    responses: Streaming<ProcessingResponse>,
    body_mode: BodySendMode,
    is_first: bool,
}

impl Exchange {
    /// Opens a stream to the external processor at `address`.
    pub(crate) async fn open(address: &str) -> Self {
        let mut client =
            ExternalProcessorClient::connect(format!("http://{address}")).await.unwrap();
        let (requests, queue) = mpsc::channel(16);
        let responses = client.process(ReceiverStream::new(queue)).await.unwrap().into_inner();
        let body_mode = BodySendMode::FullDuplexStreamed;
        Self { requests, responses, body_mode, is_first: true }
    }

    /// The same with request bodies that Envoy holds until they are complete.
    pub(crate) fn buffered(self) -> Self {
        Self { body_mode: BodySendMode::Buffered, ..self }
    }

    async fn send(&mut self, phase: Phase) {
        let config = ProtocolConfiguration {
            request_body_mode: self.body_mode.into(),
            ..ProtocolConfiguration::default()
        };
        let protocol_config = std::mem::take(&mut self.is_first).then_some(config);
        let message = ProcessingRequest {
            request: Some(phase),
            protocol_config,
            ..ProcessingRequest::default()
        };
        self.requests.send(message).await.unwrap();
    }

    /// The head of the request.
    pub(crate) async fn request_headers(&mut self, headers: &[(&str, &[u8])], is_end: bool) {
        self.send(Phase::RequestHeaders(http_headers(headers, is_end))).await;
    }

    /// The whole body of the request.
    pub(crate) async fn request_body(&mut self, body: &str) {
        self.request_chunk(body, true).await;
    }

    /// A piece of the body of the request.
    pub(crate) async fn request_chunk(&mut self, body: &str, end_of_stream: bool) {
        let body = body.as_bytes().to_vec();
        let body = HttpBody { body, end_of_stream, ..HttpBody::default() };
        self.send(Phase::RequestBody(body)).await;
    }

    /// The head of the response.
    pub(crate) async fn response_headers(&mut self, headers: &[(&str, &[u8])], is_end: bool) {
        self.send(Phase::ResponseHeaders(http_headers(headers, is_end))).await;
    }

    /// A piece of the body of the response.
    pub(crate) async fn response_body(&mut self, body: &str, is_end: bool) {
        let body = body.as_bytes().to_vec();
        let body = HttpBody { body, end_of_stream: is_end, ..HttpBody::default() };
        self.send(Phase::ResponseBody(body)).await;
    }

    /// The trailers of the request.
    pub(crate) async fn request_trailers(&mut self, trailers: &[(&str, &[u8])]) {
        self.send(Phase::RequestTrailers(http_trailers(trailers))).await;
    }

    /// The trailers of the response.
    pub(crate) async fn response_trailers(&mut self, trailers: &[(&str, &[u8])]) {
        self.send(Phase::ResponseTrailers(http_trailers(trailers))).await;
    }

    /// The next answer; `None` when the processor has ended the stream.
    pub(crate) async fn next(&mut self) -> Result<Option<Answer>, Status> {
        let message = self.responses.message().await?;
        Ok(message.map(|message| message.response.expect("an answer to a phase")))
    }

    /// How much longer the next message asks Envoy to wait.
    pub(crate) async fn patience(&mut self) -> Duration {
        let message = self.responses.message().await.unwrap().unwrap();
        Duration::from_secs(message.override_message_timeout.unwrap().seconds.cast_unsigned())
    }

    /// The edits of the next answer, which is one to a head.
    pub(crate) async fn edits(&mut self) -> HeaderMutation {
        match self.next().await.unwrap() {
            Some(Answer::RequestHeaders(answer) | Answer::ResponseHeaders(answer)) => {
                answer.response.and_then(|common| common.header_mutation).unwrap_or_default()
            }
            other => panic!("{other:?}"),
        }
    }

    /// The next answer, which ends the request.
    pub(crate) async fn immediate(&mut self) -> ImmediateResponse {
        match self.next().await.unwrap() {
            Some(Answer::ImmediateResponse(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }
}

/// The value that an edit sets.
pub(crate) fn set<'a>(edits: &'a HeaderMutation, name: &str) -> Option<&'a [u8]> {
    let mut headers = edits.set_headers.iter().filter_map(|option| option.header.as_ref());
    headers.find(|header| header.key == name).map(|header| &*header.raw_value)
}

fn http_trailers(trailers: &[(&str, &[u8])]) -> HttpTrailers {
    HttpTrailers { trailers: http_headers(trailers, true).headers }
}

fn http_headers(headers: &[(&str, &[u8])], end_of_stream: bool) -> HttpHeaders {
    let header = |(key, value): &(&str, &[u8])| HeaderValue {
        key: (*key).to_owned(),
        raw_value: value.to_vec(),
        ..HeaderValue::default()
    };
    let headers = Some(HeaderMap { headers: headers.iter().map(header).collect() });
    HttpHeaders { headers, end_of_stream, ..HttpHeaders::default() }
}
