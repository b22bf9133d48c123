//! Which routing tokens open which host.

use std::time::Duration;

use http::HeaderMap;
use jsonwebtoken::{Algorithm, Header, encode};
use serde_json::{Value, json};

use super::{RoutingTokens, TTL};
use crate::clock::Clock;
use crate::session::key::{Purpose, SigningKey, SigningKeys};

const NOW: u64 = 1_700_000_000;
const HOST: &str = "weather.mcp.local";

fn reason(tokens: &RoutingTokens, token: &[u8], host: &str) -> &'static str {
    tokens.verify(token, host).map_or_else(|error| error.reason(), |()| "valid")
}

#[test]
fn token_opens_its_host_for_half_a_minute() {
    let (clock, hand) = Clock::manual(Duration::from_secs(NOW));
    let tokens = RoutingTokens::new(&SigningKeys::new(SigningKey::random()), clock).unwrap();
    let token = tokens.mint("Weather.MCP.local").unwrap();
    assert_eq!(reason(&tokens, token.expose(), HOST), "valid");
    assert_eq!(reason(&tokens, token.expose(), "WEATHER.mcp.local"), "valid");
    for host in ["news.mcp.local", "weather.mcp.local:80", ""] {
        assert_eq!(reason(&tokens, token.expose(), host), "routing_token_for_other_host", "{host}");
    }
    hand.advance(TTL + Duration::from_millis(4_999));
    assert_eq!(reason(&tokens, token.expose(), HOST), "valid", "within the clock skew");
    hand.advance(Duration::from_millis(1));
    assert_eq!(reason(&tokens, token.expose(), HOST), "routing_token_expired");
}

#[test]
fn every_claim_counts() {
    let (clock, _) = Clock::manual(Duration::from_secs(NOW));
    let keys = SigningKeys::new(SigningKey::random());
    let key = keys.for_purpose(Purpose::Routing).unwrap().signing;
    let tokens = RoutingTokens::new(&keys, clock).unwrap();
    let rows: [(&str, Value, &str); 12] = [
        ("extra", json!(1), "valid"),
        ("iss", json!("someone"), "invalid_routing_token"),
        ("iss", Value::Null, "invalid_routing_token"),
        ("aud", json!("mcp-gateway"), "invalid_routing_token"),
        ("aud", Value::Null, "invalid_routing_token"),
        ("purpose", json!("anything"), "invalid_routing_token"),
        ("purpose", Value::Null, "invalid_routing_token"),
        ("host", json!("news.mcp.local"), "routing_token_for_other_host"),
        ("host", Value::Null, "invalid_routing_token"),
        ("exp", json!(NOW - 5), "routing_token_expired"),
        ("exp", json!("soon"), "invalid_routing_token"),
        ("exp", Value::Null, "invalid_routing_token"),
    ];
    for (claim, value, expect) in rows {
        let mut claims = json!({
            "iss": "mcp-gateway", "aud": "mcp-router", "purpose": "backend-init", "host": HOST,
            "exp": NOW + 30,
        });
        let members = claims.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(claim);
        } else {
            members.insert(claim.to_owned(), value.clone());
        }
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        assert_eq!(reason(&tokens, token.as_bytes(), HOST), expect, "{claim} = {value}");
    }
}

#[test]
fn only_our_algorithm_and_the_routing_key_count() {
    let (clock, _) = Clock::manual(Duration::from_secs(NOW));
    let keys = SigningKeys::new(SigningKey::random());
    let claims = json!({
        "iss": "mcp-gateway", "aud": "mcp-router", "purpose": "backend-init", "host": HOST,
        "exp": NOW + 30,
    });
    let tokens = RoutingTokens::new(&keys, clock.clone()).unwrap();
    let elsewhere = SigningKeys::new(SigningKey::random());
    let elsewhere = RoutingTokens::new(&elsewhere, clock).unwrap().mint(HOST).unwrap();
    let routing = keys.for_purpose(Purpose::Routing).unwrap().signing;
    let session = keys.for_purpose(Purpose::Session).unwrap().signing;
    let signed = |algorithm, key| encode(&Header::new(algorithm), &claims, key).unwrap();
    let rows = [
        ("session key", signed(Algorithm::HS256, &session).into_bytes()),
        ("HS512", signed(Algorithm::HS512, &routing).into_bytes()),
        ("another gateway", elsewhere.expose().to_vec()),
        ("nothing", Vec::new()),
        ("not text", vec![0xff; 40]),
        ("endless", vec![b'a'; 5_000]),
    ];
    for (what, token) in rows {
        assert_eq!(reason(&tokens, &token, HOST), "invalid_routing_token", "{what}");
    }
}

#[test]
fn exactly_one_header_counts() {
    let (clock, _) = Clock::manual(Duration::from_secs(NOW));
    let tokens = RoutingTokens::new(&SigningKeys::new(SigningKey::random()), clock).unwrap();
    for (count, expect) in [(0, false), (1, true), (2, false)] {
        let mut headers = HeaderMap::new();
        for _ in 0..count {
            headers.append("router-key", tokens.mint(HOST).unwrap().header_value());
        }
        assert_eq!(tokens.check(&headers, HOST).is_ok(), expect, "{count} headers");
    }
}

#[test]
fn token_does_not_print_its_content() {
    let (clock, _) = Clock::manual(Duration::from_secs(NOW));
    let tokens = RoutingTokens::new(&SigningKeys::new(SigningKey::random()), clock).unwrap();
    let token = tokens.mint(HOST).unwrap();
    let content = std::str::from_utf8(token.expose()).unwrap();
    let printed = format!("{token:?} {:?}", token.header_value());
    assert!(!printed.contains(content), "{printed}");
}
