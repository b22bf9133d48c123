//! The resolution table, row by row.

use super::{Asked, EndpointError, Origin, Protocol, Remark, TlsMode, resolve};
use crate::signal::Signal;

use Origin::{Base, Signal as Own};
use Protocol::{Grpc, HttpJson, HttpProtobuf};
use TlsMode::{Off, SkipVerify, SkipVerifyOrPlaintext, Verify};

/// Endpoint, origin, INSECURE, PROTOCOL → protocol, URI with `{}` for the signal's path, TLS, remark.
type Row =
    (&'static str, Origin, bool, Option<Protocol>, Protocol, &'static str, TlsMode, Option<Remark>);

const ADDED: Option<Remark> = Some(Remark::PathAdded);
const IGNORED: Option<Remark> = Some(Remark::PathIgnored);
const PROTOCOL: Option<Remark> = Some(Remark::ProtocolIgnored);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // http: plain text, whatever INSECURE says
    ("http://c:4318",             Base, false, None, HttpProtobuf, "http://c:4318{}",           Off, None),
    ("http://c:4318",             Base, true,  None, HttpProtobuf, "http://c:4318{}",           Off, None),
    ("http://c:4318/",            Base, false, None, HttpProtobuf, "http://c:4318{}",           Off, None),
    ("http://c:4318/otlp",        Base, false, None, HttpProtobuf, "http://c:4318/otlp{}",      Off, None),
    ("http://c:4318/otlp/",       Base, false, None, HttpProtobuf, "http://c:4318/otlp{}",      Off, None),
    ("http://c",                  Base, false, None, HttpProtobuf, "http://c{}",                Off, None),
    ("HTTP://Collector:4318",     Base, false, None, HttpProtobuf, "http://collector:4318{}",   Off, None),
    ("http://[::1]:4318",         Base, false, None, HttpProtobuf, "http://[::1]:4318{}",       Off, None),
    ("http://c:4318/p?key=1",     Base, false, None, HttpProtobuf, "http://c:4318/p{}?key=1",   Off, None),
    ("http://c:4318",             Own,  false, None, HttpProtobuf, "http://c:4318{}",           Off, ADDED),
    ("http://c:4318",             Own,  true,  None, HttpProtobuf, "http://c:4318{}",           Off, ADDED),
    ("http://c:4318/",            Own,  false, None, HttpProtobuf, "http://c:4318{}",           Off, ADDED),
    ("http://c:4318/in",          Own,  false, None, HttpProtobuf, "http://c:4318/in",          Off, None),
    ("http://c:4318/in/",         Own,  false, None, HttpProtobuf, "http://c:4318/in/",         Off, None),
    ("http://c:4318/v1/traces",   Own,  false, None, HttpProtobuf, "http://c:4318/v1/traces",   Off, None),
    // https: verified, unless INSECURE
    ("https://c:4318",            Base, false, None, HttpProtobuf, "https://c:4318{}",          Verify, None),
    ("https://c:4318",            Base, true,  None, HttpProtobuf, "https://c:4318{}",          SkipVerify, None),
    ("https://c/otlp",            Base, false, None, HttpProtobuf, "https://c/otlp{}",          Verify, None),
    ("https://c:4318",            Own,  false, None, HttpProtobuf, "https://c:4318{}",          Verify, ADDED),
    ("https://c:4318",            Own,  true,  None, HttpProtobuf, "https://c:4318{}",          SkipVerify, ADDED),
    ("https://c:4318/in",         Own,  true,  None, HttpProtobuf, "https://c:4318/in",         SkipVerify, None),
    // rpc: verified, unless INSECURE, which also allows plain text
    ("rpc://c:4317",              Base, false, None, Grpc,         "https://c:4317/",           Verify, None),
    ("rpc://c",                   Base, false, None, Grpc,         "https://c:4317/",           Verify, None),
    ("rpc://c:4317/",             Base, false, None, Grpc,         "https://c:4317/",           Verify, None),
    ("rpc://c:4317",              Base, true,  None, Grpc,         "https://c:4317/",           SkipVerifyOrPlaintext, None),
    ("rpc://c",                   Own,  false, None, Grpc,         "https://c:4317/",           Verify, None),
    ("rpc://c:9",                 Own,  true,  None, Grpc,         "https://c:9/",              SkipVerifyOrPlaintext, None),
    ("rpc://[::1]",               Base, true,  None, Grpc,         "https://[::1]:4317/",       SkipVerifyOrPlaintext, None),
    ("rpc://c:4317/some/path",    Base, false, None, Grpc,         "https://c:4317/",           Verify, IGNORED),
    // PROTOCOL: nothing for rpc, everything for http and https
    ("rpc://c:4317",              Base, false, Some(Grpc),         Grpc, "https://c:4317/",     Verify, None),
    ("rpc://c:4317",              Base, false, Some(HttpProtobuf), Grpc, "https://c:4317/",     Verify, PROTOCOL),
    ("rpc://c:4317",              Own,  false, Some(HttpJson),     Grpc, "https://c:4317/",     Verify, PROTOCOL),
    ("http://c:4317",             Base, false, Some(Grpc),         Grpc, "http://c:4317/",      Off, None),
    ("http://c:4317",             Base, true,  Some(Grpc),         Grpc, "http://c:4317/",      Off, None),
    ("http://c:4317",             Own,  false, Some(Grpc),         Grpc, "http://c:4317/",      Off, None),
    ("http://c:4317/in",          Own,  false, Some(Grpc),         Grpc, "http://c:4317/",      Off, IGNORED),
    ("https://c:4317",            Base, false, Some(Grpc),         Grpc, "https://c:4317/",     Verify, None),
    ("https://c:4317",            Base, true,  Some(Grpc),         Grpc, "https://c:4317/",     SkipVerify, None),
    ("https://c",                 Base, false, Some(Grpc),         Grpc, "https://c/",          Verify, None),
    ("http://c:4318",             Base, false, Some(HttpJson),     HttpJson, "http://c:4318{}", Off, None),
    ("http://c:4318",             Own,  false, Some(HttpJson),     HttpJson, "http://c:4318{}", Off, ADDED),
    ("https://c:4318",            Base, true,  Some(HttpJson),     HttpJson, "https://c:4318{}", SkipVerify, None),
    ("http://c:4318",             Base, false, Some(HttpProtobuf), HttpProtobuf, "http://c:4318{}", Off, None),
];

