//! TLS towards receivers: whom to believe, and how to prove who the gateway is.
//!
//! rustls with the ring provider, given explicitly, so that nothing depends on what else is linked into the process.

use std::fs::File as FsFile;
use std::io::Read as _;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::settings::endpoint::{Endpoint, Protocol, TlsMode};
use crate::settings::{EnvProblem, File, Identity};

/// Largest file of certificates or of a key.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What the files of one signal hold.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The certificates that are believed instead of the system's.
    roots: Option<RootCertStore>,
    /// By what the gateway proves who it is, and the variable of the key.
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String)>,
}

/// Reads the files that variables name. Errors: every variable whose file cannot be used.
pub(crate) fn load(
    certificate: Option<&File>,
    identity: Option<&Identity>,
) -> Result<Loaded, Vec<EnvProblem>> {
    let mut loaded = Loaded::default();
    let mut problems = Vec::new();
    if let Some(file) = certificate {
        match roots(file) {
            Ok(roots) => loaded.roots = Some(roots),
            Err(problem) => problems.push(problem),
        }
    }
    if let Some(identity) = identity {
        match (certificates(&identity.certificate), key(&identity.key)) {
            (Ok(certificates), Ok(key)) => {
                loaded.identity = Some((certificates, key, identity.key.variable.clone()));
            }
            (certificates, key) => {
                problems.extend(certificates.err());
                problems.extend(key.err());
            }
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(problems) }
}

/// Makes the TLS settings of one receiver; absent when the connection is plain text.
///
/// `variable` is the one of the endpoint. Errors: the variable that asks for the impossible.
pub(crate) fn client_config(
    endpoint: &Endpoint,
    variable: &str,
    loaded: Loaded,
) -> Result<Option<Arc<ClientConfig>>, EnvProblem> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            problem(variable, format!("needs TLS, which cannot be set up: {error}"))
        })?;
    let builder = match endpoint.tls {
        TlsMode::Off => return Ok(None),
        TlsMode::Verify => {
            let own = loaded.roots.map(Arc::new);
            let roots = own.map_or_else(|| system_roots(variable), Ok)?;
            builder.with_root_certificates(roots)
        }
        TlsMode::SkipVerify | TlsMode::SkipVerifyOrPlaintext => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(BelieveAnybody(provider)))
        }
    };
    let mut config = match loaded.identity {
        None => builder.with_no_client_auth(),
        Some((certificates, key, variable)) => {
            builder.with_client_auth_cert(certificates, key).map_err(|error| {
                problem(&variable, format!("does not fit the client certificate: {error}"))
            })?
        }
    };
    let protocol: &[u8] = match endpoint.protocol {
        Protocol::Grpc => b"h2",
        Protocol::HttpProtobuf | Protocol::HttpJson => b"http/1.1",
    };
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Some(Arc::new(config)))
}

fn roots(file: &File) -> Result<RootCertStore, EnvProblem> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|error| {
            let message = format!("{} has a certificate that is not valid: {error}", file.path);
            problem(&file.variable, message)
        })?;
    }
    Ok(roots)
}

/// The certificates of the system, read once however many signals need them.
fn system_roots(variable: &str) -> Result<Arc<RootCertStore>, EnvProblem> {
    static READ: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(roots) = READ.get() {
        return Ok(Arc::clone(roots));
    }
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(system.certs);
    if added == 0 {
        let message = "needs TLS, but this system has no CA certificates; install them, or name a file in \
                       OTEL_EXPORTER_OTLP_CERTIFICATE";
        return Err(problem(variable, message.to_owned()));
    }
    Ok(Arc::clone(READ.get_or_init(|| Arc::new(roots))))
}

fn key(file: &File) -> Result<PrivateKeyDer<'static>, EnvProblem> {
    PrivateKeyDer::from_pem_slice(&read(file)?).map_err(|_| {
        problem(&file.variable, format!("{} has no private key in PEM form", file.path))
    })
}

fn certificates(file: &File) -> Result<Vec<CertificateDer<'static>>, EnvProblem> {
    let pem = read(file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => {
            let message = format!("{} has no certificate in PEM form", file.path);
            Err(problem(&file.variable, message))
        }
    }
}

fn read(file: &File) -> Result<Vec<u8>, EnvProblem> {
    let mut bytes = Vec::new();
    let read = FsFile::open(&file.path)
        .and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if u64::try_from(bytes.len()).is_ok_and(|len| len <= FILE_BYTES_MAX) => Ok(bytes),
        Ok(_) => {
            let message = format!("{} is larger than {FILE_BYTES_MAX} bytes", file.path);
            Err(problem(&file.variable, message))
        }
        Err(error) => {
            Err(problem(&file.variable, format!("{} cannot be read: {error}", file.path)))
        }
    }
}

fn problem(variable: &str, message: String) -> EnvProblem {
    EnvProblem { variable: variable.to_owned(), message }
}

/// Believes whoever answers; only used when INSECURE says so.
#[derive(Debug)]
struct BelieveAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for BelieveAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // A signature by a key that nobody vouches for proves nothing, so it is not looked at either.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
