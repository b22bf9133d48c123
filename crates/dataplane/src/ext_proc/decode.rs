//! From Envoy's messages to the router's types.

use envoy_types::pb::envoy::service::ext_proc::v3::HttpHeaders;
use http::header::HOST;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::router::RequestHead;

/// The filter's namespace under which Envoy sends attributes.
const ATTRIBUTES: &str = "envoy.filters.http.ext_proc";
/// The attribute that tells an answer of the server from one that Envoy made up.
const CODE_DETAILS: &str = "response.code_details";
/// The value of [`CODE_DETAILS`] for a response that a server gave.
const VIA_UPSTREAM: &str = "via_upstream";
/// Set by Envoy's router filter on responses that a server gave.
const X_ENVOY_UPSTREAM_SERVICE_TIME: &str = "x-envoy-upstream-service-time";

/// Stands for a value that is not allowed in HTTP. It is not text, so whoever wants text finds none.
const UNREADABLE: &[u8] = b"\xff";

/// Headers of one message, pseudo-headers apart.
pub(super) struct Decoded {
    pseudo: Vec<(&'static str, String)>,
    /// All headers that are not pseudo-headers.
    pub(super) headers: HeaderMap,
}

impl Decoded {
    fn pseudo(&self, name: &str) -> Option<&str> {
        self.pseudo.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
    }
}

/// Reads the header values from `raw_value` (Envoy leaves `value` empty), lossless and repeated ones included.
pub(super) fn headers(message: HttpHeaders) -> Decoded {
    let fields = message.headers.map(|map| map.headers).unwrap_or_default();
    let mut decoded =
        Decoded { pseudo: Vec::with_capacity(4), headers: HeaderMap::with_capacity(fields.len()) };
    for field in fields {
        let value =
            if field.raw_value.is_empty() { field.value.into_bytes() } else { field.raw_value };
        if let Some(name) = pseudo_name(&field.key) {
            decoded.pseudo.push((name, String::from_utf8_lossy(&value).into_owned()));
            continue;
        }
        // Envoy has checked both. A value that it let through all the same must not look as if it were absent: it may be
        // one that narrows what the request may do, or one that has to be removed.
        let value = HeaderValue::try_from(value).or_else(|_| HeaderValue::from_bytes(UNREADABLE));
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(field.key), value) {
            decoded.headers.append(name, value);
        }
    }
    decoded
}

fn pseudo_name(key: &str) -> Option<&'static str> {
    [":method", ":path", ":authority", ":scheme", ":status"].into_iter().find(|name| *name == key)
}

/// The head of a request.
pub(super) fn request_head(message: HttpHeaders) -> RequestHead {
    let decoded = headers(message);
    let authority = decoded
        .pseudo(":authority")
        .map(str::to_owned)
        .or_else(|| decoded.headers.get(HOST)?.to_str().ok().map(str::to_owned))
        .unwrap_or_default();
    RequestHead {
        method: decoded.pseudo(":method").and_then(|m| m.parse().ok()).unwrap_or(Method::GET),
        path_and_query: decoded.pseudo(":path").unwrap_or("/").to_owned(),
        authority,
        headers: decoded.headers,
        peer: None,
        version: None,
    }
}

/// Status and headers of a response, and whether a server gave it.
pub(super) struct ResponseParts {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// False when Envoy made the response up, because it could not reach the server or waited in vain.
    pub(super) from_server: bool,
    /// Envoy's words for why, such as `upstream_reset_before_response_started{connection_failure,…}`.
    pub(super) details: String,
}

/// Reads response headers; `attributes` are those of the message around them.
pub(super) fn response_parts(message: HttpHeaders, details: Option<String>) -> ResponseParts {
    let decoded = headers(message);
    let status = decoded
        .pseudo(":status")
        .and_then(|status| status.parse().ok())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let from_server = match &details {
        Some(details) => details == VIA_UPSTREAM,
        None => decoded.headers.contains_key(X_ENVOY_UPSTREAM_SERVICE_TIME) || status.is_success(),
    };
    ResponseParts {
        status,
        headers: decoded.headers,
        from_server,
        details: details.unwrap_or_default(),
    }
}

/// The reason that Envoy gives for a response, when the filter is configured to send it.
pub(super) fn code_details(
    attributes: &std::collections::HashMap<String, envoy_types::pb::google::protobuf::Struct>,
) -> Option<String> {
    use envoy_types::pb::google::protobuf::value::Kind;
    match attributes.get(ATTRIBUTES)?.fields.get(CODE_DETAILS)?.kind.as_ref()? {
        Kind::StringValue(text) => Some(text.clone()),
        Kind::NullValue(_)
        | Kind::NumberValue(_)
        | Kind::BoolValue(_)
        | Kind::StructValue(_)
        | Kind::ListValue(_) => None,
    }
}
