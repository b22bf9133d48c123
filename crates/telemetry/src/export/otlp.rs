//! One batch to an OTLP receiver: encode once, compress once, try until it is taken or the time is over.
//!
//! The rules are those of the OTLP specification: what is transient is tried again with growing pauses, `Retry-After` and
//! gRPC's `RetryInfo` are obeyed, everything else is final. One deadline covers all attempts.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::write::GzEncoder;
use prost::Message as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::connect::Connector;
use super::error::ExportError;
use super::grpc::GrpcTransport;
use super::http::HttpTransport;
use super::worker::{Accepted, Closing, Sink};
use crate::settings::endpoint::Protocol;
use crate::settings::{Compression, Otlp};

/// Largest request that a receiver has to take, from the specification of the exporter.
pub(crate) const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest answer that is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest time after which a receiver is believed to want to be asked again; whoever says more gets no second request
/// either way, and a number without a bound is not calculated with.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// What the gateway calls itself towards receivers.
pub(crate) const USER_AGENT: &str = concat!("mcp-gateway/", env!("CARGO_PKG_VERSION"));

/// Most attempts for one batch.
const ATTEMPTS_MAX: u32 = 6;
/// The pause after the first attempt; each further one is twice as long.
const PAUSE_FIRST: Duration = Duration::from_millis(200);
/// The longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Writes the items of one signal as OTLP, and reads what a receiver says to them.
pub(crate) trait Encode<T>: Send + Sync + 'static {
    /// The gRPC method.
    const GRPC_PATH: &'static str;
    /// What is sent.
    type Request: prost::Message + Serialize;
    /// What is answered.
    type Response: prost::Message + Default + DeserializeOwned;
    /// Makes a request of a batch.
    fn request(&self, batch: Vec<T>) -> Self::Request;
    /// Reads an answer.
    fn accepted(response: Self::Response) -> Accepted;
}

/// Sends batches to one receiver.
#[derive(Debug)]
pub(crate) struct OtlpSink<E> {
    encoder: E,
    transport: Transport,
    protocol: Protocol,
    compression: Compression,
    timeout: Duration,
}

#[derive(Debug)]
enum Transport {
    Http(HttpTransport),
    Grpc(GrpcTransport),
}

impl<E> OtlpSink<E> {
    /// Makes the sink; connects with the first batch.
    pub(crate) fn new<T>(settings: &Otlp, connector: Connector, encoder: E) -> Self
    where
        E: Encode<T>,
    {
        let protocol = settings.endpoint.protocol;
        let transport = match protocol {
            Protocol::Grpc => {
                Transport::Grpc(GrpcTransport::new(settings, connector, E::GRPC_PATH))
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                Transport::Http(HttpTransport::new(settings, connector))
            }
        };
        let (compression, timeout) = (settings.compression, settings.timeout);
        Self { encoder, transport, protocol, compression, timeout }
    }

    fn body<T>(&self, items: Vec<T>) -> Result<Bytes, ExportError>
    where
        E: Encode<T>,
    {
        let request = self.encoder.request(items);
        let body = match self.protocol {
            // Serialising these generated types cannot fail: they have no maps and no foreign types.
            Protocol::HttpJson => serde_json::to_vec(&request).unwrap_or_default(),
            Protocol::Grpc | Protocol::HttpProtobuf => request.encode_to_vec(),
        };
        if body.len() > REQUEST_BYTES_MAX {
            return Err(ExportError::TooLarge(body.len()));
        }
        // gRPC compresses each message by itself.
        match (self.compression, &self.transport) {
            (Compression::Gzip, Transport::Http(_)) => gzip(&body),
            (Compression::Gzip, Transport::Grpc(_)) | (Compression::None, _) => Ok(body.into()),
        }
    }

    /// Sends one body until it is taken, refused for good, or the time is over.
    async fn deliver(&self, body: Bytes, closing: &Closing) -> Result<Bytes, ExportError> {
        let deadline = Instant::now() + self.timeout;
        let mut pause = PAUSE_FIRST;
        let mut attempts = 1;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(result) = timeout_at(deadline, self.send(body.clone(), left)).await else {
                return Err(ExportError::Timeout(self.timeout));
            };
            let error = match result {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let stop = closing.is_set() && error.is_unreachable();
            if stop || !error.is_transient() || attempts >= ATTEMPTS_MAX {
                return Err(error);
            }
            let wait = error.retry_after().unwrap_or_else(|| jitter(pause));
            // What a receiver asks for has no part in calculations that could overflow.
            if wait >= deadline.saturating_duration_since(Instant::now()) {
                return Err(error);
            }
            tracing::debug!(error = %error, wait_ms = wait.as_millis(), "Export is tried again.");
            if closing.is_set() {
                sleep(wait).await;
            } else {
                // When the gateway stops, the next attempt is made at once.
                tokio::select! {
                    () = sleep(wait) => {}
                    () = closing.wait() => {}
                }
            }
            pause = (pause * 2).min(PAUSE_MAX);
            attempts += 1;
        }
    }

    async fn send(&self, body: Bytes, left: Duration) -> Result<Bytes, ExportError> {
        match &self.transport {
            Transport::Http(transport) => transport.send(body).await,
            Transport::Grpc(transport) => transport.send(body, left).await,
        }
    }
}

impl<T, E> Sink<T> for OtlpSink<E>
where
    T: Send + 'static,
    E: Encode<T>,
{
    async fn export(&self, batch: Vec<T>, closing: &Closing) -> Result<Accepted, ExportError> {
        let body = self.body(batch)?;
        let answer = self.deliver(body, closing).await?;
        let response = match self.protocol {
            Protocol::HttpJson => serde_json::from_slice(&answer).ok(),
            Protocol::Grpc | Protocol::HttpProtobuf => E::Response::decode(answer).ok(),
        };
        // A success with a strange body is still a success: some receivers answer nothing, or something of their own in JSON.
        Ok(response.map(E::accepted).unwrap_or_default())
    }
}

fn gzip(body: &[u8]) -> Result<Bytes, ExportError> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(body).and_then(|()| encoder.finish());
    written.map(Bytes::from).map_err(|error| ExportError::Exchange(Box::new(error)))
}

/// Up to a fifth more or less, so that many gateways do not ask in step.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(rand::random_range(0.8..1.2))
}
