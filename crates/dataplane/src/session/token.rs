//! Gateway session tokens: the JWT that a client holds as its `Mcp-Session-Id`.
//!
//! A token says everything itself, so any replica with the key accepts it. Only its early end is shared state: a
//! tombstone in the store, kept until the token would have expired anyway.
//! Claims: `iss`, `aud`, `iat`, `nbf`, `exp`, `jti` (a UUID) and `protocol_version`, what was negotiated.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use jsonwebtoken::{Algorithm, Header, Validation, decode, encode};
use mcp_gateway_core::header::MCP_SESSION_ID;
use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_core::routing::SessionState;
use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::clock::Clock;
use crate::session::id::{GatewaySessionId, Jti};
use crate::session::key::{KeyError, Purpose, PurposeKeys, SigningKeys};
use crate::store::{Store, StoreError};

/// Issuer of every token of the gateway.
pub(super) const ISSUER: &str = "mcp-gateway";
/// Whom session tokens are for.
const AUDIENCE: &str = "mcp-gateway";
/// Longest token that is looked at, in bytes; ours have less than 500.
pub(super) const TOKEN_BYTES_MAX: usize = 2_048;
/// How far another replica's clock may be ahead of ours before its new tokens are refused.
pub(super) const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);

/// Makes, verifies and ends gateway sessions. Cheap to clone.
#[derive(Clone)]
pub struct SessionTokens {
    inner: Arc<Inner>,
}

struct Inner {
    keys: PurposeKeys,
    validation: Validation,
    ttl: Duration,
    clock: Clock,
    store: Arc<Store>,
}

/// A session just made.
#[derive(Debug)]
pub struct GatewaySession {
    /// What the client gets.
    pub token: GatewaySessionId,
    /// What later verifications of the token say.
    pub facts: SessionFacts,
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionFacts {
    /// The session's unique id; [`Jti::log_id`] is for logs and spans.
    pub jti: Jti,
    /// When the session was opened, since the Unix epoch, in whole seconds.
    pub opened_at: Duration,
    /// When the session ends, since the Unix epoch, in whole seconds.
    pub expires_at: Duration,
    /// The revision that `initialize` agreed on.
    pub protocol_version: ProtocolVersion,
}

/// Why the session that a request names cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Not a token of this gateway, or sent twice.
    #[error("session id is not valid")]
    Invalid,
    /// The token was valid once.
    #[error("session has expired")]
    Expired,
    /// The session was ended before its time.
    #[error("session has ended")]
    Ended,
}

/// A token could not be made: the cryptography library failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign a session token")]
pub struct MintError(#[source] Option<jsonwebtoken::errors::Error>);

#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: [&'a str; 1],
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: &'a str,
    protocol_version: &'a str,
}

/// The claims that are read back; issuer and audience were compared before.
#[derive(Deserialize)]
struct ReadClaims {
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    protocol_version: String,
}

impl SessionTokens {
    /// Sessions last `ttl` (at least a second); their early ends are kept in `store`.
    pub fn new(
        keys: &SigningKeys,
        ttl: Duration,
        store: Arc<Store>,
        clock: Clock,
    ) -> Result<Self, KeyError> {
        let keys = keys.for_purpose(Purpose::Session)?;
        let ttl = ttl.max(Duration::from_secs(1));
        let validation = validation(AUDIENCE);
        Ok(Self { inner: Arc::new(Inner { keys, validation, ttl, clock, store }) })
    }

    /// Makes a session that begins now.
    pub fn mint(&self, protocol_version: ProtocolVersion) -> Result<GatewaySession, MintError> {
        let now = self.inner.clock.unix().as_secs();
        let exp = now.saturating_add(self.inner.ttl.as_secs());
        let jti = Jti::random();
        let claims = Claims {
            iss: ISSUER,
            aud: [AUDIENCE],
            iat: now,
            nbf: now,
            exp,
            jti: jti.as_str(),
            protocol_version: protocol_version.as_str(),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.inner.keys.signing)
            .map_err(|error| MintError(Some(error)))?;
        let token = GatewaySessionId::new(&token).ok_or(MintError(None))?;
        let facts = SessionFacts {
            jti,
            opened_at: Duration::from_secs(now),
            expires_at: Duration::from_secs(exp),
            protocol_version,
        };
        Ok(GatewaySession { token, facts })
    }

