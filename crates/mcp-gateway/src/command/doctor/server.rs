//! Can a server be used: the way to it, `initialize`, and its list of tools; or where that died.
//!
//! The client is the one that `serve` uses. The session that is opened is closed again.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use mcp_gateway_core::config::{Config, Server};
use mcp_gateway_dataplane::chain::Chain;
use mcp_gateway_dataplane::http::body::BodyError;
use mcp_gateway_dataplane::http::client::{HttpClients, HttpError};
use mcp_gateway_dataplane::upstream::{InitializeContext, ServerClient, UpstreamError, Via};
use mcp_gateway_telemetry::Span;
use mcp_gateway_telemetry::status::TlsCause;
use tokio::time::{Instant, timeout};

use super::report::{Death, Finding, Verdict};
use super::tls;

/// Servers that are looked at at the same time.
const AT_ONCE_MAX: usize = 16;
/// The time that one server gets for everything.
const DEADLINE: Duration = Duration::from_secs(30);
/// How an authority is made known that vouches for a server.
const TRUST: &str = "with caCert at the server, or gatewayCACertPEM for all";

/// Looks at every server of a configuration, in its order.
pub(super) async fn check_all(config: &Config) -> Vec<Finding> {
    let clients = HttpClients::new(config);
    let checks = config.servers.iter().map(|server| check(config, &clients, server));
    stream::iter(checks).buffered(AT_ONCE_MAX).collect().await
}

async fn check(config: &Config, clients: &HttpClients, server: &Server) -> Finding {
    let verdict = if server.enabled {
        match clients.direct(server) {
            Ok(http) => ask(config, server, Via::Direct(http)).await,
            Err(error) => Err(explain(&UpstreamError::Tls(error), "TLS")),
        }
    } else {
        Ok(Verdict::Off("The configuration says enabled: false.".to_owned()))
    };
    Finding {
        subject: server.name.clone(),
        target: shown(&server.url),
        verdict: verdict.unwrap_or_else(Verdict::Failed),
        remarks: Vec::new(),
    }
}

/// A URL without what could be secret in it.
fn shown(url: &url::Url) -> String {
    url[..url::Position::AfterPath].to_owned()
}

async fn ask(config: &Config, server: &Server, via: Via) -> Result<Verdict, Death> {
    let client = ServerClient::new(Arc::new(server.clone()), via, config.limits.clone());
    let asked = timeout(DEADLINE, async {
        let context = InitializeContext {
            headers: HeaderMap::new(),
            trace: None,
            deadline: Instant::now() + config.limits.session_init_timeout,
        };
        let opened = client.initialize(&context).await;
        let opened = opened.map_err(|error| explain(&error, "initialize"))?;
        let listed = client.list_tools(&opened.session, &Span::off()).await;
        drop(client.close(&opened.session, None).await);
        let tools = listed.map_err(|error| explain(&error, "tools/list"))?.tools.len();
        let name =
            opened.server_info_text("name").unwrap_or_else(|| "a nameless server".to_owned());
        let version = opened.server_info_text("version").unwrap_or_default();
        let revision = opened.session.protocol_version.as_str();
        let tools = crate::command::counted(tools, "tool");
        let who = format!("{name} {version}");
        Ok(Verdict::Works(format!("{}: MCP {revision}, {tools}.", who.trim_end())))
    });
    asked.await.unwrap_or_else(|_| {
        Err(Death::new(
            "answer",
            format!("It was not done within {DEADLINE:?}."),
            "Look at the server: it hangs, or its list of tools has no end.",
            "",
        ))
    })
}

