//! Identifiers of sessions. The two that give access cannot be printed; the third is for logs and spans.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use uuid::Uuid;

/// Longest session id of a server that is kept, in bytes: the id is a header, and headers of this size still pass
/// common proxies.
pub const UPSTREAM_SESSION_ID_BYTES_MAX: usize = 8 * 1_024;

/// What a log or span says before the id of a gateway session.
const LOG_PREFIX: &str = "jti:";

/// The value of `Mcp-Session-Id` towards a client: a signed token. Secret: who holds it has the session.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewaySessionId(HeaderValue);

/// The value of `Mcp-Session-Id` towards a server, as that server issued it. Secret, and never shown to a client.
#[derive(Clone, PartialEq, Eq)]
pub struct UpstreamSessionId(HeaderValue);

/// The unique id inside a gateway session's token. It gives no access and names the session in logs and spans.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Jti {
    /// `jti:` and the UUID.
    log_id: Arc<str>,
}

/// A server issued a session id that MCP does not allow: empty, too long or with characters outside 0x21–0x7E.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session id of {bytes} bytes is empty, too long or not visible ASCII")]
pub struct InvalidSessionId {
    /// Length of the refused id.
    pub bytes: usize,
}

impl GatewaySessionId {
    /// The header value, marked as sensitive. `token` is base64url and dots, so it always is one.
    pub(super) fn new(token: &str) -> Option<Self> {
        sensitive(token.as_bytes()).map(Self)
    }

    /// The value for a response header.
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The token itself.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl UpstreamSessionId {
    /// Accepts 1 to [`UPSTREAM_SESSION_ID_BYTES_MAX`] bytes of visible ASCII.
    pub fn new(id: &[u8]) -> Result<Self, InvalidSessionId> {
        let fits = (1..=UPSTREAM_SESSION_ID_BYTES_MAX).contains(&id.len());
        let visible = id.iter().all(u8::is_ascii_graphic);
        let value = if fits && visible { sensitive(id) } else { None };
        value.map(Self).ok_or(InvalidSessionId { bytes: id.len() })
    }

    /// The value for a request header.
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The id itself.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Jti {
    /// A new random id.
    pub(crate) fn random() -> Self {
        Self::from_uuid(Uuid::new_v4())
    }

    /// Reads the claim; only a UUID is one, so that it can be part of a key.
    pub(super) fn parse(claim: &str) -> Option<Self> {
        Uuid::parse_str(claim).ok().map(Self::from_uuid)
    }

    fn from_uuid(uuid: Uuid) -> Self {
        Self { log_id: format!("{LOG_PREFIX}{uuid}").into() }
    }

    /// How logs and spans name the session: `jti:<uuid>`.
    pub fn log_id(&self) -> &Arc<str> {
        &self.log_id
    }

    /// The UUID alone, for keys.
    pub fn as_str(&self) -> &str {
        self.log_id.strip_prefix(LOG_PREFIX).unwrap_or(&self.log_id)
    }
}

impl fmt::Debug for GatewaySessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GatewaySessionId(..)")
    }
}

impl fmt::Debug for UpstreamSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamSessionId(..)")
    }
}

impl fmt::Debug for Jti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.log_id)
    }
}

fn sensitive(bytes: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::{
        GatewaySessionId, InvalidSessionId, Jti, UPSTREAM_SESSION_ID_BYTES_MAX, UpstreamSessionId,
    };

    #[test]
    fn server_session_ids_are_visible_ascii_of_bounded_length() {
        let check = |id: &[u8], expect: bool| {
            let got = UpstreamSessionId::new(id);
            assert_eq!(got.is_ok(), expect, "{:?}", String::from_utf8_lossy(id));
            match got {
                Ok(session) => assert_eq!(session.expose(), id),
                Err(error) => assert_eq!(error, InvalidSessionId { bytes: id.len() }),
            }
        };
        check(b"!abc~", true);
        check(&[b'a'; UPSTREAM_SESSION_ID_BYTES_MAX], true);
        check(&[b'a'; UPSTREAM_SESSION_ID_BYTES_MAX + 1], false);
        check(b"", false);
        check(b"a b", false);
        check(b"a\n", false);
        check("ü".as_bytes(), false);
    }

    #[test]
    fn secret_ids_do_not_print_their_content() {
        let upstream = UpstreamSessionId::new(b"s3cr3t").unwrap();
        let gateway = GatewaySessionId::new("s3cr3t").unwrap();
        for printed in [
            format!("{upstream:?} {:?}", upstream.header_value()),
            format!("{gateway:?} {:?}", gateway.header_value()),
        ] {
            assert!(!printed.contains("s3cr3t"), "{printed}");
        }
    }

    #[test]
    fn jti_is_a_uuid_and_has_a_log_form() {
        let jti = Jti::random();
        assert_eq!(&**jti.log_id(), format!("jti:{}", jti.as_str()));
        assert_eq!(Jti::parse(jti.as_str()), Some(jti));
        assert_eq!(Jti::parse("a/b"), None);
    }
}
