//! What is shown of a value, and what never is.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{CUT, CaptureModes, OMITTED_NOT_JSON, captured};
use crate::config::{Capture, CaptureMode, CaptureRule, JsonPath, Pattern};

fn capture(paths: &[&str], patterns: &[&str]) -> Capture {
    Capture {
        redact_paths: paths.iter().map(|text| JsonPath::parse(text).unwrap()).collect(),
        redact_patterns: patterns.iter().map(|text| Pattern::parse(text).unwrap()).collect(),
        ..Capture::default()
    }
}

fn check(json: &str, (paths, patterns): (&[&str], &[&str]), expect: &str) {
    let found = captured(json.as_bytes(), CaptureMode::Value, &capture(paths, patterns));
    assert_eq!(found.as_deref(), Some(expect), "{json} without {paths:?} {patterns:?}");
}

#[test]
fn values_are_shown_as_they_are() {
    check(
        r#" { "a" : [ 1.50E+02, "\u00e4" , null ] } "#,
        (&[], &[]),
        r#"{"a":[1.50E+02,"ä",null]}"#,
    );
    check(r#"{"a":1,"a":2}"#, (&[], &[]), r#"{"a":1,"a":2}"#);
    check("\"x\"", (&[], &[]), "\"x\"");
}

#[test]
fn places_are_blacked_out() {
    let text = r#"{"user":{"name":"n","password":"p"},"items":[{"token":1},{"token":[2]}],"z":0}"#;
    let hidden = r#""[redacted]""#;
    for (path, expect) in [
        ("$.user.password", text.replace("\"p\"", hidden)),
        ("$.user", text.replace(r#"{"name":"n","password":"p"}"#, hidden)),
        ("$.items[1].token", text.replace("[2]", hidden)),
        (
            "$.items[*].token",
            text.replace("[2]", hidden).replace("{\"token\":1}", "{\"token\":\"[redacted]\"}"),
        ),
        (
            "$..token",
            text.replace("[2]", hidden).replace("{\"token\":1}", "{\"token\":\"[redacted]\"}"),
        ),
        ("$..user..password", text.replace("\"p\"", hidden)),
        ("$.items[2]", text.to_owned()),
        ("$.password", text.to_owned()),
    ] {
        check(text, (&[path], &[]), &expect);
    }
    check(r#"{"pass\u0077ord":1}"#, (&["$.password"], &[]), r#"{"password":"[redacted]"}"#);
    check(r#"{"a":1,"a":2}"#, (&["$.a"], &[]), r#"{"a":"[redacted]","a":"[redacted]"}"#);
    check(r#"{"a":[{"b":{"a":1}}]}"#, (&["$..a"], &[]), r#"{"a":"[redacted]"}"#);
}

#[test]
fn what_looks_like_a_secret_is_blacked_out_wherever_it_stands() {
    let card: &[&str] = &[r"\d{16}"];
    check(r#"["card 4111111111111111!"]"#, (&[], card), r#"["card [redacted]!"]"#);
    check("[4111111111111111]", (&[], card), r#"["[redacted]"]"#);
    check(r#"["\u0034111111111111111"]"#, (&[], card), r#"["[redacted]"]"#);
    check(r#"{"4111111111111111":1}"#, (&[], card), r#"{"[redacted]":1}"#);
    check(r#"{"k":"v"}"#, (&[], &[r#""k":"[^"]*""#]), "{[redacted]}");
    check(r#"["$1"]"#, (&[], &["1"]), r#"["$[redacted]"]"#);
}

#[test]
fn what_cannot_be_read_is_not_shown() {
    for text in ["", "{", "{\"a\":}", "nonsense", "{} {}", "[1,]", "\"\u{1}\""] {
        check(text, (&[], &[]), OMITTED_NOT_JSON);
    }
    check(r#"["\ud800 secret"]"#, (&[], &[]), r#"["[redacted]"]"#);
    let found = captured(b"\"\xff\"", CaptureMode::Value, &Capture::default());
    assert_eq!(found.as_deref(), Some(OMITTED_NOT_JSON));
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    check(&deep, (&[], &[]), OMITTED_NOT_JSON);
}

#[test]
fn long_values_are_cut_at_a_character_after_they_were_blacked_out() {
    let cut = Capture { bytes_max: 10, ..capture(&[], &["secret"]) };
    for (text, expect) in [
        ("12345678", "\"12345678\""),
        ("123456789", "\"123456…"),
        ("ääääää", "\"äää…"),
        ("123secret", "\"123[re…"),
    ] {
        let json = json!(text).to_string();
        let found = captured(json.as_bytes(), CaptureMode::Value, &cut).unwrap();
        assert_eq!(found, expect);
        assert!(found.len() <= 10 && (found.ends_with(CUT) || found.ends_with('"')));
    }
    let huge = json!("ä".repeat(1 << 20)).to_string();
    let found = captured(huge.as_bytes(), CaptureMode::Value, &Capture::default()).unwrap();
    assert!(found.len() <= Capture::default().bytes_max && found.ends_with(CUT));
}

#[test]
fn a_digest_knows_nothing_of_what_is_blacked_out() {
    let rules = capture(&["$.password"], &[]);
    let digest = |json: &str| captured(json.as_bytes(), CaptureMode::Hash, &rules).unwrap();
    let one = digest(r#"{"user":"a","password":"b"}"#);
    assert_eq!(one, digest(r#"{ "user": "a", "password": "c" }"#));
    assert_ne!(one, digest(r#"{"user":"b","password":"b"}"#));
    assert_eq!(
        digest("{}"),
        "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
}

#[test]
fn the_first_rule_that_fits_counts() {
    let rule = |name: &str, arguments, result| CaptureRule { name: name.into(), arguments, result };
    let capture = Capture {
        tools: vec![
            rule("bank_*", CaptureMode::Off, CaptureMode::Off),
            rule("*", CaptureMode::Value, CaptureMode::Hash),
        ],
        ..Capture::default()
    };
    assert_eq!(CaptureModes::of(&capture, "bank_pay"), CaptureModes::default());
    let expect = CaptureModes { arguments: CaptureMode::Value, result: CaptureMode::Hash };
    assert_eq!(CaptureModes::of(&capture, "echo"), expect);
    assert_eq!(CaptureModes::of(&Capture::default(), "echo"), CaptureModes::default());
    assert_eq!(captured(b"{}", CaptureMode::Off, &capture), None);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(Value::from("SECRET")),
        "[a-z]{0,3}SECRET[\"\\\\ä]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-c]|key|SECRET", inner, 0..5)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

/// Writes every capital letter as an escape; outside of strings JSON has none.
fn escaped(json: &str) -> String {
    let escape = |c: char| match c {
        'A'..='Z' => format!("\\u{:04x}", u32::from(c)),
        _ => c.to_string(),
    };
    json.chars().map(escape).collect()
}

proptest! {
    #[test]
    fn a_secret_never_shows(value in any_json(), bytes_max in 0_usize..200, escapes in any::<bool>()) {
        let rules = Capture { bytes_max, ..capture(&[], &["SECRET"]) };
        let json = value.to_string();
        let json = if escapes { escaped(&json) } else { json };
        let found = captured(json.as_bytes(), CaptureMode::Value, &rules).unwrap();
        prop_assert!(!found.contains("SECRET") && !found.contains("SECRE"), "{json}: {found}");
        prop_assert!(found.len() <= bytes_max.max(CUT.len()), "{json}: {found}");
    }

    #[test]
    fn a_blacked_out_place_never_shows(value in any_json(), secret in "[0-9]{12,20}") {
        let rules = capture(&["$..key"], &[]);
        let json = json!({ "a": [{ "key": { "deep": [secret, value] } }, 1] }).to_string();
        let found = captured(json.as_bytes(), CaptureMode::Value, &rules).unwrap();
        prop_assert_eq!(found, r#"{"a":[{"key":"[redacted]"},1]}"#);
    }

    #[test]
    fn without_rules_the_value_stays_the_same(value in any_json()) {
        let rules = Capture { bytes_max: usize::MAX, ..Capture::default() };
        let json = serde_json::to_string_pretty(&value).unwrap();
        let found = captured(json.as_bytes(), CaptureMode::Value, &rules).unwrap();
        prop_assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), value);
    }

    #[test]
    fn no_text_panics(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let rules = capture(&["$.a", "$..b", "$[*]"], &["a+"]);
        for json in [text.as_bytes(), &bytes] {
            drop(captured(json, CaptureMode::Value, &rules));
        }
    }
}
