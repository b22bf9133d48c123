//! Checks of a request's head that come before its message is read.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, ORIGIN};

use crate::config::Config;
use crate::header::MCP_PROTOCOL_VERSION;
use crate::jsonrpc::Message;
use crate::mcp::ProtocolVersion;
use crate::routing::Rejection;

/// The member of `params._meta` in which revisions without sessions name themselves.
const META_PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// Checks `Host` (given as `authority`) and `Origin` against DNS rebinding.
///
/// A host passes when it is `localhost`, an IP address (an attacker's page can only rebind a *name*), `publicHost` or in
/// `allowedHosts`. An origin passes when its host is `publicHost` or, in standalone mode, loopback, or when it is in
/// `allowedOrigins`.
///
/// Source: MCP 2025-11-25 basic/transports, security warning; <https://en.wikipedia.org/wiki/DNS_rebinding>.
pub fn check_host_and_origin(
    config: &Config,
    authority: &str,
    headers: &HeaderMap,
) -> Result<(), Rejection> {
    let host = host_of(authority);
    if !host_allowed(config, authority, host) {
        return Err(Rejection::HostNotAllowed(authority.to_owned()));
    }
    for origin in headers.get_all(ORIGIN) {
        let text = String::from_utf8_lossy(origin.as_bytes());
        if !origin_allowed(config, &text) {
            return Err(Rejection::OriginNotAllowed(text.into_owned()));
        }
    }
    Ok(())
}

fn host_allowed(config: &Config, authority: &str, host: &str) -> bool {
    is_loopback_name(host)
        || parse_ip(host).is_some()
        || names_public_host(config, host)
        || config.allowed_hosts.iter().any(|allowed| {
            allowed.eq_ignore_ascii_case(authority) || allowed.eq_ignore_ascii_case(host)
        })
}

fn origin_allowed(config: &Config, origin: &str) -> bool {
    if config.allowed_origins.iter().any(|o| o == "*" || o.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let Some((_, authority)) = origin.split_once("://") else {
        return false; // `null` and anything that is not an origin
    };
    let host = host_of(authority);
    names_public_host(config, host)
        || (config.mode == crate::config::Mode::Standalone
            && (is_loopback_name(host) || parse_ip(host).is_some_and(|ip| ip.is_loopback())))
}

fn names_public_host(config: &Config, host: &str) -> bool {
    config.public_host.as_deref().is_some_and(|public| host_of(public).eq_ignore_ascii_case(host))
}

/// The host of `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(super) fn host_of(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or(authority);
    }
    authority.split(':').next().unwrap_or(authority)
}

fn is_loopback_name(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

fn parse_ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Checks that the body is announced as JSON; parameters such as `charset` are ignored.
pub fn check_content_type(headers: &HeaderMap) -> Result<(), Rejection> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Rejection::ContentType);
    };
    let essence = value.to_str().ok().and_then(|text| text.split(';').next()).unwrap_or_default();
    if essence.trim().eq_ignore_ascii_case("application/json") {
        Ok(())
    } else {
        Err(Rejection::ContentType)
    }
}

