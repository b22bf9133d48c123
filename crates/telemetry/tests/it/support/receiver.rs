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
use mcp_gateway_telemetry::Signal;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tower::Service as _;

use super::eventually;
pub(crate) use super::received::attribute;
use super::received::{self, Received};

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
    /// A success with this content type, or without one, and this body.
    Other(Option<&'static str>, &'static str),
    /// More than a receiver may send.
    Endless,
    /// Nothing, for longer than any test waits.
    Nothing,
}

/// How a batch came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) version: http::Version,
    pub(crate) is_tls: bool,
    pub(crate) knows_client: bool,
}

/// One batch as it came.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) came: Came,
    pub(crate) request: Received,
    /// How it was answered.
    pub(crate) answer: Answer,
}

impl std::ops::Deref for Batch {
    type Target = Came;

    fn deref(&self) -> &Came {
        &self.came
    }
}

impl Batch {
    pub(crate) fn spans(&self) -> Vec<&Span> {
        self.request.spans()
    }

    /// An attribute of the resource.
    pub(crate) fn resource(&self, key: &str) -> Option<String> {
        attribute(&self.request.resource().attributes, key)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
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

    /// How many items of one signal came.
    pub(crate) fn items(&self, signal: Signal) -> u64 {
        let batches = self.batches();
        let of_signal = batches.iter().filter(|batch| batch.request.signal() == signal);
        of_signal.map(|batch| batch.request.items()).sum()
    }

    /// How many items of one signal it took and said so.
    pub(crate) fn taken(&self, signal: Signal) -> u64 {
        let batches = self.batches();
        let of_signal = batches.iter().filter(|batch| batch.request.signal() == signal);
        let taken = of_signal.map(|batch| match batch.answer {
            Answer::Take => batch.request.items(),
            Answer::Refuse(items) => {
                batch.request.items().saturating_sub(u64::try_from(items).unwrap())
            }
            Answer::Http(..)
            | Answer::Grpc(_)
            | Answer::Html
            | Answer::Other(..)
            | Answer::Endless
            | Answer::Nothing => 0,
        });
        taken.sum()
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
            let came = Came {
                path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
                headers: head.headers.clone(),
                version: head.version,
                is_tls,
                knows_client,
            };
            let content_type = came.headers.get("content-type").map(http::HeaderValue::as_bytes);
            let is_grpc = content_type.is_some_and(|t| t.starts_with(b"application/grpc"));
            if is_grpc {
                let gzip = CompressionEncoding::Gzip;
                let collector = Collector { shared, came };
                let request = Request::from_parts(head, body);
                match collector.came.path.as_str() {
                    path if path.contains(".trace.") => {
                        TraceServiceServer::new(collector)
                            .accept_compressed(gzip)
                            .call(request)
                            .await
                    }
                    path if path.contains(".logs.") => {
                        LogsServiceServer::new(collector)
                            .accept_compressed(gzip)
                            .call(request)
                            .await
                    }
                    _ => {
                        let service = MetricsServiceServer::new(collector);
                        service.accept_compressed(gzip).call(request).await
                    }
                }
            } else {
                Ok::<_, Infallible>(http(shared, came, body).await)
            }
        }
    });
    // Connections end as they like; what came over them is what counts.
    let connection = auto::Builder::new(TokioExecutor::new());
    drop(connection.serve_connection(TokioIo::new(stream), service).await);
}

async fn http(shared: Shared, came: Came, body: Incoming) -> Response<Body> {
    let body = body.collect().await.expect("a body").to_bytes();
    let header = |name: &str| came.headers.get(name).and_then(|value| value.to_str().ok());
    let body = if header("content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
        plain
    } else {
        body.to_vec()
    };
    let is_json = header("content-type") == Some("application/json");
    let request = Received::decode(&came.path, is_json, &body);
    let signal = request.signal();
    let answer = shared.take(came, request);
    let mut response = Response::new(Body::empty());
    let set = |response: &mut Response<Body>, content_type: &str, body: Vec<u8>| {
        response.headers_mut().insert("content-type", content_type.parse().unwrap());
        *response.body_mut() = Body::new(Full::new(Bytes::from(body)));
    };
    match answer {
        Answer::Take | Answer::Refuse(_) => {
            let content_type = if is_json { "application/json" } else { "application/x-protobuf" };
            let body = received::answer(signal, is_json, answer.refused());
            set(&mut response, content_type, body);
        }
        Answer::Http(status, retry_after) => {
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(value) = retry_after {
                response.headers_mut().insert("retry-after", value.parse().unwrap());
            }
        }
        Answer::Html => set(&mut response, "text/html; charset=utf-8", b"<html>".to_vec()),
        Answer::Other(Some(content_type), body) => set(&mut response, content_type, body.into()),
        Answer::Other(None, body) => *response.body_mut() = Body::new(Full::new(body.into())),
        Answer::Endless => set(&mut response, "application/x-protobuf", vec![0; 5 * 1024 * 1024]),
        Answer::Nothing => tokio::time::sleep(Duration::from_secs(3600)).await,
        Answer::Grpc(code) => panic!("{code:?} over HTTP"),
    }
    response
}

impl Answer {
    fn refused(&self) -> Option<i64> {
        if let Self::Refuse(items) = self { Some(*items) } else { None }
    }
}

impl Shared {
    /// Remembers a batch and says how to answer it.
    fn take(&self, came: Came, request: Received) -> Answer {
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Answer::Take);
        self.batches.lock().unwrap().push(Batch { came, request, answer: answer.clone() });
        answer
    }
}

/// The gRPC services for one call.
struct Collector {
    shared: Shared,
    came: Came,
}

impl Collector {
    async fn export<T>(
        &self,
        request: Received,
        answer: fn(Option<i64>) -> T,
    ) -> Result<tonic::Response<T>, tonic::Status> {
        let said = self.shared.take(self.came.clone(), request);
        match &said {
            Answer::Take | Answer::Refuse(_) => Ok(tonic::Response::new(answer(said.refused()))),
            Answer::Grpc(code) => Err(tonic::Status::new(*code, "hidden from logs")),
            Answer::Nothing => {
                tokio::time::sleep(Duration::from_secs(3600)).await;
                Err(tonic::Status::internal("never"))
            }
            Answer::Http(..) | Answer::Html | Answer::Other(..) | Answer::Endless => {
                panic!("{said:?} over gRPC")
            }
        }
    }
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        self.export(Received::Traces(request.into_inner()), received::traces_answer).await
    }
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        self.export(Received::Logs(request.into_inner()), received::logs_answer).await
    }
}

#[tonic::async_trait]
impl MetricsService for Collector {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        self.export(Received::Metrics(request.into_inner()), received::metrics_answer).await
    }
}
