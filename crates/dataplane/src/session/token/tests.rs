//! Which tokens are sessions, and why the others are not.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use mcp_gateway_core::mcp::ProtocolVersion;
use serde_json::{Value, json};

use super::{SessionError, SessionFacts, SessionTokens};
use crate::clock::{Clock, ManualClock};
use crate::session::key::{Purpose, SigningKey, SigningKeys};
use crate::store::{MemoryStore, Store};

const NOW: u64 = 1_700_000_000;
const TTL: Duration = Duration::from_secs(3_600);
const JTI: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";

struct Fixture {
    keys: SigningKeys,
    tokens: SessionTokens,
    hand: ManualClock,
}

fn fixture() -> Fixture {
    let keys = SigningKeys::new(SigningKey::random());
    let (tokens, hand) = tokens(&keys);
    Fixture { keys, tokens, hand }
}

fn tokens(keys: &SigningKeys) -> (SessionTokens, ManualClock) {
    let (clock, hand) = Clock::manual(Duration::from_secs(NOW));
    let store = Arc::new(Store::Memory(MemoryStore::new(100, clock.clone())));
    (SessionTokens::new(keys, TTL, store, clock).unwrap(), hand)
}

fn claims() -> Value {
    json!({
        "iss": "mcp-gateway", "aud": ["mcp-gateway"], "iat": NOW, "nbf": NOW, "exp": NOW + 60,
        "jti": JTI, "protocol_version": "2025-06-18",
    })
}

fn reason(result: &Result<SessionFacts, SessionError>) -> &'static str {
    match result {
        Ok(_) => "valid",
        Err(SessionError::Invalid) => "invalid",
        Err(SessionError::Expired) => "expired",
        Err(SessionError::Ended) => "ended",
    }
}

#[tokio::test]
async fn minted_token_is_verified_until_it_expires() {
    let Fixture { tokens, hand, .. } = fixture();
    let session = tokens.mint(ProtocolVersion::V2025_06_18).unwrap();
    let token = std::str::from_utf8(session.token.expose()).unwrap().to_owned();
    assert!(token.bytes().all(|byte| byte.is_ascii_graphic()), "{token}");
    assert_eq!(session.facts.expires_at, Duration::from_secs(NOW) + TTL);
    assert_eq!(session.facts.protocol_version, ProtocolVersion::V2025_06_18);
    hand.advance(Duration::from_millis(3_599_999));
    assert_eq!(tokens.verify(&token).await.unwrap(), session.facts);
    hand.advance(Duration::from_millis(1));
    assert_eq!(reason(&tokens.verify(&token).await), "expired");
}

#[tokio::test]
async fn every_claim_counts() {
    let Fixture { keys, tokens, .. } = fixture();
    let key = keys.for_purpose(Purpose::Session).unwrap().signing;
    let rows: [(&str, Value, &str); 20] = [
        ("iss", json!("mcp-gateway"), "valid"),
        ("iss", json!("someone"), "invalid"),
        ("iss", Value::Null, "invalid"),
        ("aud", json!("mcp-gateway"), "valid"),
        ("aud", json!(["mcp-router"]), "invalid"),
        ("aud", json!("mcp-router"), "invalid"),
        ("aud", json!([]), "invalid"),
        ("aud", Value::Null, "invalid"),
        ("exp", json!(NOW), "expired"),
        ("exp", json!(NOW + 1), "valid"),
        ("exp", json!("soon"), "invalid"),
        ("exp", Value::Null, "invalid"),
        ("nbf", json!(NOW + 5), "valid"),
        ("nbf", json!(NOW + 6), "invalid"),
        ("nbf", Value::Null, "invalid"),
        ("jti", json!("../other"), "invalid"),
        ("jti", Value::Null, "invalid"),
        ("protocol_version", json!("2026-07-28"), "invalid"),
        ("protocol_version", Value::Null, "invalid"),
        ("extra", json!({ "x": 1 }), "valid"),
    ];
    for (claim, value, expect) in rows {
        let mut claims = claims();
        let members = claims.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(claim);
        } else {
            members.insert(claim.to_owned(), value.clone());
        }
        let token = encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        assert_eq!(reason(&tokens.verify(&token).await), expect, "{claim} = {value}");
    }
}