/// Explains why a server could not be used. `step` is the MCP request that was under way.
pub(super) fn explain(error: &UpstreamError, step: &'static str) -> Death {
    let text = Chain(error).to_string();
    let death = |step, what: &str, advice: &str| Death::new(step, what, advice, &text);
    match error {
        UpstreamError::Http(error) | UpstreamError::Body(BodyError::Cut(error)) => {
            of_http(error, &text)
        }
        UpstreamError::Tls(_)
        | UpstreamError::InvalidRequest(_)
        | UpstreamError::RoutingToken(_) => death(
            "settings",
            "What the configuration says of it cannot be used to call it.",
            "Correct caCert, gatewayCACertPEM, credential, url or signingKey: the error says which.",
        ),
        UpstreamError::ThroughEnvoy(fault) => Death::new(
            "behind Envoy",
            format!("Envoy could not ask the server: {}.", fault.reason()),
            "Look at the server's cluster in Envoy: its address, its TLS, its time-outs.",
            &text,
        ),
        UpstreamError::Status { status, .. } | UpstreamError::SessionLost { status } => {
            of_status(*status, &text)
        }
        UpstreamError::Policy { status } => Death::new(
            "policy",
            format!("A policy in Envoy refused the request: HTTP status {}.", status.as_u16()),
            "The way is open as far as the policy. It may want credentials of a client, which this test has not.",
            &text,
        ),
        UpstreamError::Redirect { .. } => death(
            "HTTP",
            "It redirects, which the gateway does not follow.",
            "Put the address that it leads to into url.",
        ),
        UpstreamError::ContentType { .. }
        | UpstreamError::InvalidMessage(_)
        | UpstreamError::InvalidStream(_)
        | UpstreamError::WrongId
        | UpstreamError::NoAnswer
        | UpstreamError::InvalidResult(_)
        | UpstreamError::InvalidSessionId(_) => death(
            step,
            "It answers, but not as an MCP server.",
            "Look at the path of its url: something else may answer there. If it is right, the server is broken.",
        ),
        UpstreamError::Refused(_) => death(
            step,
            "It refused the request with a JSON-RPC error.",
            "Look at the log of the server.",
        ),
        UpstreamError::UnsupportedVersion { .. } => death(
            step,
            "It chose a revision of MCP that the gateway does not speak.",
            "The gateway speaks 2025-03-26, 2025-06-18 and 2025-11-25: look for an update of the server, or of the gateway.",
        ),
        UpstreamError::Body(BodyError::Timeout) => {
            death(step, "It began to answer and did not end.", "Look at the log of the server.")
        }
        UpstreamError::Body(BodyError::TooLarge(_))
        | UpstreamError::TooManyPages { .. }
        | UpstreamError::CursorCycle
        | UpstreamError::TooManyTools { .. }
        | UpstreamError::ListTooLarge { .. } => death(
            step,
            "It sends more than the gateway takes, or goes in circles.",
            "Raise the limit that the error names, when the server means it.",
        ),
    }
}

fn of_http(error: &HttpError, text: &str) -> Death {
    let death = |step, what: &str, advice: &str| Death::new(step, what, advice, text);
    match error {
        HttpError::Dns(_) => death(
            "name resolution",
            "The host of its url has no address.",
            "Correct the host in url. Inside of Kubernetes it is <service>.<namespace>.svc.",
        ),
        HttpError::Connect(_) if is_refused(error) => death(
            "connect",
            "The host is there, but nobody listens on this port.",
            "Start the server, or correct the port in url.",
        ),
        HttpError::Connect(_) | HttpError::ConnectTimeout(_) => death(
            "connect",
            "The host does not take a connection.",
            "Look for a firewall or a network policy in between, or correct url.",
        ),
        HttpError::Tls(_) => {
            let (what, advice) =
                tls::explain(TlsCause::find(error).unwrap_or(TlsCause::Other), TRUST);
            Death::new("TLS", what, advice, text)
        }
        HttpError::Timeout(_) => death(
            "answer",
            "It took the connection and gave no answer in time.",
            "Look at the server: it hangs or is overloaded.",
        ),
        HttpError::Reset(_) | HttpError::Closed(_) | HttpError::Protocol(_) => death(
            "exchange",
            "It hung up, or what came back is not HTTP.",
            "It is another program, or url needs https:// in place of http://.",
        ),
    }
}

fn is_refused(error: &HttpError) -> bool {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |cause| (**cause).source()).any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused)
    })
}

fn of_status(status: StatusCode, text: &str) -> Death {
    let number = status.as_u16();
    let (what, advice) = match number {
        401 | 403 => (
            "It wants other credentials",
            "Put what it wants into credential at the server, such as \"Bearer ${TOKEN}\".",
        ),
        404 | 405 => {
            ("Nothing for MCP is at this path", "Correct the path of url: often it is /mcp.")
        }
        429 => ("It takes no more for now", "Its limit of requests is reached; ask who runs it."),
        500..=599 => ("Something went wrong there", "Look at its log, and of any proxy before it."),
        _ => ("It does not take the request", "Look at the log of the server."),
    };
    Death::new("HTTP", format!("{what}: HTTP status {number}."), advice, text)
}
