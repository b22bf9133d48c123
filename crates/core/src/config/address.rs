//! Addresses, hosts, origins and URLs as a configuration writes them. Nothing is resolved or connected to.
//!
//! Each function returns a phrase that goes on from the key's path. The phrases never repeat a URL: people put passwords
//! into URLs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use url::Url;

use super::types::ListenAddress;

/// Bytes of a URL; servers and proxies refuse longer ones.
const URL_BYTES_MAX: usize = 2_048;

/// Bytes of a DNS name, and of one label (RFC 1035 §2.3.4).
const HOST_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// Bytes of the path of a Unix socket: what `sockaddr_un` holds on Linux, less the ending zero.
const UNIX_PATH_BYTES_MAX: usize = 107;

/// Reads where to listen: an address and a port. Port 0 lets the system choose.
pub(super) fn parse_socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "must be an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
    })
}

/// Reads where to listen: an address and a port, or `unix:/path`.
pub(super) fn parse_listen(text: &str) -> Result<ListenAddress, String> {
    let Some(path) = text.strip_prefix("unix:") else {
        return text.parse().map(ListenAddress::Tcp).map_err(|_| {
            "must be an IP address and a port, such as 0.0.0.0:50051, or unix:/path".to_owned()
        });
    };
    // gRPC writes absolute paths as unix:/path and unix:///path alike.
    let path = path.strip_prefix("//").unwrap_or(path);
    if !path.starts_with('/') || path.ends_with('/') || path.contains('\0') {
        return Err("must name a socket by an absolute path, such as unix:/run/mcp.sock".to_owned());
    }
    if path.len() > UNIX_PATH_BYTES_MAX {
        return Err(format!("must have a path of at most {UNIX_PATH_BYTES_MAX} bytes"));
    }
    Ok(ListenAddress::Unix(PathBuf::from(path)))
}

/// Reads `host` or `host:port` and returns it in lower case.
pub(super) fn parse_host_port(text: &str) -> Result<String, String> {
    if text.contains("://") || text.contains('/') {
        return Err("must be a host, or host:port, without scheme and path".to_owned());
    }
    let (host, port) =
        split_port(text).ok_or("must be a host, or host:port with a port of 1 to 65535")?;
    let host = parse_host(host)?;
    Ok(port.map_or_else(|| host.clone(), |port| format!("{host}:{port}")))
}

/// Reads a DNS name and returns it in lower case.
pub(super) fn parse_hostname(text: &str) -> Result<String, String> {
    let wrong = "must be a DNS name: letters, digits and '-' in labels that '.' separates";
    if text.parse::<Ipv4Addr>().is_ok() || !is_hostname(text) {
        return Err(wrong.to_owned());
    }
    Ok(text.to_ascii_lowercase())
}

/// Reads the URL of an MCP server.
pub(super) fn parse_server_url(text: &str) -> Result<Url, String> {
    let url = parse_http_url(text)?;
    if text.contains('#') {
        return Err("must not have a fragment ('#…')".to_owned());
    }
    Ok(url)
}

/// Reads the address of a proxy: a URL that has nothing after the port.
pub(super) fn parse_base_url(text: &str) -> Result<Url, String> {
    let url = parse_http_url(text)?;
    if url.path() != "/" || text.contains(['?', '#']) {
        return Err("must be scheme, host and port only, such as http://127.0.0.1:8888".to_owned());
    }
    Ok(url)
}

/// Reads an origin and returns it as browsers write it: lower case, without the scheme's default port. `*` is every
/// origin.
pub(super) fn parse_origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Ok(text.to_owned());
    }
    let wrong = "must be an origin: scheme://host or scheme://host:port, nothing after it";
    let (scheme, rest) = text.split_once("://").ok_or(wrong)?;
    let scheme = scheme.to_ascii_lowercase();
    let first_is_letter = scheme.starts_with(|first: char| first.is_ascii_lowercase());
    let scheme_is_good =
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !first_is_letter || !scheme_is_good {
        return Err(wrong.to_owned());
    }
    let (host, port) = split_port(rest).ok_or(wrong)?;
    let host = parse_host(host).map_err(|_| wrong)?;
    let default_port = match scheme.as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    match port {
        Some(port) if Some(port) != default_port => Ok(format!("{scheme}://{host}:{port}")),
        Some(_) | None => Ok(format!("{scheme}://{host}")),
    }
}

