//! OTLP over HTTP/1.1: one POST per batch on a kept-alive connection. Redirects are not followed.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt as _, Collected, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::{ConnectError, Connector};
use super::error::{ExportError, bounded, find_cause};
use super::otlp::{self, ANSWER_BYTES_MAX, RETRY_AFTER_MAX};
use crate::settings::endpoint::Protocol;
use crate::settings::{Compression, Otlp};

/// How long an unused connection is kept, longer than the delay between two batches.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// What receivers call the answers of OTLP.
const OTLP_MEDIA_TYPES: [&str; 4] = [
    "application/x-protobuf",
    "application/protobuf",
    "application/vnd.google.protobuf",
    "application/json",
];

/// Posts bodies to one URL.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: Client<Connector, Full<Bytes>>,
    uri: Uri,
    headers: HeaderMap,
}

impl HttpTransport {
    pub(crate) fn new(settings: &Otlp, connector: Connector) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(1)
            .build(connector);
        let content_type = match settings.endpoint.protocol {
            Protocol::HttpJson => "application/json",
            Protocol::Grpc | Protocol::HttpProtobuf => "application/x-protobuf",
        };
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(otlp::USER_AGENT));
        for (name, value) in &settings.headers {
            headers.append(name, value.clone());
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if settings.compression == Compression::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        Self { client, uri: settings.endpoint.uri.clone(), headers }
    }

    /// Posts one body and reads the answer.
    pub(crate) async fn send(&self, body: Bytes) -> Result<Bytes, ExportError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let response = self.client.request(request).await.map_err(failed)?;
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            let retry_after = head.headers.get(RETRY_AFTER).and_then(retry_after);
            return Err(ExportError::HttpStatus { status: head.status.as_u16(), retry_after });
        }
        let content_type = head.headers.get(CONTENT_TYPE);
        match Limited::new(body, ANSWER_BYTES_MAX).collect().await.map(Collected::to_bytes) {
            Ok(answer) if answer.is_empty() || content_type.is_some_and(is_otlp) => Ok(answer),
            // A page of a proxy or a login is a success only for people.
            Ok(_) => {
                let text = content_type.map(|text| String::from_utf8_lossy(text.as_bytes()));
                Err(ExportError::NotOtlp(bounded(text.unwrap_or_default().into_owned())))
            }
            Err(error) if error.is::<LengthLimitError>() => {
                Err(ExportError::AnswerTooLarge(ANSWER_BYTES_MAX))
            }
            Err(error) => Err(ExportError::Exchange(error)),
        }
    }
}

fn failed(error: hyper_util::client::legacy::Error) -> ExportError {
    match find_cause::<ConnectError>(&error) {
        Some(error) => ExportError::Connect(error.clone()),
        None => ExportError::Exchange(Box::new(error)),
    }
}

/// Says whether an answer may be one of OTLP: protobuf under one of its names, or JSON.
fn is_otlp(content_type: &HeaderValue) -> bool {
    let text = content_type.to_str().unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    OTLP_MEDIA_TYPES.iter().any(|known| media_type.eq_ignore_ascii_case(known))
}

/// Reads `Retry-After`: seconds or a date; at most [`RETRY_AFTER_MAX`].
fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that are not a number are too many.
        text.parse().map_or(RETRY_AFTER_MAX, Duration::from_secs)
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderValue;

    use super::{RETRY_AFTER_MAX, retry_after};

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let check = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap());
        assert_eq!(check("7"), Some(Duration::from_secs(7)));
        assert_eq!(check("0"), Some(Duration::ZERO));
        for endless in
            ["18446744073709551615", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]
        {
            assert_eq!(check(endless), Some(RETRY_AFTER_MAX), "{endless}");
        }
        assert_eq!(check(""), None);
        assert_eq!(check("soon"), None);
        assert_eq!(check("-1"), None);
        assert_eq!(check("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let later = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let wait = check(&later).unwrap();
        assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
    }
}
