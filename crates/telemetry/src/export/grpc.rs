//! OTLP over gRPC: one unary call per batch on one HTTP/2 connection.
//!
//! Bodies are encoded before they come here, so one codec that copies bytes serves every signal.

use std::error::Error;
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::header::USER_AGENT;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::Message as _;
use tonic::Status;
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;

use super::connect::{ConnectError, Connector};
use super::error::{ExportError, find_cause};
use super::otlp::{self, ANSWER_BYTES_MAX, RETRY_AFTER_MAX};
use crate::settings::{Compression, Otlp};

/// How often a connection with a call on it is asked whether it still lives.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long it may take to say so.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls one method of one receiver.
#[derive(Debug)]
pub(crate) struct GrpcTransport {
    grpc: Grpc<Client<Connector, Body>>,
    path: PathAndQuery,
    headers: HeaderMap,
}

impl GrpcTransport {
    pub(crate) fn new(settings: &Otlp, connector: Connector, path: &'static str) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .http2_only(true)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .build(connector);
        let mut grpc = Grpc::with_origin(client, settings.endpoint.uri.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
            .accept_compressed(CompressionEncoding::Gzip);
        if settings.compression == Compression::Gzip {
            grpc = grpc.send_compressed(CompressionEncoding::Gzip);
        }
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(otlp::USER_AGENT));
        for (name, value) in &settings.headers {
            headers.append(name, value.clone());
        }
        Self { grpc, path: PathAndQuery::from_static(path), headers }
    }

    /// Makes one call; the receiver is told how much time is left.
    pub(crate) async fn send(&self, body: Bytes, left: Duration) -> Result<Bytes, ExportError> {
        let mut request = tonic::Request::new(body);
        *request.metadata_mut() = MetadataMap::from_headers(self.headers.clone());
        request.set_timeout(left);
        let mut grpc = self.grpc.clone();
        grpc.ready().await.map_err(|error| ExportError::Exchange(Box::new(error)))?;
        match grpc.unary(request, self.path.clone(), Raw).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(failed(status)),
        }
    }
}

fn failed(status: Status) -> ExportError {
    if let Some(error) = find_cause::<ConnectError>(&status) {
        return ExportError::Connect(error.clone());
    }
    // A status with a cause was made here, because there was no answer.
    if status.source().is_some() {
        return ExportError::Exchange(Box::new(status));
    }
    ExportError::GrpcStatus { code: status.code(), retry_after: retry_after(status.details()) }
}

/// `google.rpc.Status`, as far as it is needed.
#[derive(Clone, PartialEq, prost::Message)]
struct StatusDetails {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, prost::Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, prost::Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, prost::Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// Reads when the receiver wants to be asked again; at most [`RETRY_AFTER_MAX`].
fn retry_after(details: &[u8]) -> Option<Duration> {
    let details = StatusDetails::decode(details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.retry_delay?;
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    // Seconds and nanoseconds come from signed numbers, so that their sum fits.
    Some(Duration::new(seconds, nanos).min(RETRY_AFTER_MAX))
}

/// Copies bytes that are encoded already.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use prost::Message as _;

    use super::{Delay, Detail, RETRY_AFTER_MAX, RetryInfo, StatusDetails, retry_after};

    #[test]
    fn retry_info_is_read_from_status_details() {
        let delay = |seconds, nanos| {
            let info = RetryInfo { retry_delay: Some(Delay { seconds, nanos }) };
            let type_url = "type.googleapis.com/google.rpc.RetryInfo".to_owned();
            let details = vec![
                Detail {
                    type_url: "type.googleapis.com/google.rpc.Help".to_owned(),
                    value: vec![],
                },
                Detail { type_url, value: info.encode_to_vec() },
            ];
            retry_after(&StatusDetails { details }.encode_to_vec())
        };
        assert_eq!(delay(2, 500_000_000), Some(Duration::from_millis(2500)));
        assert_eq!(delay(i64::MAX, i32::MAX), Some(RETRY_AFTER_MAX));
        assert_eq!(delay(-1, 0), None);
        assert_eq!(retry_after(&[]), None);
        assert_eq!(retry_after(b"not protobuf"), None);
    }
}
