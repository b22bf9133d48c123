//! What is a trace context and what is not.

use http::HeaderMap;

use super::RemoteContext;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn check(traceparent: &str, expect: Option<bool>) {
    let context = RemoteContext::extract(Some(traceparent.as_bytes()), None);
    assert_eq!(context.is_valid(), expect.is_some(), "traceparent {traceparent:?}");
    if let Some(sampled) = expect {
        assert_eq!(context.trace_id().as_deref(), Some(TRACE), "traceparent {traceparent:?}");
        assert_eq!(context.ids().1.to_string(), SPAN);
        assert_eq!(context.is_sampled(), sampled, "traceparent {traceparent:?}");
    }
}

#[test]
fn valid_parents_are_read() {
    check(&format!("00-{TRACE}-{SPAN}-01"), Some(true));
    check(&format!("00-{TRACE}-{SPAN}-00"), Some(false));
    check(&format!("00-{TRACE}-{SPAN}-03"), Some(true));
    check(&format!("00-{TRACE}-{SPAN}-fe"), Some(false));
    check(&format!("01-{TRACE}-{SPAN}-01"), Some(true));
    check(&format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings"), Some(true));
}

#[test]
fn malformed_parents_are_refused() {
    let zero_trace = "0".repeat(32);
    let zero_span = "0".repeat(16);
    let upper = TRACE.to_uppercase();
    for traceparent in [
        String::new(),
        "00".to_owned(),
        "00-1-1-01".to_owned(),
        "00-+1-+1-+1".to_owned(),
        format!("00-{TRACE}0-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}0-01"),
        format!("00-{}-{SPAN}-01", &TRACE[1..]),
        format!("00-{TRACE}-{}-01", &SPAN[1..]),
        format!("00-{TRACE}-{SPAN}-01-"),
        format!("00-{TRACE}-{SPAN}-01-more"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-0g"),
        format!("00-{TRACE}-{SPAN}-001"),
        format!("0-{TRACE}-{SPAN}-01"),
        format!("000-{TRACE}-{SPAN}-01"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("FF-{TRACE}-{SPAN}-01"),
        format!("0G-{TRACE}-{SPAN}-01"),
        format!("00-{upper}-{SPAN}-01"),
        format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
        format!("00-{zero_trace}-{SPAN}-01"),
        format!("00-{TRACE}-{zero_span}-01"),
        format!("00_{TRACE}_{SPAN}_01"),
        format!(" 00-{TRACE}-{SPAN}-01"),
        format!("00-{TRACE}-{SPAN}-01 "),
        format!("00-{TRACE}-{SPAN}-+1"),
        format!("00-0x{}-{SPAN}-01", &TRACE[2..]),
        format!("01-{TRACE}-{SPAN}-01more"),
    ] {
        check(&traceparent, None);
    }
    assert!(!RemoteContext::extract(Some(&[0xff; 55]), None).is_valid());
    assert!(!RemoteContext::extract(None, Some("a=1")).is_valid());
}

fn check_state(tracestate: &str, expect: &str) {
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let context = RemoteContext::extract(Some(traceparent.as_bytes()), Some(tracestate));
    assert!(context.is_valid(), "tracestate {tracestate:?} must not cost the parent");
    assert_eq!(context.state().map_or("", |state| state), expect, "tracestate {tracestate:?}");
}

#[test]
fn tracestate_is_kept_or_dropped_whole() {
    check_state("", "");
    check_state("vendor=1", "vendor=1");
    check_state("a=1,b=2", "a=1,b=2");
    check_state("a=1 , \tb=2,", "a=1,b=2");
    check_state("tenant@vendor=x y", "tenant@vendor=x y");
    check_state("0a_-*/=~", "0a_-*/=~");
    let long = "x".repeat(256);
    check_state(&format!("a={long}"), &format!("a={long}"));

    for malformed in
        ["=1", "a", "a=", "A=1", "a=1=2", "a==1", "a=1,a=2", "a=\u{7f}", "a=é", "é=1", "_a=1"]
    {
        check_state(malformed, "");
    }
    check_state(&format!("a={long}x"), "");
    let many: Vec<String> = (0..33).map(|at| format!("k{at}=v")).collect();
    check_state(&many.join(","), "");
    check_state(&many[..32].join(","), &many[..32].join(","));
    let large: Vec<String> = (0..9).map(|at| format!("k{at}={long}")).collect();
    check_state(&large.join(","), "");
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

#[test]
fn repeated_headers_follow_the_specification() {
    let one = format!("00-{TRACE}-{SPAN}-01");
    let both = headers(&[("traceparent", &one), ("tracestate", "a=1"), ("tracestate", "b=2")]);
    let context = RemoteContext::from_headers(&both);
    assert_eq!(context.state().map_or("", |state| state), "a=1,b=2");

    let twice = headers(&[("traceparent", &one), ("traceparent", &one)]);
    assert!(!RemoteContext::from_headers(&twice).is_valid());
    assert!(!RemoteContext::from_headers(&HeaderMap::new()).is_valid());
}

#[test]
fn sampling_can_be_taken_from_elsewhere() {
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let context =
        RemoteContext::extract(Some(traceparent.as_bytes()), Some("a=1")).with_sampled(false);
    assert!(!context.is_sampled());
    assert_eq!(context.trace_id().as_deref(), Some(TRACE));
    assert_eq!(context.state().map_or("", |state| state), "a=1");
}
