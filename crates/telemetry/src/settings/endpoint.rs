//! Where one signal goes: from the text of an endpoint variable to transport, URL and kind of TLS.
//!
//! The scheme decides, as users of the gateway know it: `http://` and `https://` are OTLP over HTTP, `rpc://` is OTLP over gRPC.
//! An endpoint for all signals gets the signal's path appended; an endpoint for one signal is taken as it is, except that
//! one without a path gets `/v1/<signal>` too, because no receiver listens at `/`.

use std::fmt;

use http::Uri;
use url::Url;

use crate::signal::Signal;

/// The port of OTLP over gRPC.
const GRPC_PORT: u16 = 4317;

/// How items are encoded and carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, protobuf.
    HttpProtobuf,
    /// OTLP over HTTP, JSON.
    HttpJson,
}

impl Protocol {
    /// The word in `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::HttpProtobuf => "http/protobuf",
            Self::HttpJson => "http/json",
        }
    }

    /// Reads the word in `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Grpc, Self::HttpProtobuf, Self::HttpJson]
            .into_iter()
            .find(|protocol| text.eq_ignore_ascii_case(protocol.as_str()))
    }
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Not at all.
    Off,
    /// TLS; the receiver proves who it is.
    Verify,
    /// TLS; any receiver is believed.
    SkipVerify,
    /// TLS, any receiver is believed; plain text when the receiver does not speak TLS.
    SkipVerifyOrPlaintext,
}

impl TlsMode {
    /// The words in `/status`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Verify => "verified",
            Self::SkipVerify => "not verified",
            Self::SkipVerifyOrPlaintext => {
                "not verified, plain text when the receiver does not speak TLS"
            }
        }
    }
}

/// Which variable an endpoint comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The one for all signals.
    Base,
    /// The one for this signal.
    Signal,
}

/// What an endpoint variable was found beside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) signal: Signal,
    pub(crate) origin: Origin,
    /// `OTEL_EXPORTER_OTLP_INSECURE`.
    pub(crate) insecure: bool,
    /// `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub(crate) protocol: Option<Protocol>,
}

/// Where one signal goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) protocol: Protocol,
    /// `http://` or `https://`, by whether there is TLS; for gRPC without a path.
    pub(crate) uri: Uri,
    pub(crate) tls: TlsMode,
    /// Something that the operator may not expect.
    pub(crate) remark: Option<Remark>,
}

/// Something about an endpoint that the operator may not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// An endpoint for one signal had no path and got the usual one.
    PathAdded,
    /// gRPC has no path; the one that was given is not used.
    PathIgnored,
    /// `rpc://` is gRPC, whatever the protocol variable says.
    ProtocolIgnored,
}

/// An endpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EndpointError {
    /// Not a URL with one of our schemes.
    #[error("`{0}` must begin with http://, https:// or rpc://")]
    Scheme(String),
    /// The URL has no host, or is broken in another way.
    #[error("`{0}` is not a valid URL")]
    Url(String),
    /// The URL contains a user or a password.
    #[error("must not contain credentials; put them into OTEL_EXPORTER_OTLP_HEADERS")]
    Credentials,
}

/// Resolves the text of an endpoint variable.
pub(crate) fn resolve(text: &str, asked: Asked) -> Result<Endpoint, EndpointError> {
    let invalid = || EndpointError::Url(shown(text));
    let Some((scheme, _)) = text.split_once("://") else {
        return Err(EndpointError::Scheme(shown(text)));
    };
    let scheme = scheme.to_ascii_lowercase();
    if !["http", "https", "rpc"].contains(&scheme.as_str()) {
        return Err(EndpointError::Scheme(shown(text)));
    }
    let url = Url::parse(text).map_err(|_| invalid())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointError::Credentials);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(invalid());
    }
    let protocol = match (scheme.as_str(), asked.protocol) {
        ("rpc", _) => Protocol::Grpc,
        (_, asked) => asked.unwrap_or(Protocol::HttpProtobuf),
    };
    let tls = match (scheme.as_str(), asked.insecure) {
        ("http", _) => TlsMode::Off,
        ("https", true) => TlsMode::SkipVerify,
        ("rpc", true) => TlsMode::SkipVerifyOrPlaintext,
        (_, _) => TlsMode::Verify,
    };
    let (uri, remark) = match protocol {
        Protocol::Grpc => grpc_uri(&url, tls, asked),
        Protocol::HttpProtobuf | Protocol::HttpJson => http_uri(url, asked),
    };
    let uri = uri.parse().map_err(|_| invalid())?;
    Ok(Endpoint { protocol, uri, tls, remark })
}

/// The URL of OTLP over HTTP.
fn http_uri(mut url: Url, asked: Asked) -> (String, Option<Remark>) {
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    match asked.origin {
        Origin::Base => {
            url.set_path(&format!("{path}{}", asked.signal.path()));
            (url.into(), None)
        }
        Origin::Signal if path.is_empty() => {
            url.set_path(asked.signal.path());
            (url.into(), Some(Remark::PathAdded))
        }
        Origin::Signal => (url.into(), None),
    }
}

/// The origin of OTLP over gRPC.
fn grpc_uri(url: &Url, tls: TlsMode, asked: Asked) -> (String, Option<Remark>) {
    let scheme = if tls == TlsMode::Off { "http" } else { "https" };
    let is_rpc = url.scheme() == "rpc";
    let port = url.port().or_else(|| is_rpc.then_some(GRPC_PORT));
    let host = url.host_str().unwrap_or_default();
    let uri = match port {
        Some(port) => format!("{scheme}://{host}:{port}/"),
        None => format!("{scheme}://{host}/"),
    };
    let remark = if !matches!(url.path(), "" | "/") {
        Some(Remark::PathIgnored)
    } else if is_rpc && asked.protocol.is_some_and(|protocol| protocol != Protocol::Grpc) {
        Some(Remark::ProtocolIgnored)
    } else {
        None
    };
    (uri, remark)
}

/// The text as it may be shown: without what could be a password or a key.
fn shown(text: &str) -> String {
    let (text, rest) = match text.split_once(['?', '#']) {
        Some((before, _)) => (before, "…"),
        None => (text, ""),
    };
    match text.rsplit_once('@') {
        Some((_, after)) => format!("…@{after}{rest}"),
        None => format!("{text}{rest}"),
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PathAdded => "has no path, so the usual one is added",
            Self::PathIgnored => "has a path, which gRPC does not use",
            Self::ProtocolIgnored => {
                "begins with rpc://, which means gRPC; OTEL_EXPORTER_OTLP_PROTOCOL is ignored"
            }
        })
    }
}

#[cfg(test)]
mod tests;
