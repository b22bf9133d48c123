//! Where an export or a connection died, finer than the reason of a counter: for people who look for the mistake.
//!
//! Read from the types of errors; only what HTTP/2 passes on as text alone is read from text.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as RustlsError};

use super::connect::ConnectError;
use super::error::{ExportError, find_cause};

/// Where the last export died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureCause {
    /// The name of the receiver's host has no address.
    NameResolution,
    /// The host is there, but nothing listens on the port.
    Refused,
    /// No address of the host took the connection in time, or there is no way to it.
    Unreachable,
    /// The TLS handshake failed.
    Tls(TlsCause),
    /// The connection broke before an answer was complete.
    Broken,
    /// What came back is not the protocol that was spoken.
    NotHttp,
    /// No answer within the time-out, retries included.
    Timeout,
    /// The receiver answered with this HTTP status.
    HttpStatus(u16),
    /// The receiver answered with this gRPC status, as the number of the protocol.
    GrpcStatus(i32),
    /// The receiver took the batch but refused these items.
    Rejected,
    /// What answers is not an OTLP receiver: a page for people, or more bytes than a receiver may send.
    NotOtlp,
    /// The batch is larger than a receiver has to take.
    TooLarge,
    /// Standard output could not be written.
    Output,
    /// The exporter itself failed by a panic, which is a mistake of the gateway.
    Panic,
}

/// Why a TLS connection did not come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsCause {
    /// Nobody who is trusted vouches for the certificate.
    UnknownIssuer,
    /// The certificate is for another host.
    WrongName,
    /// The certificate is no longer valid.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The other side wants a certificate of the gateway.
    ClientCertificateWanted,
    /// The other side does not take the gateway's certificate.
    ClientCertificateRefused,
    /// The other side does not speak TLS.
    NotTls,
    /// Something else.
    Other,
}

/// By what the other side says that it wants another certificate of the gateway.
const ALERTS: [AlertDescription; 9] = [
    AlertDescription::CertificateRequired,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateRevoked,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
    AlertDescription::AccessDenied,
    AlertDescription::DecryptError,
];

impl TlsCause {
    /// Looks for an error of TLS among an error and its causes.
    pub fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<RustlsError>() {
                return Some(Self::of(found));
            }
            if let Some(found) = error.downcast_ref::<io::Error>().and_then(Self::inside) {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// What an I/O error wraps is not among its sources, and HTTP/2 keeps no more of an alert than its text.
    fn inside(error: &io::Error) -> Option<Self> {
        let wrapped = error.get_ref()?;
        Self::find(wrapped).or_else(|| {
            let text = wrapped.to_string();
            let mut alerts = ALERTS.into_iter().map(RustlsError::AlertReceived);
            alerts.find(|alert| text == alert.to_string()).map(|alert| Self::of(&alert))
        })
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the variants are another crate's, and grow; what is not told apart is one cause"
    )]
    fn of(error: &RustlsError) -> Self {
        match error {
            RustlsError::InvalidCertificate(error) => Self::of_certificate(error),
            RustlsError::InvalidMessage(_) => Self::NotTls,
            RustlsError::AlertReceived(AlertDescription::CertificateRequired) => {
                Self::ClientCertificateWanted
            }
            RustlsError::AlertReceived(alert) if ALERTS.contains(alert) => {
                Self::ClientCertificateRefused
            }
            _ => Self::Other,
        }
    }

    #[allow(
        clippy::wildcard_enum_match_arm,
        reason = "the variants are another crate's, and grow; what is not told apart is one cause"
    )]
    fn of_certificate(error: &CertificateError) -> Self {
        match error {
            // An authority that was made anew under its old name signs with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongName
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotYetValid
            }
            _ => Self::Other,
        }
    }
}

impl ExportError {
    /// Where it died.
    pub(crate) fn cause(&self) -> FailureCause {
        match self {
            Self::Connect(error) => of_connecting(error),
            Self::Exchange(error) => of_exchange(&**error),
            Self::Timeout(_) => FailureCause::Timeout,
            Self::HttpStatus { status, .. } => FailureCause::HttpStatus(*status),
            Self::GrpcStatus { code, .. } => FailureCause::GrpcStatus(*code as i32),
            Self::NotOtlp(_) | Self::AnswerTooLarge(_) => FailureCause::NotOtlp,
            Self::TooLarge(_) => FailureCause::TooLarge,
            Self::Output(_) => FailureCause::Output,
        }
    }
}

fn of_connecting(error: &ConnectError) -> FailureCause {
    match error {
        ConnectError::Resolve { .. } => FailureCause::NameResolution,
        ConnectError::Connect { source, .. }
            if source.kind() == io::ErrorKind::ConnectionRefused =>
        {
            FailureCause::Refused
        }
        ConnectError::Connect { .. } => FailureCause::Unreachable,
        ConnectError::Tls { source, .. } => FailureCause::Tls(of_handshake(source)),
    }
}

fn of_handshake(error: &io::Error) -> TlsCause {
    let hung_up = matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    );
    match TlsCause::find(error) {
        Some(cause) => cause,
        None if hung_up => TlsCause::NotTls,
        None => TlsCause::Other,
    }
}

/// A receiver that wants a certificate says so after the handshake, when the gateway believes that all is well.
fn of_exchange(error: &(dyn Error + 'static)) -> FailureCause {
    if let Some(cause) = TlsCause::find(error) {
        return FailureCause::Tls(cause);
    }
    match find_cause::<hyper::Error>(error) {
        Some(error) if error.is_parse() => FailureCause::NotHttp,
        Some(_) | None => FailureCause::Broken,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use rustls::{AlertDescription, CertificateError, Error};

    use super::TlsCause;

    fn wrapped(error: Error) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }

    #[test]
    fn errors_of_tls_are_found_inside_of_other_errors() {
        let check = |error: Error, expect| {
            assert_eq!(TlsCause::find(&error), Some(expect), "{error:?}");
            let nested = io::Error::other(wrapped(error));
            assert_eq!(TlsCause::find(&nested), Some(expect), "{nested:?}");
        };
        check(CertificateError::UnknownIssuer.into(), TlsCause::UnknownIssuer);
        check(CertificateError::NotValidForName.into(), TlsCause::WrongName);
        check(CertificateError::Expired.into(), TlsCause::Expired);
        check(CertificateError::NotValidYet.into(), TlsCause::NotYetValid);
        check(CertificateError::Revoked.into(), TlsCause::Other);
        let alert = Error::AlertReceived;
        check(alert(AlertDescription::CertificateRequired), TlsCause::ClientCertificateWanted);
        check(alert(AlertDescription::UnknownCA), TlsCause::ClientCertificateRefused);
        check(alert(AlertDescription::InternalError), TlsCause::Other);
        assert_eq!(TlsCause::find(&io::Error::other("x")), None);
    }

    #[test]
    fn alert_that_http2_passes_on_as_text_is_read() {
        let text = Error::AlertReceived(AlertDescription::CertificateRequired).to_string();
        let error = io::Error::new(io::ErrorKind::InvalidData, text);
        assert_eq!(TlsCause::find(&error), Some(TlsCause::ClientCertificateWanted));
    }
}