/// Reads a network in CIDR form, or one address.
pub(super) fn parse_network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "must be an IP address or a network, such as 10.0.0.0/8".to_owned())
}

/// Returns the host of a `host[:port]` that [`parse_host_port`] made.
pub(super) fn host_part(host_port: &str) -> &str {
    split_port(host_port).map_or(host_port, |(host, _)| host)
}

/// Reads an absolute `http` or `https` URL. Stricter than browsers, which repair what they can: a URL that needs repair
/// is a mistake.
fn parse_http_url(text: &str) -> Result<Url, String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("must have at most {URL_BYTES_MAX} bytes"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("must be a URL without blanks, control characters and backslashes".to_owned());
    }
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("http://").or_else(|| lower.strip_prefix("https://"))
    else {
        return Err("must begin with http:// or https://".to_owned());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must not hold a user name or password; use `credential`".to_owned());
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err("must name a host".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("must be a URL: {error}"))?;
    if url.port() == Some(0) {
        return Err("must not have port 0".to_owned());
    }
    Ok(url)
}

/// Reads a DNS name or an IP address (IPv6 in brackets) and returns it in lower case.
fn parse_host(text: &str) -> Result<String, String> {
    let is_address = match text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok(),
    };
    if !is_address && !is_hostname(text) {
        return Err("must name a host: a DNS name, an IPv4 address or an IPv6 address in brackets"
            .to_owned());
    }
    Ok(text.to_ascii_lowercase())
}

