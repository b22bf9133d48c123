//! Opens and closes a session with a server.
//!
//! The gateway proposes the newest revision that has a handshake and accepts each that it speaks. What it is told about
//! the server (capabilities, name) is kept as the bytes that came.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use mcp_gateway_core::header::X_MCP_METHOD;
use mcp_gateway_core::jsonrpc::{self, Object};
use mcp_gateway_core::mcp::{ProtocolVersion, method};
use mcp_gateway_telemetry::TraceHeaders;
use tokio::time::Instant;
use tracing::debug;

use super::client::{Answered, CLIENT_NAME, CLIENT_VERSION, Envelope, ServerClient};
use super::error::{UpstreamError, shown};
use super::message;
use crate::chain::Chain;
use crate::clock::Clock;
use crate::session::UpstreamSession;

/// The answer to `initialize` may have as many bytes: it holds instructions, which can be long.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Time to tell a server that a session has ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The revision before streamable HTTP. Servers that answer it over streamable HTTP behave as 2025-03-26 asks.
const TOLERATED_VERSION: &str = "2024-11-05";

/// What a session is opened with.
pub struct InitializeContext {
    /// Headers that go along, already filtered with [`forwarded_headers`](super::forwarded_headers).
    pub headers: HeaderMap,
    /// The trace that the session is opened for.
    pub trace: Option<TraceHeaders>,
    /// When both requests must be over.
    pub deadline: Instant,
}

impl fmt::Debug for InitializeContext {
    /// Shows which headers go along, not what they say: they may be credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.keys().collect();
        f.debug_struct("InitializeContext").field("headers", &names).finish_non_exhaustive()
    }
}

/// What a server answered to `initialize`.
#[derive(Clone, Debug)]
pub struct Initialized {
    /// The session: its id, when the server issues one, and the revision that the server chose.
    pub session: UpstreamSession,
    /// The `capabilities` object as it came.
    pub capabilities: Bytes,
    /// The `serverInfo` object as it came; `{}` when the server told nothing.
    pub server_info: Bytes,
    /// How HTTP went with `initialize`.
    pub http: Answered,
}

impl Initialized {
    /// Says whether the server tells when its list of tools changes.
    pub fn announces_tool_changes(&self) -> bool {
        let capabilities = Object::parse(&self.capabilities).ok();
        let tools = capabilities.and_then(|all| all.get("tools")?.object().ok());
        tools.and_then(|tools| tools.get("listChanged")?.as_bool()) == Some(true)
    }

    /// The text of a member of `serverInfo`, such as `name` or `version`.
    pub fn server_info_text(&self, key: &str) -> Option<String> {
        Object::parse(&self.server_info).ok()?.get(key)?.as_str().map(|text| shown(&text))
    }
}

impl ServerClient {
    /// Opens a session: `initialize`, then `notifications/initialized`.
    ///
    /// A session id is taken from the successful answer to `initialize` alone. When the second request fails, the session
    /// is closed again.
    pub async fn initialize(
        &self,
        context: &InitializeContext,
    ) -> Result<Initialized, UpstreamError> {
        let envelope = Envelope {
            session: None,
            headers: Some(&context.headers),
            trace: context.trace.as_ref(),
            deadline: context.deadline,
        };
        let params = message::params(&members(), context.trace.as_ref());
        let answer =
            self.call(method::INITIALIZE, params.as_deref(), &envelope, ANSWER_BYTES_MAX).await?;
        let (version, capabilities, server_info) = read(&answer.result)?;
        let now = Clock::system().unix();
        let session = UpstreamSession::new(answer.session_id, version, now);
        let mut headers = context.headers.clone();
        if let Some(told) = headers.get_mut(X_MCP_METHOD) {
            *told = HeaderValue::from_static(method::INITIALIZED);
        }
        let envelope = Envelope { session: Some(&session), headers: Some(&headers), ..envelope };
        let initialized = jsonrpc::notification(
            method::INITIALIZED,
            message::params(b"", context.trace.as_ref()).as_deref(),
        );
        if let Err(error) = self.tell(initialized, &envelope).await {
            drop(self.close(&session, context.trace.as_ref()).await);
            return Err(error);
        }
        Ok(Initialized { session, capabilities, server_info, http: answer.http })
    }

