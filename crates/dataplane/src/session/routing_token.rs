//! Routing tokens: what the gateway's own requests carry so that its router lets them reach a server's host through
//! Envoy. Bound to one host and valid for half a minute.
//!
//! Claims: `iss`, `aud` = `mcp-router`, `purpose` = `backend-init`, `host`, `exp`; every one is compared.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, Header, Validation, decode, encode};
use mcp_gateway_core::header::ROUTER_KEY;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::session::key::{KeyError, Purpose, PurposeKeys, SigningKeys};
use crate::session::token::{CLOCK_SKEW_MAX, ISSUER, TOKEN_BYTES_MAX, validation};

/// How long a token is valid: initialisation is two requests and has a shorter deadline.
pub const TTL: Duration = Duration::from_secs(30);

const AUDIENCE: &str = "mcp-router";
const PURPOSE: &str = "backend-init";

/// Makes and verifies routing tokens. Cheap to clone.
#[derive(Clone)]
pub struct RoutingTokens {
    inner: Arc<Inner>,
}

struct Inner {
    keys: PurposeKeys,
    validation: Validation,
    clock: Clock,
}

/// The value of the `router-key` header. Secret.
#[derive(Clone)]
pub struct RoutingToken(HeaderValue);

/// Why a routing token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RoutingTokenError {
    /// Not a routing token of this gateway.
    #[error("routing token is not valid")]
    Invalid,
    /// The token was valid once.
    #[error("routing token has expired")]
    Expired,
    /// The token is for another host.
    #[error("routing token is for another host")]
    WrongHost,
}

/// A token could not be made: the cryptography library failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot sign a routing token")]
pub struct RoutingMintError(#[source] Option<jsonwebtoken::errors::Error>);

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    purpose: &'a str,
    host: &'a str,
    exp: u64,
}

/// The claims that are read back; issuer and audience were compared before.
#[derive(Deserialize)]
struct ReadClaims {
    purpose: String,
    host: String,
    exp: u64,
}

impl RoutingTokens {
    /// Tokens signed with a key that only they use.
    pub fn new(keys: &SigningKeys, clock: Clock) -> Result<Self, KeyError> {
        let keys = keys.for_purpose(Purpose::Routing)?;
        Ok(Self { inner: Arc::new(Inner { keys, validation: validation(AUDIENCE), clock }) })
    }

    /// Makes a token for `host`, the virtual host of one server; letter case does not matter.
    pub fn mint(&self, host: &str) -> Result<RoutingToken, RoutingMintError> {
        let claims = Claims {
            iss: ISSUER,
            aud: AUDIENCE,
            purpose: PURPOSE,
            host: &host.to_ascii_lowercase(),
            exp: self.inner.clock.unix().saturating_add(TTL).as_secs(),
        };
        let token = encode(&Header::new(Algorithm::HS256), &claims, &self.inner.keys.signing)
            .map_err(|error| RoutingMintError(Some(error)))?;
        let mut value = HeaderValue::from_str(&token).map_err(|_| RoutingMintError(None))?;
        value.set_sensitive(true);
        Ok(RoutingToken(value))
    }

    /// Verifies that the one `router-key` header of a request lets it reach `host`.
    pub fn check(&self, headers: &HeaderMap, host: &str) -> Result<(), RoutingTokenError> {
        let mut values = headers.get_all(ROUTER_KEY).iter();
        let (Some(token), None) = (values.next(), values.next()) else {
            return Err(RoutingTokenError::Invalid);
        };
        self.verify(token.as_bytes(), host)
    }

    /// Verifies that `token` lets a request reach `host`.
    pub fn verify(&self, token: &[u8], host: &str) -> Result<(), RoutingTokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(RoutingTokenError::Invalid);
        }
        let claims = self
            .inner
            .keys
            .verifying
            .iter()
            .find_map(|key| decode::<ReadClaims>(token, key, &self.inner.validation).ok())
            .ok_or(RoutingTokenError::Invalid)?
            .claims;
        let latest = Duration::from_secs(claims.exp).saturating_add(CLOCK_SKEW_MAX);
        if latest <= self.inner.clock.unix() {
            return Err(RoutingTokenError::Expired);
        }
        if claims.purpose != PURPOSE {
            return Err(RoutingTokenError::Invalid);
        }
        if !claims.host.eq_ignore_ascii_case(host) {
            return Err(RoutingTokenError::WrongHost);
        }
        Ok(())
    }
}

impl RoutingToken {
    /// The value for a request header.
    pub fn header_value(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The token itself.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl RoutingTokenError {
    /// The value of `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Invalid => "invalid_routing_token",
            Self::Expired => "routing_token_expired",
            Self::WrongHost => "routing_token_for_other_host",
        }
    }
}

impl fmt::Debug for RoutingToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RoutingToken(..)")
    }
}

#[cfg(test)]
mod tests;
