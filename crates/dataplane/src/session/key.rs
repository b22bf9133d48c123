//! Signing keys: one secret of the operator (or of this process), from which each purpose gets a key of its own.
//!
//! Because the keys differ, a token made for one purpose cannot pass as one for another, whatever its claims say.

use std::fmt;

use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

/// Shortest secret that is accepted, in bytes: the output length of SHA-256.
pub const KEY_BYTES_MIN: usize = 32;

/// A secret that tokens are signed with.
#[derive(Clone)]
pub struct SigningKey {
    secret: Vec<u8>,
}

/// The key that signs, and those that only verify: what an earlier key signed stays valid after a rotation.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    signing: SigningKey,
    retired: Vec<SigningKey>,
}

/// What a key may be used for. The label goes into the derivation and must never change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// Gateway session tokens.
    Session,
    /// Tokens that let the gateway's own requests reach a server's host through Envoy.
    Routing,
}

/// The keys of one purpose, ready for use.
pub(super) struct PurposeKeys {
    pub(super) signing: EncodingKey,
    /// The signing key first, then the retired ones.
    pub(super) verifying: Vec<DecodingKey>,
}

/// Why a secret cannot be a signing key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The secret has too few bytes.
    #[error("signing key has {bytes} bytes, at least {KEY_BYTES_MIN} are needed")]
    TooShort {
        /// Its length.
        bytes: usize,
    },
    /// The cryptography library could not sign with the key.
    #[error("cannot derive a key from the signing key")]
    Derivation,
}

impl SigningKey {
    /// Takes the operator's secret, at least [`KEY_BYTES_MIN`] bytes.
    pub fn new(secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < KEY_BYTES_MIN {
            return Err(KeyError::TooShort { bytes: secret.len() });
        }
        Ok(Self { secret: secret.to_vec() })
    }

    /// A random key; what it signs ends with the process.
    pub fn random() -> Self {
        Self { secret: rand::random::<[u8; KEY_BYTES_MIN]>().to_vec() }
    }

    /// HMAC-SHA256 over the purpose's label: the expand step of HKDF, one block. The result is the 43 base64url
    /// characters of the 32 bytes, which carry the same entropy.
    fn derive(&self, purpose: Purpose) -> Result<String, KeyError> {
        let master = EncodingKey::from_secret(&self.secret);
        sign(purpose.label(), &master, Algorithm::HS256).map_err(|_| KeyError::Derivation)
    }
}

impl SigningKeys {
    /// Only one key, which signs and verifies.
    pub fn new(signing: SigningKey) -> Self {
        Self { signing, retired: Vec::new() }
    }

    /// Adds a key that verifies what it once signed and signs nothing more.
    #[must_use]
    pub fn with_retired(mut self, key: SigningKey) -> Self {
        self.retired.push(key);
        self
    }

    pub(super) fn for_purpose(&self, purpose: Purpose) -> Result<PurposeKeys, KeyError> {
        let signing = self.signing.derive(purpose)?;
        let mut verifying = vec![DecodingKey::from_secret(signing.as_bytes())];
        for key in &self.retired {
            verifying.push(DecodingKey::from_secret(key.derive(purpose)?.as_bytes()));
        }
        Ok(PurposeKeys { signing: EncodingKey::from_secret(signing.as_bytes()), verifying })
    }
}

impl Purpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Session => b"mcp-gateway session token v1\x01",
            Self::Routing => b"mcp-gateway routing token v1\x01",
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{KEY_BYTES_MIN, KeyError, Purpose, SigningKey};

    #[test]
    fn short_secrets_are_refused() {
        let short = vec![b'k'; KEY_BYTES_MIN - 1];
        let error = SigningKey::new(&short).map(|_| ());
        assert_eq!(error, Err(KeyError::TooShort { bytes: KEY_BYTES_MIN - 1 }));
        assert!(SigningKey::new(&[b'k'; KEY_BYTES_MIN]).is_ok());
    }

    #[test]
    fn purposes_have_different_keys_and_a_secret_gives_the_same_ones_again() {
        let key = SigningKey::new(&[7; KEY_BYTES_MIN]).unwrap();
        let session = key.derive(Purpose::Session).unwrap();
        assert_ne!(session, key.derive(Purpose::Routing).unwrap());
        assert_eq!(session, key.clone().derive(Purpose::Session).unwrap());
        assert_ne!(session, SigningKey::random().derive(Purpose::Session).unwrap());
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = SigningKey::new(b"0123456789abcdef0123456789abcdef").unwrap();
        assert!(!format!("{key:?}").contains("0123"));
    }
}
