//! What is read of a list of baggage, and what is kept.

use http::{HeaderMap, HeaderValue};

use super::{BYTES_MAX, BaggageError, BaggageKeys, MEMBERS_MAX};
use crate::attributes::Attributes;

fn keys(keys: &[&str]) -> BaggageKeys {
    BaggageKeys::new(&keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>())
}

/// Reads a list with the keys `a` and `tenant.id`; returns what goes on.
fn check(list: &str, expect: Result<Option<&str>, BaggageError>) {
    let read = keys(&["a", "tenant.id"]).read(list.as_bytes()).map(|kept| kept.header());
    assert_eq!(read, expect.map(|list| list.map(str::to_owned)), "{list:?}");
}

#[test]
fn only_the_keys_that_are_named_are_kept() {
    check("", Ok(None));
    check("b=1", Ok(None));
    check("a=1,b=2,tenant.id=3", Ok(Some("a=1,tenant.id=3")));
    check(" a = 1 ,, b=2", Ok(Some("a = 1")));
    check("a=1;ttl=5 ; hidden,b=2", Ok(Some("a=1;ttl=5 ; hidden")));
    check("A=1", Ok(None));
    check("a=", Ok(Some("a=")));
    check("a=x=y", Ok(Some("a=x=y")));
    check("a=1,a=2", Ok(Some("a=2")));
}

#[test]
fn a_malformed_list_is_dropped_whole() {
    for list in [
        "a",
        "=1",
        "a=1,b",
        "a=\"1\"",
        "a=1 2",
        "a b=1",
        "a=1;=",
        "a=1;b c",
        "a=ü",
        "a=%",
        "a=%4",
        "a=%zz",
        "a=\\",
        "a=1\u{7f}",
        "é=1",
    ] {
        check(list, Err(BaggageError::Malformed));
    }
    let read = keys(&["a"]).read(b"a=\xff");
    assert_eq!(read, Err(BaggageError::Malformed));
}

#[test]
fn bounds_are_those_of_the_specification() {
    let members =
        |count: usize| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
    check(&members(MEMBERS_MAX), Ok(None));
    check(&members(MEMBERS_MAX + 1), Err(BaggageError::TooManyMembers));
    check(&format!("b={}", "x".repeat(BYTES_MAX - 2)), Ok(None));
    check(&format!("b={}", "x".repeat(BYTES_MAX - 1)), Err(BaggageError::TooLong));
}

#[test]
fn several_headers_are_one_list() {
    let mut headers = HeaderMap::new();
    assert!(keys(&["a"]).read_headers(&headers).unwrap().is_empty());
    headers.append("baggage", HeaderValue::from_static("a=1,b=2"));
    headers.append("baggage", HeaderValue::from_static("c=3"));
    let read = keys(&["a", "c"]).read_headers(&headers).unwrap();
    assert_eq!(read.header().as_deref(), Some("a=1,c=3"));
    headers.append("baggage", HeaderValue::from_str(&"x".repeat(BYTES_MAX)).unwrap());
    assert_eq!(keys(&["a"]).read_headers(&headers), Err(BaggageError::TooLong));
}

#[test]
fn values_are_decoded_for_attributes() {
    let read = keys(&["a", "tenant.id"]).read(b"a=caf%C3%A9%20%FF,tenant.id=7").unwrap();
    let mut attributes = Attributes::default();
    read.describe(&mut attributes);
    let text = format!("{attributes:?}");
    assert!(text.contains("baggage.a") && text.contains("café \u{fffd}"), "{text}");
    assert!(text.contains("baggage.tenant.id") && text.contains('7'), "{text}");
}
