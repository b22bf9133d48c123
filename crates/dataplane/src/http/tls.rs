//! What the gateway trusts when it calls a server over TLS.
//!
//! The roots of the system are read once; certificates of the configuration (`gatewayCACertPEM`, a server's
//! `caCert`) are added to them, never put in their place. Client certificates are not supported.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;
use tracing::warn;

/// A certificate of the configuration that cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The text is not PEM, or holds something that is not a certificate.
    #[error("{key} is not a PEM certificate")]
    Pem {
        /// The key of the configuration file.
        key: &'static str,
        /// What the PEM reader found.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// The text holds no certificate at all.
    #[error("{key} holds no certificate")]
    Empty {
        /// The key of the configuration file.
        key: &'static str,
    },
    /// A certificate that cannot be a trust anchor.
    #[error("{key} holds a certificate that cannot be trusted as an authority")]
    Anchor {
        /// The key of the configuration file.
        key: &'static str,
        /// Why it is refused.
        #[source]
        source: rustls::Error,
    },
    /// The TLS library refuses the settings of the gateway itself.
    #[error("tls cannot be set up")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    /// The reason for `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            TlsError::Pem { .. } | TlsError::Empty { .. } | TlsError::Anchor { .. } => {
                "invalid_ca_cert"
            }
            TlsError::Setup(_) => "tls_setup_failed",
        }
    }
}

/// Reads the roots of the operating system.
///
/// A system without any (a container made from scratch) is no error: servers that speak plain HTTP, or whose
/// authority is configured, work without them. What cannot be read is logged.
pub(crate) fn system_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        warn!(%error, "A root certificate of the system could not be read.");
    }
    let mut roots = RootCertStore::empty();
    // Old roots with forms that the verifier does not know are left out, as browsers do.
    roots.add_parsable_certificates(found.certs);
    roots
}

/// Adds the certificates of `pem` to `roots`; `key` is where the text comes from, for the error.
pub(crate) fn add_pem(
    roots: &mut RootCertStore,
    key: &'static str,
    pem: &str,
) -> Result<(), TlsError> {
    let mut added = 0_usize;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|source| TlsError::Pem { key, source })?;
        roots.add(certificate).map_err(|source| TlsError::Anchor { key, source })?;
        added += 1;
    }
    if added == 0 { Err(TlsError::Empty { key }) } else { Ok(()) }
}

/// Makes the settings of one TLS identity: TLS 1.2 and 1.3, ring, no client certificate.
pub(crate) fn client_config(roots: RootCertStore) -> Result<ClientConfig, TlsError> {
    let settings = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;

    use super::add_pem;

    fn check(pem: &str, expect: &str) {
        let error = add_pem(&mut RootCertStore::empty(), "caCert", pem).unwrap_err();
        assert_eq!(error.to_string(), expect, "{pem}");
        assert_eq!(error.reason(), "invalid_ca_cert");
    }

    #[test]
    fn text_without_a_usable_certificate_is_refused_by_name() {
        check("", "caCert holds no certificate");
        check("not a certificate", "caCert holds no certificate");
        check(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "caCert holds a certificate that cannot be trusted as an authority",
        );
        check("-----BEGIN CERTIFICATE-----\nAAAA\n", "caCert is not a PEM certificate");
    }
}
