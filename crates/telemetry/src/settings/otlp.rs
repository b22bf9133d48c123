//! How one signal is exported over OTLP.

use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, Uri};
use rustls::ClientConfig;

use super::endpoint::{Asked, Endpoint, Origin, Protocol, Remark, TlsMode, resolve};
use super::headers;
use super::reader::{Found, Reader};
use crate::export::tls::{self, Loaded};
use crate::signal::Signal;

/// Time for one batch when the environment says nothing, from the specification.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for one batch that the environment may ask for, in milliseconds (ten minutes).
const TIMEOUT_MS_MAX: u64 = 600_000;

/// How the body of a request is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
}

impl Compression {
    const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
        }
    }
}

/// A file that a variable names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    pub(crate) variable: String,
    pub(crate) path: String,
}

impl From<Found<String>> for File {
    fn from(found: Found<String>) -> Self {
        Self { variable: found.variable, path: found.value }
    }
}

/// By what the gateway proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) certificate: File,
    pub(crate) key: File,
}

/// How one signal is exported.
#[derive(Clone, Debug)]
pub(crate) struct Otlp {
    pub(crate) signal: Signal,
    pub(crate) endpoint: Endpoint,
    /// The variable of the endpoint.
    pub(crate) variable: String,
    /// Absent when the connection is plain text.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Added to every request; values are marked as sensitive.
    pub(crate) headers: HeaderMap,
    pub(crate) compression: Compression,
    /// The time for one batch, retries included.
    pub(crate) timeout: Duration,
}

impl Otlp {
    /// Where the signal goes, without what could be secret.
    pub(crate) fn target(&self) -> String {
        let target = without_query(&self.endpoint.uri);
        match self.endpoint.tls {
            TlsMode::Off | TlsMode::Verify | TlsMode::SkipVerify => target,
            // Whether there is TLS is known only when there is a connection, so that `https://` would say too much.
            TlsMode::SkipVerifyOrPlaintext => {
                target.replacen("https://", "rpc://", 1).trim_end_matches('/').to_owned()
            }
        }
    }

    /// Reads what the environment says about one signal; absent when there is no endpoint or when something is a problem.
    pub(super) fn read(reader: &mut Reader<'_>, signal: Signal) -> Option<Self> {
        let found = reader.otlp_text(signal, "ENDPOINT")?;
        let insecure = reader.otlp(signal, "INSECURE", Reader::boolean);
        let protocol = protocol(reader, signal);
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable());
        let asked = Asked {
            signal,
            origin: if found.variable == own { Origin::Signal } else { Origin::Base },
            insecure: insecure.as_ref().is_some_and(|found| found.value),
            protocol: protocol.as_ref().map(|found| found.value),
        };
        let endpoint = match resolve(&found.value, asked) {
            Ok(endpoint) => Some(endpoint),
            Err(error) => {
                reader.problem(&found.variable, error.to_string());
                None
            }
        };
        // Everything is read before the first problem ends it, so that all problems are found at once.
        let headers = headers::read(reader, signal, endpoint.as_ref().map(|e| e.protocol));
        let loaded = files(reader, signal, endpoint.as_ref().map(|e| e.tls));
        let compression = compression(reader, signal);
        let timeout = timeout(reader, signal);
        let endpoint = endpoint?;
        let tls = match tls::client_config(&endpoint, &found.variable, loaded?) {
            Ok(tls) => tls,
            Err(problem) => {
                reader.problems([problem]);
                return None;
            }
        };
        let variable = found.variable;
        let otlp = Self { signal, endpoint, variable, tls, headers, compression, timeout };
        otlp.remark(reader, insecure.as_ref());
        reader.note(&format!("{signal}.endpoint"), otlp.target(), Some(&otlp.variable));
        let variable = protocol.as_ref().map(|found| found.variable.as_str());
        reader.note(&format!("{signal}.protocol"), otlp.endpoint.protocol.as_str(), variable);
        let variable = insecure.as_ref().map(|found| found.variable.as_str());
        reader.note(&format!("{signal}.tls"), otlp.endpoint.tls.as_str(), variable);
        Some(otlp)
    }

    /// Notes what the operator may not expect.
    fn remark(&self, reader: &mut Reader<'_>, insecure: Option<&Found<bool>>) {
        let target = self.target();
        match self.endpoint.remark {
            Some(remark @ Remark::PathAdded) => {
                reader.info(&self.variable, format!("{remark}: {} go to {target}", self.signal));
            }
            Some(remark @ (Remark::PathIgnored | Remark::ProtocolIgnored)) => {
                reader.warn(&self.variable, remark.to_string());
            }
            None => {}
        }
        let skips = match self.endpoint.tls {
            TlsMode::Off | TlsMode::Verify => None,
            TlsMode::SkipVerify | TlsMode::SkipVerifyOrPlaintext => insecure,
        };
        if let Some(found) = skips {
            // Not the path: what is true of one variable is said once, not once per signal.
            let authority = self.endpoint.uri.authority().map_or("", Authority::as_str);
            let message = format!("whoever answers at {authority} is believed, unverified");
            reader.warn(&found.variable, message);
        }
    }
}