/// Checks `MCP-Protocol-Version`: absent is fine, one known session-based revision is fine, anything else is refused.
///
/// When `message` names the same revision as the header, its client knows the revisions without sessions and is refused
/// in their words; otherwise it hears what every client understands.
pub fn check_protocol_version(
    headers: &HeaderMap,
    message: Option<&Message<'_>>,
) -> Result<Option<ProtocolVersion>, Rejection> {
    let mut values = headers.get_all(MCP_PROTOCOL_VERSION).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = String::from_utf8_lossy(first.as_bytes());
    if let (Some(version), None) = (ProtocolVersion::parse(text.trim()), values.next()) {
        return Ok(Some(version));
    }
    let in_message = message
        .and_then(|message| message.meta()?.get(META_PROTOCOL_VERSION)?.as_str())
        .is_some_and(|version| version == text);
    Err(if in_message {
        Rejection::VersionWithoutSessions(text.into_owned())
    } else {
        Rejection::UnsupportedVersion(text.into_owned())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{check_content_type, check_host_and_origin, check_protocol_version};
    use crate::config::{Config, Mode};
    use crate::jsonrpc::Message;

    fn config(mode: Mode) -> Config {
        Config {
            mode,
            public_host: Some("mcp.example.com".to_owned()),
            allowed_hosts: vec!["other.example.com".to_owned()],
            allowed_origins: vec!["https://app.example.com".to_owned()],
            ..Config::default()
        }
    }

    #[test]
    fn hosts_are_checked_against_rebinding() {
        let check = |authority: &str, expect: bool| {
            for mode in Mode::ALL {
                let passes =
                    check_host_and_origin(&config(mode), authority, &HeaderMap::new()).is_ok();
                assert_eq!(passes, expect, "{authority} in {}", mode.as_str());
            }
        };
        for good in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.0.0.7",
            "mcp.example.com",
            "MCP.example.com:8888",
            "other.example.com:1",
        ] {
            check(good, true);
        }
        for bad in ["", "evil.com", "localhost.evil.com", "mcp.example.com.evil.com", "[evil.com]"]
        {
            check(bad, false);
        }
    }

    #[test]
    fn origins_are_checked_against_rebinding() {
        let check = |origin: &str, standalone: bool, envoy: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("origin", origin.parse().unwrap());
            for (mode, expect) in [(Mode::Standalone, standalone), (Mode::Envoy, envoy)] {
                let passes = check_host_and_origin(&config(mode), "localhost", &headers).is_ok();
                assert_eq!(passes, expect, "{origin} in {}", mode.as_str());
            }
        };
        check("https://mcp.example.com", true, true);
        check("https://app.example.com", true, true);
        check("http://localhost:3000", true, false);
        check("http://127.0.0.1", true, false);
        check("http://10.0.0.7", false, false);
        check("http://evil.com", false, false);
        check("null", false, false);
        check("https://app.example.com.evil.com", false, false);
    }

    #[test]
    fn one_bad_origin_among_several_is_refused() {
        let mut headers = HeaderMap::new();
        headers.append("origin", "http://localhost".parse().unwrap());
        headers.append("origin", "http://evil.com".parse().unwrap());
        assert!(check_host_and_origin(&config(Mode::Standalone), "localhost", &headers).is_err());
    }

    #[test]
    fn content_type_is_json_and_given_once() {
        let check = |values: &[&str], expect: bool| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("content-type", value.parse().unwrap());
            }
            assert_eq!(check_content_type(&headers).is_ok(), expect, "{values:?}");
        };
        check(&["application/json"], true);
        check(&["Application/JSON; charset=utf-8"], true);
        check(&[], false);
        check(&["text/plain"], false);
        check(&["application/jsonx"], false);
        check(&["application/json", "text/plain"], false);
    }

    #[test]
    fn protocol_version_is_absent_or_one_that_is_known() {
        let check = |values: &[&str], expect: Option<Option<&str>>| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append("mcp-protocol-version", value.parse().unwrap());
            }
            let read = check_protocol_version(&headers, None).ok();
            assert_eq!(
                read.map(|v| v.map(crate::mcp::ProtocolVersion::as_str)),
                expect,
                "{values:?}"
            );
        };
        check(&[], Some(None));
        check(&["2025-06-18"], Some(Some("2025-06-18")));
        check(&["2026-07-28"], None);
        check(&["nonsense"], None);
        check(&["2025-06-18", "2025-06-18"], None);
    }

    #[test]
    fn a_newer_client_is_refused_in_its_own_words() {
        let check = |in_message: &str, expect: i32| {
            let mut headers = HeaderMap::new();
            headers.insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{in_message}"}}}}}}"#
            );
            let message = Message::parse(body.as_bytes()).unwrap();
            let rejection = check_protocol_version(&headers, Some(&message)).unwrap_err();
            assert_eq!(rejection.code(), expect, "{in_message}");
        };
        check("2026-07-28", -32022);
        check("2025-11-25", -32600);
    }
}
