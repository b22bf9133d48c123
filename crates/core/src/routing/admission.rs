//! Checks of a request's head that come before its message is read.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{CONTENT_TYPE, ORIGIN};

use crate::config::Config;
use crate::header::MCP_PROTOCOL_VERSION;
use crate::mcp::ProtocolVersion;
use crate::routing::Rejection;

/// Checks `Host` (given as `authority`) and `Origin` against DNS rebinding.
///
/// A host passes when it is loopback, an IP address (an attacker's page can only rebind a *name*), `publicHost` or in
/// `allowedHosts`. In envoy mode only the last two pass, since clients come through Envoy under a name. An origin passes
/// when its host is `publicHost` or, in standalone mode, loopback, or when it is in `allowedOrigins`.
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
    let standalone = config.mode == crate::config::Mode::Standalone;
    (standalone && (is_loopback_name(host) || parse_ip(host).is_some()))
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
pub fn check_protocol_version(headers: &HeaderMap) -> Result<Option<ProtocolVersion>, Rejection> {
    let mut values = headers.get_all(MCP_PROTOCOL_VERSION).iter();
    let Some(first) = values.next() else { return Ok(None) };
    let text = String::from_utf8_lossy(first.as_bytes());
    match (ProtocolVersion::parse(text.trim()), values.next()) {
        (Some(version), None) => Ok(Some(version)),
        (Some(_) | None, _) => Err(Rejection::UnsupportedVersion(text.into_owned())),
    }
}
