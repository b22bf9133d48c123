//! What kind of body an answer has, by its `Content-Type`.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::error::shown;

/// The kinds of body that a server may answer with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// One JSON text. An answer that names no type is taken for this: its content decides.
    Json,
    /// A stream of events.
    EventStream,
    /// Something else.
    Other {
        /// What the header says.
        content_type: String,
    },
}

/// Reads the type of an answer; parameters such as `charset` do not matter.
pub(super) fn of(headers: &HeaderMap) -> Media {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Media::Json };
    let text = String::from_utf8_lossy(value.as_bytes());
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Media::Json
    } else if essence.eq_ignore_ascii_case("text/event-stream") {
        Media::EventStream
    } else {
        Media::Other { content_type: shown(essence) }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{CONTENT_TYPE, HeaderValue};

    use super::{Media, of};

    #[test]
    fn types_are_told_apart_whatever_their_spelling() {
        let check = |value: &'static str, expect: Media| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(of(&headers), expect, "{value}");
        };
        check("application/json", Media::Json);
        check("Application/JSON; charset=utf-8", Media::Json);
        check("text/event-stream;charset=utf-8", Media::EventStream);
        check("text/html", Media::Other { content_type: "text/html".to_owned() });
        check("application/jsonx", Media::Other { content_type: "application/jsonx".to_owned() });
        assert_eq!(of(&HeaderMap::new()), Media::Json);
    }
}
