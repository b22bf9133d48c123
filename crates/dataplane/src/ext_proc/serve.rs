//! The gRPC listener that Envoy connects to, with gRPC health beside the service.

use std::io;
use std::time::Duration;

use envoy_types::pb::envoy::service::ext_proc::v3::external_processor_server::ExternalProcessorServer;
use futures_util::{StreamExt, TryStreamExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::chain::Chain;
use crate::ext_proc::ExtProc;
use crate::http::server::pause_after;

/// HTTP requests that one connection of Envoy's carries at once; each of its worker threads has a connection.
const STREAMS_MAX: u32 = 10_000;
/// Silence on a connection after which a ping is sent, so that one that died is noticed.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long the answer to a ping may take.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A bound listener for Envoy.
pub enum Listener {
    /// A TCP port.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// Serves until `shutdown`, then until the open streams have ended, at most for the drain time.
pub async fn serve(
    listener: Listener,
    service: ExtProc,
    body_bytes_max: usize,
    (shutdown, drain): (CancellationToken, Duration),
) {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_serving::<ExternalProcessorServer<ExtProc>>().await;
    let router = Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(PING_INTERVAL))
        .http2_keepalive_timeout(Some(PING_TIMEOUT))
        .max_concurrent_streams(STREAMS_MAX)
        .add_service(health)
        .add_service(service.into_server(body_bytes_max));
    let stop = shutdown.clone().cancelled_owned();
    let serving = async {
        match listener {
            Listener::Tcp(listener) => {
                // `tcp_nodelay` of the builder does not reach sockets that somebody else accepts.
                let incoming = TcpListenerStream::new(listener)
                    .map_ok(|socket| {
                        socket.set_nodelay(true).unwrap_or_default();
                        socket
                    })
                    .then(unhurried);
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
            Listener::Unix(listener) => {
                let incoming = UnixListenerStream::new(listener).then(unhurried);
                router.serve_with_incoming_shutdown(incoming, stop).await
            }
        }
    };
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(error = %Chain(&error), "The external processor stopped serving.");
            }
        }
        () = deadline => tracing::warn!("Open streams of Envoy were not done in time; they are cut."),
    }
}

/// Waits a little after an error: the server asks again at once, and file descriptors that are used up do not come back
/// that soon.
async fn unhurried<T>(accepted: io::Result<T>) -> io::Result<T> {
    if let Err(error) = &accepted {
        pause_after("ext_proc", error).await;
    }
    accepted
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::unhurried;

    #[tokio::test(start_paused = true)]
    async fn accepting_pauses_when_it_cannot_go_on_and_only_then() {
        let waited = async |accepted: io::Result<()>| {
            let start = Instant::now();
            drop(unhurried(accepted).await);
            start.elapsed()
        };
        let no_descriptors = io::Error::from_raw_os_error(24);
        assert!(waited(Err(no_descriptors)).await >= Duration::from_millis(50));
        assert_eq!(waited(Err(io::ErrorKind::ConnectionAborted.into())).await, Duration::ZERO);
        assert_eq!(waited(Ok(())).await, Duration::ZERO);
    }
}