#[test]
fn every_row_resolves_as_documented_for_every_signal() {
    for (text, origin, insecure, asked, protocol, uri, tls, remark) in ROWS {
        for signal in [Signal::Traces, Signal::Logs, Signal::Metrics] {
            let row = format!("{text} {origin:?} insecure={insecure} protocol={asked:?} {signal}");
            let asked = Asked { signal, origin: *origin, insecure: *insecure, protocol: *asked };
            let endpoint = resolve(text, asked).unwrap_or_else(|error| panic!("{row}: {error}"));
            assert_eq!(endpoint.protocol, *protocol, "{row}");
            assert_eq!(endpoint.uri.to_string(), uri.replace("{}", signal.path()), "{row}");
            assert_eq!(endpoint.tls, *tls, "{row}");
            assert_eq!(endpoint.remark, *remark, "{row}");
        }
    }
}

#[test]
fn other_endpoints_are_refused_with_a_sentence() {
    let scheme = |text: &str| EndpointError::Scheme(text.to_owned());
    let url = |text: &str| EndpointError::Url(text.to_owned());
    for (text, expect) in [
        ("ftp://c:4318", scheme("ftp://c:4318")),
        ("grpc://c:4317", scheme("grpc://c:4317")),
        ("c:4317", scheme("c:4317")),
        ("localhost", scheme("localhost")),
        ("/v1/traces", scheme("/v1/traces")),
        ("://c", scheme("://c")),
        ("http://", url("http://")),
        ("rpc://", url("rpc://")),
        ("rpc://:4317", url("rpc://:4317")),
        ("http://c:99999", url("http://c:99999")),
        ("http://[::1", url("http://[::1")),
        ("http://user:secret@c:4318", EndpointError::Credentials),
        ("rpc://user@c", EndpointError::Credentials),
        ("ftp://user:secret@c", scheme("…@c")),
        ("http://user:secret@c:99999", url("…@c:99999")),
        ("http://c:99999/in?key=secret", url("http://c:99999/in…")),
        ("ftp://c#secret", scheme("ftp://c…")),
        ("c:4318?key=secret", scheme("c:4318…")),
    ] {
        let asked = Asked { signal: Signal::Traces, origin: Base, insecure: false, protocol: None };
        assert_eq!(resolve(text, asked), Err(expect), "{text}");
    }
    let sentence = scheme("ftp://c").to_string();
    for name in ["http://", "https://", "rpc://"] {
        assert!(sentence.contains(name), "{sentence}");
    }
}