/// Parts a host from its port: `None` when what follows the last colon is no port.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let Some((host, port)) = text.rsplit_once(':') else {
        return Some((text, None));
    };
    if text.ends_with(']') {
        return Some((text, None));
    }
    // `parse` alone would take "+80".
    if !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    port.parse().ok().filter(|port| *port != 0).map(|port| (host, Some(port)))
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= HOST_BYTES_MAX && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::{
        host_part, parse_base_url, parse_host_port, parse_hostname, parse_listen, parse_network,
        parse_origin, parse_server_url, parse_socket,
    };

    /// Reads each text and compares with what it should become; `None` is a refusal.
    fn check<T: ToString>(parse: fn(&str) -> Result<T, String>, table: &[(&str, Option<&str>)]) {
        for (text, expect) in table {
            let read = parse(text).ok().map(|value| value.to_string());
            assert_eq!(read.as_deref(), *expect, "{text:?}");
        }
    }

    #[test]
    fn a_socket_is_an_address_and_a_port() {
        check(
            parse_socket,
            &[
                ("127.0.0.1:8080", Some("127.0.0.1:8080")),
                ("[::1]:0", Some("[::1]:0")),
                (":8080", None),
                ("localhost:8080", None),
                ("127.0.0.1", None),
                ("127.0.0.1:70000", None),
                ("unix:/run/a.sock", None),
            ],
        );
    }

    #[test]
    fn a_listen_address_may_be_a_unix_socket() {
        let long = format!("unix:/{}", "a".repeat(107));
        check(
            parse_listen,
            &[
                ("0.0.0.0:50051", Some("0.0.0.0:50051")),
                ("unix:/run/mcp.sock", Some("unix:/run/mcp.sock")),
                ("unix:///run/mcp.sock", Some("unix:/run/mcp.sock")),
                ("unix:run/mcp.sock", None),
                ("unix:", None),
                ("unix:/", None),
                ("unix:/run/", None),
                (&long, None),
            ],
        );
    }

    #[test]
    fn a_host_may_have_a_port() {
        check(
            parse_host_port,
            &[
                ("MCP.Example.com", Some("mcp.example.com")),
                ("mcp.example.com:8888", Some("mcp.example.com:8888")),
                ("localhost", Some("localhost")),
                ("127.0.0.1:80", Some("127.0.0.1:80")),
                ("[::1]", Some("[::1]")),
                ("[::1]:8080", Some("[::1]:8080")),
                ("::1", None),
                ("http://mcp.example.com", None),
                ("mcp.example.com/mcp", None),
                ("mcp.example.com:", None),
                ("mcp.example.com:0", None),
                ("mcp.example.com:+80", None),
                ("mcp_example", None),
                ("-mcp.example.com", None),
                ("mcp..example.com", None),
                ("user@mcp.example.com", None),
                ("*.example.com", None),
                ("", None),
            ],
        );
        assert_eq!(host_part("[::1]:8080"), "[::1]");
        assert_eq!(host_part("mcp.example.com"), "mcp.example.com");
    }

    #[test]
    fn a_hostname_is_a_dns_name_alone() {
        let long_label = "a".repeat(64);
        check(
            parse_hostname,
            &[
                ("Weather.mcp.local", Some("weather.mcp.local")),
                ("weather.mcp.local:80", None),
                ("10.0.0.1", None),
                ("*.mcp.local", None),
                ("weather.mcp.local.", None),
                (&long_label, None),
            ],
        );
    }

    #[test]
    fn a_server_url_is_plain_http_or_https() {
        check(
            parse_server_url,
            &[
                ("http://127.0.0.1:9101/mcp", Some("http://127.0.0.1:9101/mcp")),
                ("HTTPS://Example.com", Some("https://example.com/")),
                ("https://example.com/mcp?team=a", Some("https://example.com/mcp?team=a")),
                ("http://[::1]:9101/mcp", Some("http://[::1]:9101/mcp")),
                ("http://a@b/mcp", None),
                ("http://:secret@b/mcp", None),
                ("http://@b/mcp", None),
                ("http://b/mcp#top", None),
                ("http://b/mcp#", None),
                ("http:///mcp", None),
                ("http://:8080/mcp", None),
                ("http://?x", None),
                ("http:/b/mcp", None),
                ("http:\\\\b\\mcp", None),
                ("http://b\tc/mcp", None),
                (" http://b/mcp", None),
                ("http://b:0/mcp", None),
                ("http://b:99999/mcp", None),
                ("ftp://b/mcp", None),
                ("file:///mcp", None),
                ("b/mcp", None),
                ("", None),
            ],
        );
        assert!(parse_server_url(&format!("http://b/{}", "a".repeat(2_048))).is_err());
    }

    #[test]
    fn refusals_do_not_repeat_a_password() {
        let refusal = parse_server_url("http://user:hunter2@b/mcp").unwrap_err();
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }

    #[test]
    fn a_base_url_ends_after_the_port() {
        check(
            parse_base_url,
            &[
                ("http://127.0.0.1:8888", Some("http://127.0.0.1:8888/")),
                ("https://envoy.example.com/", Some("https://envoy.example.com/")),
                ("http://127.0.0.1:8888/mcp", None),
                ("http://127.0.0.1:8888?x", None),
                ("http://127.0.0.1:8888#", None),
                ("127.0.0.1:8888", None),
            ],
        );
    }

    #[test]
    fn an_origin_is_written_as_browsers_do() {
        check(
            parse_origin,
            &[
                ("https://App.Example.com", Some("https://app.example.com")),
                ("https://app.example.com:443", Some("https://app.example.com")),
                ("http://app.example.com:443", Some("http://app.example.com:443")),
                ("http://localhost:6274", Some("http://localhost:6274")),
                ("vscode-webview://abc123", Some("vscode-webview://abc123")),
                ("https://app.example.com/", None),
                ("app.example.com", None),
                ("null", None),
                ("*", Some("*")),
                ("*.example.com", None),
                ("1http://b", None),
                ("https://", None),
            ],
        );
    }

    #[test]
    fn a_network_may_be_one_address() {
        check(
            parse_network,
            &[
                ("10.0.0.0/8", Some("10.0.0.0/8")),
                ("192.168.1.7", Some("192.168.1.7/32")),
                ("::1", Some("::1/128")),
                ("fd00::/8", Some("fd00::/8")),
                ("10.0.0.0/33", None),
                ("example.com", None),
            ],
        );
    }
}