/// Reads the files of certificates and keys; absent when one of them is a problem.
///
/// `mode` is absent when the endpoint is a problem already; then the files are read to find theirs.
fn files(reader: &mut Reader<'_>, signal: Signal, mode: Option<TlsMode>) -> Option<Loaded> {
    let certificate = reader.otlp_text(signal, "CERTIFICATE").map(File::from);
    let identity = identity(reader, signal);
    let (no_certificate, no_identity) = match mode {
        Some(TlsMode::Off) => {
            let why = "has no effect, because the connection is plain text";
            (Some(why), Some(why))
        }
        Some(TlsMode::SkipVerify | TlsMode::SkipVerifyOrPlaintext) => {
            (Some("has no effect, because nobody is verified"), None)
        }
        Some(TlsMode::Verify) | None => (None, None),
    };
    if let (Some(why), Some(file)) = (no_certificate, &certificate) {
        reader.warn(&file.variable, why.to_owned());
    }
    if let (Some(why), Some(identity)) = (no_identity, &identity) {
        reader.warn(&identity.certificate.variable, why.to_owned());
    }
    let certificate = certificate.as_ref().filter(|_| no_certificate.is_none());
    let identity = identity.as_ref().filter(|_| no_identity.is_none());
    match tls::load(certificate, identity) {
        Ok(loaded) => Some(loaded),
        Err(problems) => {
            reader.problems(problems);
            None
        }
    }
}

/// A URL without its query, which may hold a key.
fn without_query(uri: &Uri) -> String {
    let text = uri.to_string();
    text.split_once('?').map_or(text.clone(), |(before, _)| before.to_owned())
}

fn protocol(reader: &mut Reader<'_>, signal: Signal) -> Option<Found<Protocol>> {
    let found = reader.otlp_text(signal, "PROTOCOL")?;
    let Some(value) = Protocol::parse(&found.value) else {
        let message = format!("`{}` is none of grpc, http/protobuf, http/json", found.value);
        reader.problem(&found.variable, message);
        return None;
    };
    Some(Found { variable: found.variable, value })
}

fn compression(reader: &mut Reader<'_>, signal: Signal) -> Compression {
    let known = [Compression::None, Compression::Gzip];
    let found = reader.otlp(signal, "COMPRESSION", |reader, variable| {
        let value = reader.text(variable)?;
        let word = known.into_iter().find(|word| value.eq_ignore_ascii_case(word.as_str()));
        if word.is_none() {
            reader.warn(variable, format!("`{value}` is neither gzip nor none, ignored"));
        }
        word
    });
    let compression = found.as_ref().map_or(Compression::None, |found| found.value);
    let variable = found.as_ref().map(|found| found.variable.as_str());
    reader.note(&format!("{signal}.compression"), compression.as_str(), variable);
    compression
}

fn timeout(reader: &mut Reader<'_>, signal: Signal) -> Duration {
    let found =
        reader.otlp(signal, "TIMEOUT", |reader, variable| reader.millis(variable, TIMEOUT_MS_MAX));
    let timeout = found.as_ref().map_or(TIMEOUT, |found| found.value);
    let variable = found.as_ref().map(|found| found.variable.as_str());
    reader.note(&format!("{signal}.timeout"), format!("{timeout:?}"), variable);
    timeout
}

fn identity(reader: &mut Reader<'_>, signal: Signal) -> Option<Identity> {
    let certificate = reader.otlp_text(signal, "CLIENT_CERTIFICATE");
    let key = reader.otlp_text(signal, "CLIENT_KEY");
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(Identity { certificate: certificate.into(), key: key.into() })
        }
        (Some(found), None) => {
            let missing = found.variable.replace("CLIENT_CERTIFICATE", "CLIENT_KEY");
            reader.problem(&found.variable, format!("needs {missing} beside it"));
            None
        }
        (None, Some(found)) => {
            let missing = found.variable.replace("CLIENT_KEY", "CLIENT_CERTIFICATE");
            reader.problem(&found.variable, format!("needs {missing} beside it"));
            None
        }
        (None, None) => None,
    }
}