#[tokio::test]
async fn only_our_algorithm_and_key_count() {
    let Fixture { keys, tokens, .. } = fixture();
    let key = keys.for_purpose(Purpose::Session).unwrap().signing;
    let routing = keys.for_purpose(Purpose::Routing).unwrap().signing;
    let other = SigningKeys::new(SigningKey::random()).for_purpose(Purpose::Session).unwrap();
    let check = |algorithm, key: &EncodingKey| encode(&Header::new(algorithm), &claims(), key);
    let valid = check(Algorithm::HS256, &key).unwrap();
    let (_, payload_and_signature) = valid.split_once('.').unwrap();
    let (payload, signature) = payload_and_signature.split_once('.').unwrap();
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    let rows = [
        ("as made", valid.clone(), "valid"),
        ("HS384", check(Algorithm::HS384, &key).unwrap(), "invalid"),
        ("HS512", check(Algorithm::HS512, &key).unwrap(), "invalid"),
        ("routing key", check(Algorithm::HS256, &routing).unwrap(), "invalid"),
        ("another gateway", check(Algorithm::HS256, &other.signing).unwrap(), "invalid"),
        ("alg none", format!("{none}.{payload}."), "invalid"),
        ("alg none, signed", format!("{none}.{payload}.{signature}"), "invalid"),
        ("no signature", valid.rsplit_once('.').unwrap().0.to_owned(), "invalid"),
        ("empty signature", format!("{}.", valid.rsplit_once('.').unwrap().0), "invalid"),
        ("more text", format!("{valid}A"), "invalid"),
        ("nothing", String::new(), "invalid"),
        ("no JWT", "abc".to_owned(), "invalid"),
        ("endless", "a.".repeat(2_000), "invalid"),
    ];
    for (what, token, expect) in rows {
        assert_eq!(reason(&tokens.verify(&token).await), expect, "{what}");
    }
}

#[tokio::test]
async fn ended_session_stays_ended_for_its_whole_life() {
    let Fixture { tokens, hand, .. } = fixture();
    let session = tokens.mint(ProtocolVersion::V2025_11_25).unwrap();
    let other = tokens.mint(ProtocolVersion::V2025_11_25).unwrap();
    let token = std::str::from_utf8(session.token.expose()).unwrap();
    assert!(tokens.end(&session.facts).await.unwrap());
    assert!(!tokens.end(&session.facts).await.unwrap(), "a second end changes nothing");
    hand.advance(Duration::from_secs(3_599));
    assert_eq!(reason(&tokens.verify(token).await), "ended");
    let other = std::str::from_utf8(other.token.expose()).unwrap();
    assert_eq!(reason(&tokens.verify(other).await), "valid");
    hand.advance(Duration::from_secs(1));
    assert_eq!(reason(&tokens.verify(token).await), "expired");
}

#[tokio::test]
async fn retired_key_verifies_and_does_not_sign() {
    let (old, new) = (SigningKey::random(), SigningKey::random());
    let (before, _) = tokens(&SigningKeys::new(old.clone()));
    let (after, _) = tokens(&SigningKeys::new(new.clone()).with_retired(old));
    let (fresh, _) = tokens(&SigningKeys::new(new));
    let token = |session: super::GatewaySession| {
        String::from_utf8(session.token.expose().to_vec()).unwrap()
    };
    let made_before = token(before.mint(ProtocolVersion::V2025_11_25).unwrap());
    let made_after = token(after.mint(ProtocolVersion::V2025_11_25).unwrap());
    assert_eq!(reason(&after.verify(&made_before).await), "valid");
    assert_eq!(reason(&fresh.verify(&made_after).await), "valid");
    assert_eq!(reason(&before.verify(&made_after).await), "invalid");
}

#[tokio::test]
async fn exactly_one_header_names_the_session() {
    let Fixture { tokens, .. } = fixture();
    let session = tokens.mint(ProtocolVersion::V2025_11_25).unwrap().token.header_value();
    let binary = HeaderValue::from_bytes(b"\xff").unwrap();
    let rows: [(&str, Vec<HeaderValue>, &str); 5] = [
        ("none", vec![], "missing"),
        ("one", vec![session.clone()], "valid"),
        ("the same twice", vec![session.clone(), session], "invalid"),
        ("empty", vec![HeaderValue::from_static("")], "invalid"),
        ("not text", vec![binary], "invalid"),
    ];
    for (what, values, expect) in rows {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("mcp-session-id", value);
        }
        let got = match tokens.read(&headers).await {
            Ok(None) => "missing",
            Ok(Some(facts)) => reason(&Ok(facts)),
            Err(error) => reason(&Err(error)),
        };
        assert_eq!(got, expect, "{what}");
    }
}
