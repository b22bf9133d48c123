//! What of a resource's URI the account may tell: neither user and password nor query and fragment.
//!
//! Servers make up URIs of their own, so nothing here relies on a scheme being known. Of one whose parts cannot be told apart for
//! certain only the scheme is told.

/// Shortens a URI to scheme, host and path, or to its scheme; to nothing when there is none.
pub(super) fn without_secrets(uri: &str) -> String {
    let Some((scheme, whole)) = uri.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) else {
        return String::new();
    };
    let rest = whole.split(['?', '#']).next().unwrap_or_default();
    let Some(rest) = rest.strip_prefix("//") else {
        let told = if rest.contains('@') { "" } else { rest };
        return format!("{scheme}:{told}");
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => Some(host),
        // A password may hold unescaped what ends an authority.
        None if authority.contains(':') && whole.contains('@') => None,
        None => Some(authority),
    };
    match host.filter(|host| is_host(host)) {
        Some(host) => format!("{scheme}://{host}{path}"),
        None => format!("{scheme}:"),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
}

/// A host, possibly empty, with or without a port.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.strip_prefix('[') {
        Some(address) => {
            let Some((address, port)) = address.split_once(']') else { return false };
            if !address.chars().all(|c| c.is_ascii_hexdigit() || ":.%".contains(c)) {
                return false;
            }
            ("", port)
        }
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(is_number);
    is_port && name.chars().all(|c| c.is_alphanumeric() || "-._~%!$&'()*+,;=".contains(c))
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn neither_credentials_nor_queries_are_told() {
        for (uri, expect) in [
            ("https://a/b?token=secret#c", "https://a/b"),
            ("file:///etc/hosts", "file:///etc/hosts"),
            ("demo://items/7", "demo://items/7"),
            ("https://a:8080/b@c", "https:"),
            ("https://a/b@c", "https://a/b@c"),
            ("postgres://user:pw@db/table", "postgres://db/table"),
            ("postgres://user:p@w@db:5432/table", "postgres://db:5432/table"),
            ("postgres://user:p/w@db/table", "postgres:"),
            ("postgres://user:1/w@db/table", "postgres:"),
            ("postgres://user:p?w@db/table", "postgres:"),
            ("postgres://user:7#w@db/table", "postgres:"),
            ("postgres:user:pw@db", "postgres:"),
            ("redis://:pw@[::1]:6379/0", "redis://[::1]:6379/0"),
            ("redis://user:pw", "redis:"),
            ("https://a b/c", "https:"),
            ("https://[pw/c", "https:"),
            ("urn:isbn:0451450523", "urn:isbn:0451450523"),
            ("user:pw@db/table", "user:"),
            ("no uri", ""),
            ("p\u{e4}ss:word", ""),
            ("", ""),
        ] {
            assert_eq!(without_secrets(uri), expect, "{uri}");
        }
    }
}
