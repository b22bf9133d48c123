//! Why a receiver of telemetry did not take what was sent to it, in plain words.

use mcp_gateway_telemetry::status::FailureCause;

use super::report::Death;
use super::tls;

/// How an authority is made known that vouches for a receiver.
const TRUST: &str = "name its PEM file in OTEL_EXPORTER_OTLP_CERTIFICATE";

/// Explains where an export died. `variable` is where the endpoint comes from, `error` what the exporter says.
pub(super) fn explain(cause: FailureCause, variable: &str, error: &str) -> Death {
    let death = |step, what: &str, advice: String| Death::new(step, what, advice, error);
    match cause {
        FailureCause::NameResolution => death(
            "name resolution",
            "The host of the endpoint has no address.",
            format!("Correct the host in {variable}. {KUBERNETES}"),
        ),
        FailureCause::Refused => death(
            "connect",
            "The host is there, but nobody listens on this port.",
            format!("Start the receiver, or correct the port in {variable}: {PORTS}."),
        ),
        FailureCause::Unreachable => death(
            "connect",
            "The host does not take a connection.",
            format!("Look for a firewall or a network policy in between, or correct {variable}."),
        ),
        FailureCause::Tls(cause) => {
            let (what, advice) = tls::explain(cause, TRUST);
            death("TLS", what, advice)
        }
        FailureCause::Broken => death(
            "exchange",
            "The connection broke before there was an answer.",
            format!("{PROTOCOL} A receiver that wants a client certificate may also hang up so."),
        ),
        FailureCause::NotHttp => death(
            "exchange",
            "What came back is not HTTP.",
            format!("{PROTOCOL} If the receiver speaks TLS, the endpoint begins with https://."),
        ),
        FailureCause::Timeout => {
            death("answer", "It took the connection and gave no answer in time.", SILENT.to_owned())
        }
        FailureCause::HttpStatus(status) => of_http(status, variable, error),
        FailureCause::GrpcStatus(code) => of_grpc(code, variable, error),
        FailureCause::Rejected => death(
            "partial success",
            "The receiver took the request, but refused what was in it.",
            "Its own word on why is in the error below, and in its log.".to_owned(),
        ),
        FailureCause::NotOtlp => death(
            "answer",
            "What answers is not an OTLP receiver: it sends a page for people, or no end of bytes.",
            format!("Correct {variable}: it leads to a web site, a login page or a proxy."),
        ),
        FailureCause::TooLarge => death(
            "encoding",
            "The batch is larger than a receiver has to take.",
            "Make batches smaller with OTEL_BSP_MAX_EXPORT_BATCH_SIZE.".to_owned(),
        ),
        FailureCause::Output => death(
            "output",
            "Standard output cannot be written.",
            "Look where standard output goes.".to_owned(),
        ),
        FailureCause::Panic => death(
            "encoding",
            "The exporter itself failed, which is a mistake of the gateway.",
            "Report it, with what the gateway wrote to standard error.".to_owned(),
        ),
    }
}

const KUBERNETES: &str = "Inside of Kubernetes it is <service>.<namespace>.svc.";
const PORTS: &str = "4318 is usual for OTLP over HTTP, 4317 for gRPC";
const SILENT: &str = "Look at the receiver: it hangs, is overloaded, or is no OTLP receiver. \
                      OTEL_EXPORTER_OTLP_TIMEOUT says how long is waited, in milliseconds.";
const PROTOCOL: &str = "Probably it speaks another protocol: 4318 is usually OTLP over HTTP (http://), 4317 OTLP over gRPC \
                        (rpc://, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc).";

/// What to do when it wants other credentials.
const CREDENTIALS: &str =
    "Put what it wants into OTEL_EXPORTER_OTLP_HEADERS, such as authorization=Bearer%20<token>.";

fn of_http(status: u16, variable: &str, error: &str) -> Death {
    let (what, advice) = match status {
        401 | 403 => {
            (format!("It wants other credentials: HTTP status {status}."), CREDENTIALS.to_owned())
        }
        404 | 405 => (
            format!("The path is wrong: HTTP status {status}."),
            format!(
                "Correct the path in {variable}. A receiver takes /v1/traces, /v1/logs and /v1/metrics below its base; \
                 the gateway adds them to OTEL_EXPORTER_OTLP_ENDPOINT, and to the endpoint of a signal only when that \
                 has no path."
            ),
        ),
        413 => (
            "It takes no request of this size: HTTP status 413.".to_owned(),
            "Raise its limit, or make batches smaller with OTEL_BSP_MAX_EXPORT_BATCH_SIZE."
                .to_owned(),
        ),
        415 => (
            "It does not take this form of OTLP: HTTP status 415.".to_owned(),
            "Try OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf, http/json or grpc.".to_owned(),
        ),
        429 => (
            "It takes no more for now: HTTP status 429.".to_owned(),
            "Its limit of requests or volume is reached; ask who runs it.".to_owned(),
        ),
        300..=399 => (
            format!("It redirects, which the gateway does not follow: HTTP status {status}."),
            format!("Put the address that it leads to into {variable}."),
        ),
        500..=599 => (
            format!("Something went wrong there: HTTP status {status}."),
            "Look at the log of the receiver, and of any proxy before it.".to_owned(),
        ),
        _ => (
            format!("It does not take the request: HTTP status {status}."),
            "Look at the log of the receiver.".to_owned(),
        ),
    };
    Death::new("HTTP", what, advice, error)
}

/// The numbers are those of gRPC.
fn of_grpc(code: i32, variable: &str, error: &str) -> Death {
    let (what, advice) = match code {
        7 | 16 => (
            "It wants other credentials: gRPC status PERMISSION_DENIED or UNAUTHENTICATED.",
            CREDENTIALS.to_owned(),
        ),
        12 => (
            "It does not know this signal, or is no OTLP receiver: gRPC status UNIMPLEMENTED.",
            format!(
                "Turn the signal on there, correct {variable}, or switch the signal off here with \
                 OTEL_<SIGNAL>_EXPORTER=none."
            ),
        ),
        8 => (
            "It takes no more for now: gRPC status RESOURCE_EXHAUSTED.",
            "Its limit of requests or volume is reached; ask who runs it.".to_owned(),
        ),
        4 | 14 => (
            "It is not there for now: gRPC status UNAVAILABLE or DEADLINE_EXCEEDED.",
            "Look at the receiver, and at any proxy before it.".to_owned(),
        ),
        _ => ("It answered with a gRPC error.", "Look at the log of the receiver.".to_owned()),
    };
    Death::new("gRPC", what, advice, error)
}