    /// Reads the session that a request's headers name, and verifies it; `None` when they name none.
    pub async fn read(&self, headers: &HeaderMap) -> Result<Option<SessionFacts>, SessionError> {
        let mut values = headers.get_all(MCP_SESSION_ID).iter();
        let Some(token) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(SessionError::Invalid);
        }
        let token = token.to_str().map_err(|_| SessionError::Invalid)?;
        self.verify(token).await.map(Some)
    }

    /// Verifies a token: signed by this gateway, not expired, not ended.
    ///
    /// When the store cannot say whether the session has ended, the token counts: a session gives no rights by
    /// itself, and refusing them all would take every client down with the store.
    pub async fn verify(&self, token: &str) -> Result<SessionFacts, SessionError> {
        let facts = self.decode(token)?;
        if facts.expires_at <= self.inner.clock.unix() {
            return Err(SessionError::Expired);
        }
        match self.is_ended(&facts).await {
            Ok(false) => Ok(facts),
            Ok(true) => Err(SessionError::Ended),
            Err(error) => {
                warn!(
                    mcp.session.id = facts.log_id(), error.type = error.reason(), %error,
                    "Whether a session has ended cannot be read."
                );
                Ok(facts)
            }
        }
    }

    /// Ends a session before its time: from now on [`SessionTokens::verify`] says [`SessionError::Ended`].
    /// Says whether this call ended it.
    pub async fn end(&self, facts: &SessionFacts) -> Result<bool, StoreError> {
        let ttl = self.time_left(facts);
        self.inner.store.put_if_absent(&tombstone(facts), Bytes::new(), ttl).await
    }

    /// Says whether the session was ended before its time.
    pub async fn is_ended(&self, facts: &SessionFacts) -> Result<bool, StoreError> {
        Ok(self.inner.store.get(&tombstone(facts)).await?.is_some())
    }

    /// The time by which sessions begin and end, since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.inner.clock.unix()
    }

    /// How long the session lasts from now; zero when it is over.
    pub fn time_left(&self, facts: &SessionFacts) -> Duration {
        facts.expires_at.saturating_sub(self.inner.clock.unix())
    }

    fn decode(&self, token: &str) -> Result<SessionFacts, SessionError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(SessionError::Invalid);
        }
        let claims = self
            .inner
            .keys
            .verifying
            .iter()
            .find_map(|key| decode::<ReadClaims>(token, key, &self.inner.validation).ok())
            .ok_or(SessionError::Invalid)?
            .claims;
        let latest_start = self.inner.clock.unix().saturating_add(CLOCK_SKEW_MAX);
        if Duration::from_secs(claims.nbf) > latest_start {
            return Err(SessionError::Invalid);
        }
        let jti = Jti::parse(&claims.jti).ok_or(SessionError::Invalid)?;
        let protocol_version =
            ProtocolVersion::parse(&claims.protocol_version).ok_or(SessionError::Invalid)?;
        Ok(SessionFacts {
            jti,
            opened_at: Duration::from_secs(claims.iat),
            expires_at: Duration::from_secs(claims.exp),
            protocol_version,
        })
    }
}

impl SessionError {
    /// The same as the pure router knows it, which also has the reason and the answer.
    pub fn state(self) -> SessionState {
        match self {
            Self::Invalid => SessionState::Invalid,
            Self::Expired => SessionState::Expired,
            Self::Ended => SessionState::Ended,
        }
    }
}

impl SessionFacts {
    /// How logs and spans name the session: `jti:<uuid>`.
    pub fn log_id(&self) -> &str {
        self.jti.log_id()
    }
}

/// HS256 only, our issuer and the given audience required. Times are compared by the caller, with the clock that it
/// was given: the library would read its own.
pub(super) fn validation(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[audience]);
    validation.validate_exp = false;
    validation
}

fn tombstone(facts: &SessionFacts) -> String {
    format!("ended/{}", facts.jti.as_str())
}

#[cfg(test)]
mod tests;
