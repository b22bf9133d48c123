//! The address of the client, told apart from what the client may claim.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

use crate::header::X_FORWARDED_FOR;

/// Finds the client's address: walking back from the nearest hop, the first one that is not a trusted proxy.
///
/// `peer` is the other end of the connection, or `None` when a proxy in front (Envoy) has already appended it to
/// `x-forwarded-for`. Entries further left than the first untrusted one are what a client can forge, and are ignored.
pub fn client_address(
    headers: &HeaderMap,
    peer: Option<IpAddr>,
    trusted: &[IpNet],
) -> Option<IpAddr> {
    let is_trusted = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    let mut nearest = peer;
    if nearest.is_some_and(|ip| !is_trusted(&ip)) {
        return nearest;
    }
    for value in headers.get_all(X_FORWARDED_FOR).iter().rev() {
        let Ok(text) = value.to_str() else { return nearest };
        for entry in text.rsplit(',') {
            let Ok(ip) = entry.trim().parse::<IpAddr>() else { return nearest };
            nearest = Some(ip);
            if !is_trusted(&ip) {
                return nearest;
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::client_address;

    fn check(xff: &[&str], peer: Option<&str>, trusted: &[&str], expect: Option<&str>) {
        let mut headers = http::HeaderMap::new();
        for value in xff {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|net| net.parse().unwrap()).collect();
        let found = client_address(&headers, peer.map(|ip| ip.parse().unwrap()), &trusted);
        assert_eq!(found, expect.map(|ip| ip.parse().unwrap()), "{xff:?} {peer:?} {trusted:?}");
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        check(&[], Some("10.0.0.1"), &[], Some("10.0.0.1"));
        check(&["6.6.6.6"], Some("10.0.0.1"), &[], Some("10.0.0.1"));
        check(&["6.6.6.6, 7.7.7.7"], Some("10.0.0.1"), &["10.0.0.0/8"], Some("7.7.7.7"));
        check(&["6.6.6.6", "10.1.1.1"], Some("10.0.0.1"), &["10.0.0.0/8"], Some("6.6.6.6"));
        check(&["forged, 10.1.1.1"], Some("10.0.0.1"), &["10.0.0.0/8"], Some("10.1.1.1"));
        check(&["6.6.6.6, 7.7.7.7"], None, &[], Some("7.7.7.7"));
        check(&[], None, &[], None);
    }
}
