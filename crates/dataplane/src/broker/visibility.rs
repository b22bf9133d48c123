//! How the router tells the broker over HTTP what a request may see: the header `x-mcp-visible`.
//!
//! Only the router writes it; it removes the header from what clients send. In one process the value is handed over
//! as it is, and nothing here runs.

use http::HeaderMap;
use mcp_gateway_core::header::X_MCP_VISIBLE;
use mcp_gateway_core::routing::Visibility;

const ALL: &str = "all";
const NONE: &str = "none";
const VIRTUAL: &str = "virtual:";

/// Writes the value of `x-mcp-visible`: `all`, `none` or `virtual:<name>`.
pub fn encode(visibility: &Visibility) -> String {
    match visibility {
        Visibility::All => ALL.to_owned(),
        Visibility::VirtualServer(name) => format!("{VIRTUAL}{name}"),
        Visibility::Nothing => NONE.to_owned(),
    }
}

/// Reads `x-mcp-visible`. Absent means everything; repeated or not understood means nothing.
pub fn decode(headers: &HeaderMap) -> Visibility {
    let mut values = headers.get_all(X_MCP_VISIBLE).iter();
    let value = match (values.next(), values.next()) {
        (None, _) => return Visibility::All,
        (Some(value), None) => value.to_str().unwrap_or(NONE),
        (Some(_), Some(_)) => NONE,
    };
    match value.strip_prefix(VIRTUAL) {
        Some(name) => Visibility::VirtualServer(name.to_owned()),
        None if value == ALL => Visibility::All,
        None => Visibility::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use mcp_gateway_core::routing::Visibility;

    use super::{decode, encode};

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-mcp-visible", HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn what_is_written_reads_back() {
        for visibility in [
            Visibility::All,
            Visibility::Nothing,
            Visibility::VirtualServer("team/a".to_owned()),
            Visibility::VirtualServer("all".to_owned()),
            Visibility::VirtualServer(String::new()),
        ] {
            assert_eq!(decode(&headers(&[&encode(&visibility)])), visibility);
        }
    }

    #[test]
    fn absent_is_everything_and_doubt_is_nothing() {
        assert_eq!(decode(&headers(&[])), Visibility::All);
        for values in [&["all", "all"][..], &["ALL"], &[""], &["something"], &["virtual"]] {
            assert_eq!(decode(&headers(values)), Visibility::Nothing, "{values:?}");
        }
    }
}
