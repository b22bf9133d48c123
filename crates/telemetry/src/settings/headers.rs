//! Headers that the environment adds to every request: `OTEL_EXPORTER_OTLP_HEADERS`.
//!
//! They usually hold a key, so nothing here ever repeats a value.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::endpoint::Protocol;
use super::pairs;
use super::reader::Reader;
use crate::signal::Signal;

/// Most headers that the environment may add to a request.
const HEADERS_MAX: usize = 64;

/// Headers that belong to OTLP or to the connection.
const RESERVED: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads the headers. Values are marked as sensitive; every refusal names the header, never its value.
pub(super) fn read(
    reader: &mut Reader<'_>,
    signal: Signal,
    protocol: Option<Protocol>,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(found) = reader.otlp_text(signal, "HEADERS") else {
        return headers;
    };
    let pairs = match pairs::parse(&found.value) {
        Ok(pairs) => pairs,
        Err(error) => {
            reader.problem(&found.variable, error.to_string());
            return headers;
        }
    };
    if pairs.len() > HEADERS_MAX {
        reader.problem(&found.variable, format!("has more than {HEADERS_MAX} headers"));
        return headers;
    }
    let is_grpc = protocol == Some(Protocol::Grpc);
    for (key, value) in pairs {
        let Ok(name) = HeaderName::from_bytes(key.as_bytes()) else {
            reader.problem(&found.variable, format!("`{key}` is not a valid header name"));
            continue;
        };
        let reserved = RESERVED.contains(&name.as_str())
            || name.as_str().starts_with("grpc-")
            || (is_grpc && name.as_str().ends_with("-bin"));
        if reserved {
            reader.problem(&found.variable, format!("the header `{name}` cannot be set"));
            continue;
        }
        let Ok(mut value) = HeaderValue::from_str(&value) else {
            let message = format!("the value of the header `{name}` cannot be sent");
            reader.problem(&found.variable, message);
            continue;
        };
        value.set_sensitive(true);
        headers.append(name, value);
    }
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    reader.note(&format!("{signal}.headers"), names.join(", "), Some(&found.variable));
    headers
}
