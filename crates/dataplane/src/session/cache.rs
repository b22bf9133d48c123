//! The server-session cache: which session the gateway has with a server on behalf of a gateway session.
//!
//! Entries live in the store under `session/<jti>/<server>` as long as the gateway session does, and remember also
//! that a server issues no session id. Opening sessions is [`crate::session::upstream`], closing them
//! [`crate::session::close`].

use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use mcp_gateway_core::mcp::ProtocolVersion;

use crate::clock::Clock;
use crate::session::id::{Jti, UpstreamSessionId};
use crate::session::token::SessionFacts;
use crate::store::{Store, StoreError};

/// First byte of every value, so that another layout can follow.
const LAYOUT: u8 = 2;
/// What the keys of entries begin with.
const PREFIX: &str = "session/";

/// Reads and writes the cache. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SessionCache {
    store: Arc<Store>,
    clock: Clock,
}

/// A session with one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSession {
    /// What the server issued; `None` when it issues no session ids.
    pub session_id: Option<UpstreamSessionId>,
    /// The revision the server answered `initialize` with, for the `MCP-Protocol-Version` header towards it.
    pub protocol_version: ProtocolVersion,
    /// When it was opened, since the Unix epoch, in whole milliseconds.
    pub opened_at: Duration,
}

/// A session with a server, and which server it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSession {
    /// The server's configured name.
    pub server: String,
    /// Its session.
    pub session: UpstreamSession,
}

impl UpstreamSession {
    /// A session that is opened now, at `now` since the Unix epoch.
    pub fn new(
        session_id: Option<UpstreamSessionId>,
        protocol_version: ProtocolVersion,
        now: Duration,
    ) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        Self { session_id, protocol_version, opened_at: Duration::from_millis(millis) }
    }

    /// How long it has lasted at `now`, since the Unix epoch.
    pub fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.opened_at)
    }
}

impl ServerSession {
    /// Reads an entry of the store; `None` for one that is not a session with a server.
    pub fn from_entry(key: &str, value: &[u8]) -> Option<Self> {
        let (_jti, server) = key.strip_prefix(PREFIX)?.split_once('/')?;
        Some(Self { server: server.to_owned(), session: decode(value)? })
    }
}

impl SessionCache {
    /// A cache in `store`; `clock` is the one that session tokens use.
    pub fn new(store: Arc<Store>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The session with `server`, when there is one.
    pub async fn get(
        &self,
        gateway_session: &SessionFacts,
        server: &str,
    ) -> Result<Option<UpstreamSession>, StoreError> {
        let value = self.store.get(&key(&gateway_session.jti, server)).await?;
        Ok(value.as_deref().and_then(decode))
    }

    /// Remembers `session` for as long as the gateway session lasts.
    pub async fn put(
        &self,
        gateway_session: &SessionFacts,
        server: &str,
        session: &UpstreamSession,
    ) -> Result<(), StoreError> {
        let key = key(&gateway_session.jti, server);
        self.store.put(&key, encode(session), self.time_left(gateway_session)).await
    }

    /// Forgets `session`, unless another one has taken its place meanwhile; says whether it was forgotten.
    ///
    /// For a session that the server no longer knows: of many calls that fail with it, none may remove its successor.
    pub async fn forget(
        &self,
        gateway_session: &SessionFacts,
        server: &str,
        session: &UpstreamSession,
    ) -> Result<bool, StoreError> {
        self.store.delete_if(&key(&gateway_session.jti, server), &encode(session)).await
    }

    /// Removes and returns every session of the gateway session, in the order of the servers' names.
    pub async fn take_all(
        &self,
        gateway_session: &SessionFacts,
    ) -> Result<Vec<ServerSession>, StoreError> {
        let prefix = key(&gateway_session.jti, "");
        let removed = self.store.delete_prefix(&prefix).await?;
        let sessions = removed.iter().filter_map(|entry| {
            let server = entry.key.strip_prefix(&prefix)?.to_owned();
            Some(ServerSession { server, session: decode(&entry.value)? })
        });
        Ok(sessions.collect())
    }

    fn time_left(&self, gateway_session: &SessionFacts) -> Duration {
        gateway_session.expires_at.saturating_sub(self.clock.unix())
    }
}

/// The key of one server's entry. The jti is a UUID, so no two sessions share a prefix.
pub(super) fn key(jti: &Jti, server: &str) -> String {
    format!("{PREFIX}{}/{server}", jti.as_str())
}

/// Layout, the time of opening in milliseconds (eight bytes, the highest first), the protocol version (always ten
/// characters), then the session id; an empty one is none.
fn encode(session: &UpstreamSession) -> Bytes {
    let version = session.protocol_version.as_str().as_bytes();
    let id = session.session_id.as_ref().map_or(&[][..], UpstreamSessionId::expose);
    let mut value = BytesMut::with_capacity(1 + 8 + version.len() + id.len());
    value.put_u8(LAYOUT);
    value.put_u64(u64::try_from(session.opened_at.as_millis()).unwrap_or(u64::MAX));
    value.put_slice(version);
    value.put_slice(id);
    value.freeze()
}

/// `None` for a value that this version did not write: it counts as absent.
fn decode(value: &[u8]) -> Option<UpstreamSession> {
    let (&layout, rest) = value.split_first()?;
    if layout != LAYOUT {
        return None;
    }
    let (millis, rest) = rest.split_first_chunk()?;
    let (version, id) = rest.split_at_checked(ProtocolVersion::LATEST.as_str().len())?;
    let protocol_version = ProtocolVersion::parse(std::str::from_utf8(version).ok()?)?;
    let session_id = if id.is_empty() { None } else { Some(UpstreamSessionId::new(id).ok()?) };
    let opened_at = Duration::from_millis(u64::from_be_bytes(*millis));
    Some(UpstreamSession { session_id, protocol_version, opened_at })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mcp_gateway_core::mcp::ProtocolVersion;

    use super::{ServerSession, UpstreamSession, UpstreamSessionId, decode, encode};

    #[test]
    fn values_survive_the_store() {
        for id in [None, Some("a"), Some("0123-~!")] {
            let id = id.map(|id| UpstreamSessionId::new(id.as_bytes()).unwrap());
            let now = Duration::from_nanos(1_795_000_000_123_456_789);
            let session = UpstreamSession::new(id, ProtocolVersion::V2025_06_18, now);
            assert_eq!(session.age(now + Duration::from_secs(1)).as_secs(), 1);
            assert_eq!(decode(&encode(&session)), Some(session.clone()));
            let entry = ServerSession::from_entry("session/some-id/demo/a", &encode(&session));
            assert_eq!(entry, Some(ServerSession { server: "demo/a".to_owned(), session }));
        }
    }

    #[test]
    fn foreign_values_count_as_absent() {
        for value in [
            "",
            "\x01",
            "\x02",
            "\x0212345678",
            "\x02123456782025-06",
            "\x02123456782024-11-05",
            "\x02123456782026-07-28abc",
            "\x01123456782025-06-18abc",
            "\x02123456782025-06-18a b",
        ] {
            assert_eq!(decode(value.as_bytes()), None, "{value:?}");
        }
        for key in ["", "ended/some-id", "session/", "session/some-id"] {
            assert_eq!(ServerSession::from_entry(key, b"\x02123456782025-06-18"), None, "{key}");
        }
    }
}