    /// Tells the server that a session has ended, best effort and with a deadline of its own. Returns what the server
    /// answered, whatever its status; nothing when the server issues no session ids, and so need not be told.
    ///
    /// Errors have been logged.
    pub async fn close(
        &self,
        session: &UpstreamSession,
        trace: Option<&TraceHeaders>,
    ) -> Result<Option<Answered>, UpstreamError> {
        if session.session_id.is_none() {
            return Ok(None);
        }
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let envelope = Envelope { session: Some(session), headers: None, trace, deadline };
        let sent = match self.request(Method::DELETE, Bytes::new(), &envelope) {
            Ok(request) => self.send(request, &envelope).await,
            Err(error) => Err(error),
        };
        let sent = sent.and_then(|answer| {
            self.told_by_router(&answer)?;
            Ok(Answered::of(&answer))
        });
        let server = &self.server().name;
        match &sent {
            Ok(answered) if is_closed(answered.status) => {}
            Ok(Answered { status, .. }) => debug!(
                mcp.server = %server, status = status.as_u16(),
                "The server did not close the session."
            ),
            Err(error) => debug!(
                mcp.server = %server, error = %Chain(error),
                "The server could not be told that the session is closed."
            ),
        }
        sent.map(Some)
    }
}

/// Whether a status means that a session has ended, or that the server lets no client end one.
pub(super) fn is_closed(status: StatusCode) -> bool {
    status.is_success() || [StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_FOUND].contains(&status)
}

/// The members of the request's `params`, without braces.
fn members() -> Vec<u8> {
    let mut out = Vec::from(&b"\"protocolVersion\":"[..]);
    out.extend_from_slice(&jsonrpc::quote(ProtocolVersion::LATEST.as_str()));
    out.extend_from_slice(b",\"capabilities\":{},\"clientInfo\":{\"name\":");
    out.extend_from_slice(&jsonrpc::quote(CLIENT_NAME));
    out.extend_from_slice(b",\"version\":");
    out.extend_from_slice(&jsonrpc::quote(CLIENT_VERSION));
    out.push(b'}');
    out
}

fn read(result: &Bytes) -> Result<(ProtocolVersion, Bytes, Bytes), UpstreamError> {
    let object = Object::parse(result)
        .map_err(|_| UpstreamError::InvalidResult("the result of initialize is not an object"))?;
    let version = object.get("protocolVersion").and_then(|version| version.as_str());
    let version = version
        .ok_or(UpstreamError::InvalidResult("the result of initialize has no protocolVersion"))?;
    let version = match ProtocolVersion::parse(&version) {
        Some(version) => version,
        None if version == TOLERATED_VERSION => ProtocolVersion::V2025_03_26,
        None => return Err(UpstreamError::UnsupportedVersion { version: shown(&version) }),
    };
    let member = |key| match object.get(key).filter(jsonrpc::Raw::is_object) {
        Some(raw) => result.slice(raw.range()),
        None => Bytes::from_static(b"{}"),
    };
    Ok((version, member("capabilities"), member("serverInfo")))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{StatusCode, Version};

    use super::{Answered, Initialized, members, read};
    use crate::session::UpstreamSession;

    #[test]
    fn the_newest_revision_is_proposed_without_capabilities() {
        let members = String::from_utf8(members()).unwrap();
        let start = r#""protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"mcp-gateway","version":""#;
        assert!(members.starts_with(start), "{members}");
    }

    #[test]
    fn revisions_that_the_gateway_speaks_are_accepted() {
        let check = |version: &str, expect: &str| {
            let result = format!(r#"{{"protocolVersion":{version},"capabilities":{{}}}}"#);
            let got = match read(&Bytes::from(result)) {
                Ok((version, ..)) => version.as_str().to_owned(),
                Err(error) => error.reason().to_owned(),
            };
            assert_eq!(got, expect, "{version}");
        };
        for version in ["2025-03-26", "2025-06-18", "2025-11-25"] {
            check(&format!("{version:?}"), version);
        }
        check(r#""2024-11-05""#, "2025-03-26");
        for version in [r#""2026-07-28""#, r#""2099-01-01""#, r#""""#] {
            check(version, "unsupported_protocol_version");
        }
        check("3", "invalid_result");
        check("null", "invalid_result");
    }

    #[test]
    fn what_the_server_tells_is_kept_as_it_came() {
        let result = br#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{ "listChanged" :true},"x":1e400},"serverInfo":{"name":"a\nb","icons":[]},"new":1}"#;
        let (version, capabilities, server_info) = read(&Bytes::from_static(result)).unwrap();
        assert_eq!(capabilities, &br#"{"tools":{ "listChanged" :true},"x":1e400}"#[..]);
        assert_eq!(server_info, &br#"{"name":"a\nb","icons":[]}"#[..]);
        let session = UpstreamSession::new(None, version, Duration::ZERO);
        let http = Answered { status: StatusCode::OK, version: Version::HTTP_11 };
        let initialized = Initialized { session, capabilities, server_info, http };
        assert!(initialized.announces_tool_changes());
        assert_eq!(initialized.server_info_text("name").as_deref(), Some("a b"));
        assert_eq!(initialized.server_info_text("version"), None);
    }
}
