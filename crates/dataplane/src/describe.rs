//! What spans say of HTTP and of servers, in the names that the environment asks for.
//!
//! By default the old names of HTTP stand beside the current ones; `OTEL_SEMCONV_STABILITY_OPT_IN=http` leaves the old ones out.

use http::{Method, StatusCode, Version};
use mcp_gateway_core::config::Server;
use mcp_gateway_telemetry::name::attribute;
use mcp_gateway_telemetry::{Attributes, Vocabulary};

/// The method of a request.
pub(crate) fn http_method(a: &mut Attributes, vocabulary: Vocabulary, method: &Method) {
    let names = [
        (vocabulary.http_legacy, attribute::HTTP_METHOD),
        (vocabulary.http_current, attribute::HTTP_REQUEST_METHOD),
    ];
    for (_, name) in names.into_iter().filter(|(is_wanted, _)| *is_wanted) {
        a.put(name, method.as_str().to_owned());
    }
}

/// The path of a request, without query.
pub(crate) fn http_path(a: &mut Attributes, vocabulary: Vocabulary, path: &str) {
    let names = [
        (vocabulary.http_legacy, attribute::HTTP_PATH),
        (vocabulary.http_current, attribute::URL_PATH),
    ];
    for (_, name) in names.into_iter().filter(|(is_wanted, _)| *is_wanted) {
        a.put(name, path.to_owned());
    }
}

/// The status that the client of a request gets.
pub(crate) fn http_status(a: &mut Attributes, vocabulary: Vocabulary, status: StatusCode) {
    let names = [
        (vocabulary.http_legacy, attribute::HTTP_STATUS_CODE),
        (vocabulary.http_current, attribute::HTTP_RESPONSE_STATUS_CODE),
    ];
    for (_, name) in names.into_iter().filter(|(is_wanted, _)| *is_wanted) {
        a.put(name, i64::from(status.as_u16()));
    }
}

/// The connection that a request came by, as far as it is known: behind Envoy nothing is.
pub(crate) fn connection(a: &mut Attributes, port: Option<u16>, version: Option<Version>) {
    a.put_some(attribute::CLIENT_PORT, port.map(i64::from));
    if let Some(version) = version {
        a.put(attribute::NETWORK_TRANSPORT, "tcp");
        a.put(attribute::NETWORK_PROTOCOL_NAME, "http");
        a.put_some(attribute::NETWORK_PROTOCOL_VERSION, http_version(version));
    }
}

/// The server that a CLIENT span asks, behind whatever stands between.
pub(crate) fn server(a: &mut Attributes, server: &Server) {
    a.put(attribute::MCP_SERVER, server.name.clone());
    a.put(attribute::NETWORK_TRANSPORT, "tcp");
    a.put(attribute::NETWORK_PROTOCOL_NAME, "http");
    a.put_some(attribute::SERVER_ADDRESS, server.url.host_str().map(str::to_owned));
    a.put_some(attribute::SERVER_PORT, server.url.port_or_known_default().map(i64::from));
}

/// The status of a server's response, and the version of HTTP when it is known which one the server speaks.
pub(crate) fn response(a: &mut Attributes, status: StatusCode, version: Option<Version>) {
    a.put(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status.as_u16()));
    a.put_some(attribute::NETWORK_PROTOCOL_VERSION, version.and_then(http_version));
}

/// The version as the conventions write it.
pub(crate) fn http_version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        Version::HTTP_3 => Some("3"),
        _ => None,
    }
}
