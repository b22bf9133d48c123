//! An OTLP receiver, HTTP and gRPC on one port, that remembers what it gets and answers as it is told.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tower::Service as _;

use super::eventually;

/// How a receiver answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It takes the batch.
    Take,
    /// It takes the batch but refuses so many spans.
    Refuse(i64),
    /// An HTTP status, and `Retry-After`.
    Http(u16, Option<String>),
    /// A gRPC status.
    Grpc(tonic::Code),
    /// A page for people.
    Html,
    /// More than a receiver may send.
    Endless,
    /// Nothing, for longer than any test waits.
    Nothing,
}

/// One batch as it came.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) version: http::Version,
    pub(crate) is_tls: bool,
    pub(crate) knows_client: bool,
    pub(crate) request: ExportTraceServiceRequest,
}

impl Batch {
    pub(crate) fn spans(&self) -> Vec<&Span> {
        let scopes = self.request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| &scope.spans).collect()
    }

    /// An attribute of the resource.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        let resource = self.request.resource_spans.first()?.resource.as_ref()?;
        attribute(&resource.attributes, key)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
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

#[derive(Clone, Default)]
struct Shared {
    batches: Arc<Mutex<Vec<Batch>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

/// A running receiver; ends with the runtime of the test.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    shared: Shared,
}

impl Receiver {
    /// Starts one that takes everything over plain text.
    pub(crate) async fn start() -> Self {
        Self::with(None, &[]).await
    }

    /// Starts one that gives these answers and then takes everything.
    pub(crate) async fn answering(answers: &[Answer]) -> Self {
        Self::with(None, answers).await
    }

    /// Starts one behind TLS.
    pub(crate) async fn with(tls: Option<TlsAcceptor>, answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Shared::default();
        shared.answers.lock().unwrap().extend(answers.iter().cloned());
        tokio::spawn(accept(listener, tls, shared.clone()));
        Self { port, shared }
    }

    pub(crate) fn batches(&self) -> Vec<Batch> {
        self.shared.batches.lock().unwrap().clone()
    }

    /// The names of all spans that came, in the order in which they came.
    pub(crate) fn names(&self) -> Vec<String> {
        let batches = self.batches();
        batches.iter().flat_map(Batch::spans).map(|span| span.name.clone()).collect()
    }

    /// Waits until so many batches have come.
    pub(crate) async fn wait_for_batches(&self, count: usize) -> Vec<Batch> {
        let state = || self.batches().len() >= count;
        eventually(state, || format!("{count} batches, got {:#?}", self.batches())).await;
        self.batches()
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Shared) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, (false, false), shared).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        let knows_client = stream.get_ref().1.peer_certificates().is_some();
                        serve(stream, (true, knows_client), shared).await;
                    }
                }
            }
        });
    }
}

async fn serve<S>(stream: S, (is_tls, knows_client): (bool, bool), shared: Shared)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let shared = shared.clone();
        async move {
            let (head, body) = request.into_parts();
            let batch = Batch {
                path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                headers: head.headers.clone(),
                version: head.version,
                is_tls,
                knows_client,
                request: ExportTraceServiceRequest::default(),
            };
            let is_grpc =
                batch.header("content-type").is_some_and(|t| t.starts_with("application/grpc"));
            if is_grpc {
                let mut service = TraceServiceServer::new(Collector { shared, batch })
                    .accept_compressed(CompressionEncoding::Gzip);
                service.call(Request::from_parts(head, body)).await
            } else {
                Ok::<_, Infallible>(http(shared, batch, body).await)
            }
        }
    });
    // Connections end as they like; what came over them is what counts.
    let connection = auto::Builder::new(TokioExecutor::new());
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

async fn http(shared: Shared, mut batch: Batch, body: Incoming) -> Response<Body> {
    let body = body.collect().await.expect("a body").to_bytes();
    let body = if batch.header("content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
        plain
    } else {
        body.to_vec()
    };
    let is_json = batch.header("content-type") == Some("application/json");
    batch.request = if is_json {
        serde_json::from_slice(&body).expect("OTLP JSON")
    } else {
        ExportTraceServiceRequest::decode(&*body).expect("OTLP protobuf")
    };
    let answer = shared.take(batch);
    let mut response = Response::new(Body::empty());
    let set = |response: &mut Response<Body>, content_type: &str, body: Vec<u8>| {
        response.headers_mut().insert("content-type", content_type.parse().unwrap());
        *response.body_mut() = Body::new(Full::new(Bytes::from(body)));
    };
    match answer {
        Answer::Take | Answer::Refuse(_) => {
            let answer = accepted(&answer);
            if is_json {
                set(&mut response, "application/json", serde_json::to_vec(&answer).unwrap());
            } else {
                set(&mut response, "application/x-protobuf", answer.encode_to_vec());
            }
        }
        Answer::Http(status, retry_after) => {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(value) = retry_after {
                response.headers_mut().insert("retry-after", value.parse().unwrap());
            }
        }
        Answer::Html => set(&mut response, "text/html; charset=utf-8", b"<html>".to_vec()),
        Answer::Endless => set(&mut response, "application/x-protobuf", vec![0; 5 * 1024 * 1024]),
        Answer::Nothing => tokio::time::sleep(Duration::from_secs(3600)).await,
        Answer::Grpc(code) => panic!("{code:?} over HTTP"),
    }
    response
}

fn accepted(answer: &Answer) -> ExportTraceServiceResponse {
    let partial_success = if let Answer::Refuse(rejected_spans) = answer {
        let error_message = "too old".to_owned();
        Some(ExportTracePartialSuccess { rejected_spans: *rejected_spans, error_message })
    } else {
        None
    };
    ExportTraceServiceResponse { partial_success }
}

impl Shared {
    /// Remembers a batch and says how to answer it.
    fn take(&self, batch: Batch) -> Answer {
        self.batches.lock().unwrap().push(batch);
        self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Take)
    }
}

/// The gRPC service for one call.
struct Collector {
    shared: Shared,
    batch: Batch,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let mut batch = self.batch.clone();
        batch.request = request.into_inner();
        let answer = self.shared.take(batch);
        match &answer {
            Answer::Take | Answer::Refuse(_) => Ok(tonic::Response::new(accepted(&answer))),
            Answer::Grpc(code) => Err(tonic::Status::new(*code, "hidden from logs")),
            Answer::Nothing => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Err(tonic::Status::internal("never"))
            }
            Answer::Http(..) | Answer::Html | Answer::Endless => panic!("{answer:?} over gRPC"),
        }
    }
}
