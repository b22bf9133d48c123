//! Changes to a message, byte for byte.

use mcp_gateway_core::jsonrpc::{Message, Splice};

const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Everything that a reader which goes through values would change: numbers beyond doubles, escapes, white
/// space, duplicate and unknown members, their order.
const NASTY: &str = " {\t\"x-unknown\" : {\"z\":1,\"a\":-0,\"z\":1E+400},\n \"params\":{ \"arguments\" :{\"big\":9007199254740993,\
    \"huge\":1e400,\"exact\":0.1000000000000000055511151231257827,\"t\":\"<>&\\u003c\\/日本😀\\ud83d\\ude00\\ud800\",\
    \"dup\":1,\"dup\":2,\"Dup\":[ ],\"\":null} ,\"n\\u0061me\":\"weather\\u005fforecast\",\"other\":{ }},\r\n\
    \"method\":\"tools/call\",\"id\":1e3,\"jsonrpc\":\"2.0\",\"\\u0078\":[1,2 , 3]} \n";

fn spliced(text: &str, edit: impl Fn(&mut Splice<'_>)) -> String {
    let message = Message::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut splice = Splice::new(&message);
    edit(&mut splice);
    let unchanged = splice.is_empty();
    let result = String::from_utf8(splice.finish()).unwrap();
    assert!(!unchanged || result == text, "empty, but changes: {text}");
    if let Err(error) = Message::parse(result.as_bytes()) {
        panic!("{result}: {error}");
    }
    result
}

fn request(params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{params}}}"#)
}

#[test]
fn no_edit_changes_no_byte() {
    for text in [
        NASTY,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{ }}",
        "\n{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}",
    ] {
        assert_eq!(spliced(text, |_| ()), text);
    }
}

#[test]
fn a_replaced_name_leaves_every_other_byte() {
    let expect = NASTY.replace(r#""weather\u005fforecast""#, r#""forecast <\"é\">""#);
    assert_eq!(
        spliced(NASTY, |splice| splice.set_string_param("name", "forecast <\"é\">")),
        expect
    );
}

#[test]
fn several_edits_leave_every_other_byte() {
    let expect =
        NASTY.replace(r#""weather\u005fforecast""#, "\"forecast\"").replace("1e3", "17").replace(
            r#""params":{"#,
            &format!(r#""params":{{"_meta":{{"traceparent":"{TRACEPARENT}"}},"#),
        );
    let result = spliced(NASTY, |splice| {
        let id = NASTY.find("1e3").unwrap();
        splice.set_trace(TRACEPARENT, None);
        splice.replace(id..id + 3, b"17".to_vec());
        splice.set_string_param("name", "forecast");
    });
    assert_eq!(result, expect);
}

#[test]
fn strings_of_params_are_set_or_added() {
    let check = |params: &str, expect: &str| {
        let result = spliced(&request(params), |splice| splice.set_string_param("name", "new"));
        assert_eq!(result, request(expect));
    };
    check(r#"{"name":"old"}"#, r#"{"name":"new"}"#);
    check(r#"{ "a":1, "name" : {"x":[1]} }"#, r#"{ "a":1, "name" : "new" }"#);
    check("{}", r#"{"name":"new"}"#);
    check("{ }", r#"{"name":"new" }"#);
    check(r#"{ "a":1}"#, r#"{"name":"new", "a":1}"#);
    let without = r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#;
    assert_eq!(spliced(without, |splice| splice.set_string_param("name", "new")), without);
}

#[test]
fn of_two_edits_of_one_place_the_later_counts() {
    let result = spliced(&request(r#"{"name":"old"}"#), |splice| {
        splice.set_string_param("name", "a");
        splice.set_string_param("name", "b");
        splice.set_string_param("uri", "c");
        splice.set_string_param("uri", "d");
        splice.set_trace("old", Some("old"));
        splice.set_trace("t", None);
    });
    assert_eq!(result, request(r#"{"uri":"d","_meta":{"traceparent":"t"},"name":"b"}"#));
}

#[test]
fn members_added_to_empty_params_are_set_off_by_commas() {
    let result = spliced(&request("{}"), |splice| {
        splice.set_string_param("name", "a");
        splice.set_string_param("uri", "b");
        splice.set_trace("t", Some("s"));
    });
    assert_eq!(
        result,
        request(r#"{"name":"a","uri":"b","_meta":{"traceparent":"t","tracestate":"s"}}"#)
    );
}

#[test]
fn ranges_that_cannot_be_applied_are_left_out() {
    let text = request(r#"{"name":"old"}"#);
    let end = text.len();
    let reversed = std::ops::Range { start: 9, end: 8 };
    let result = spliced(&text, |splice| {
        splice.replace(end..end + 1, b"x".to_vec());
        splice.replace(reversed.clone(), b"x".to_vec());
        splice.replace(usize::MAX..usize::MAX, b"x".to_vec());
        let name = text.find("\"old\"").unwrap();
        splice.replace(name..name + 5, b"1".to_vec());
        splice.replace(name + 1..name + 3, b"x".to_vec());
    });
    assert_eq!(result, request(r#"{"name":1}"#));
}

/// Sets a trace in `params`, first without and then with `tracestate`.
fn check_trace(params: &str, plain: &str, with_state: &str) {
    let text = request(params);
    let state = Some("a=\"1\"");
    assert_eq!(spliced(&text, |splice| splice.set_trace("T", None)), request(plain), "{params}");
    assert_eq!(
        spliced(&text, |splice| splice.set_trace("T", state)),
        request(with_state),
        "{params}"
    );
}

#[test]
fn trace_context_is_added_to_meta() {
    // `_meta` is made.
    check_trace(
        "{}",
        r#"{"_meta":{"traceparent":"T"}}"#,
        r#"{"_meta":{"traceparent":"T","tracestate":"a=\"1\""}}"#,
    );
    check_trace(
        r#"{ "name":"x"}"#,
        r#"{"_meta":{"traceparent":"T"}, "name":"x"}"#,
        r#"{"_meta":{"traceparent":"T","tracestate":"a=\"1\""}, "name":"x"}"#,
    );
    // `_meta` has no trace.
    check_trace(
        r#"{"_meta":{ }}"#,
        r#"{"_meta":{"traceparent":"T" }}"#,
        r#"{"_meta":{"traceparent":"T","tracestate":"a=\"1\"" }}"#,
    );
    check_trace(
        r#"{"_meta":{ "progressToken" : 7 , "baggage":"k=v"} ,"name":"x"}"#,
        r#"{"_meta":{"traceparent":"T", "progressToken" : 7 , "baggage":"k=v"} ,"name":"x"}"#,
        r#"{"_meta":{"traceparent":"T","tracestate":"a=\"1\"", "progressToken" : 7 , "baggage":"k=v"} ,"name":"x"}"#,
    );
}

#[test]
fn trace_context_replaces_an_old_one() {
    // An old one is replaced, whatever it is.
    check_trace(
        r#"{"_meta":{"a":1,"traceparent" : "old" ,"b":2}}"#,
        r#"{"_meta":{"a":1,"traceparent" : "T" ,"b":2}}"#,
        r#"{"_meta":{"tracestate":"a=\"1\"","a":1,"traceparent" : "T" ,"b":2}}"#,
    );
    check_trace(
        r#"{"_meta":{"trace\u0070arent":{"old":[1]}}}"#,
        r#"{"_meta":{"trace\u0070arent":"T"}}"#,
        r#"{"_meta":{"tracestate":"a=\"1\"","trace\u0070arent":"T"}}"#,
    );
    // An old state goes with it.
    check_trace(
        r#"{"_meta":{"traceparent":"old", "tracestate" : "old" ,"b":2}}"#,
        r#"{"_meta":{"traceparent":"T" ,"b":2}}"#,
        r#"{"_meta":{"traceparent":"T", "tracestate" : "a=\"1\"" ,"b":2}}"#,
    );
    check_trace(
        r#"{"_meta":{ "tracestate" : "old" , "traceparent":"old" }}"#,
        r#"{"_meta":{ "traceparent":"T" }}"#,
        r#"{"_meta":{ "tracestate" : "a=\"1\"" , "traceparent":"T" }}"#,
    );
    check_trace(
        r#"{"_meta":{"a":1 , "tracestate" : "old" , "b":2, "traceparent":"old"}}"#,
        r#"{"_meta":{"a":1 , "b":2, "traceparent":"T"}}"#,
        r#"{"_meta":{"a":1 , "tracestate" : "a=\"1\"" , "b":2, "traceparent":"T"}}"#,
    );
    check_trace(
        r#"{"_meta":{"traceparent":"old","tracestate":"old"}}"#,
        r#"{"_meta":{"traceparent":"T"}}"#,
        r#"{"_meta":{"traceparent":"T","tracestate":"a=\"1\""}}"#,
    );
}

#[test]
fn a_state_without_parent_is_replaced_where_it_stands() {
    check_trace(
        r#"{"_meta":{"tracestate":"old"}}"#,
        r#"{"_meta":{"traceparent":"T"}}"#,
        r#"{"_meta":{"traceparent":"T","tracestate":"a=\"1\""}}"#,
    );
    check_trace(
        r#"{"_meta":{ "a":1,"tracestate":null , "b":2}}"#,
        r#"{"_meta":{ "a":1,"traceparent":"T" , "b":2}}"#,
        r#"{"_meta":{ "a":1,"traceparent":"T","tracestate":"a=\"1\"" , "b":2}}"#,
    );
}

#[test]
fn meta_that_is_no_object_is_left_alone() {
    for meta in ["null", "[]", "\"x\"", "7"] {
        let params = format!(r#"{{"name":"x","_meta":{meta}}}"#);
        check_trace(&params, &params, &params);
    }
}

#[test]
fn trace_context_needs_params() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"_meta":{}}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    ] {
        assert_eq!(spliced(text, |splice| splice.set_trace("T", Some("s"))), text);
    }
}

/// Every order in which the keys can stand, with each of them there or not.
fn metas() -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&str>> = vec![Vec::new()];
    let mut longest = all.clone();
    for _ in 0..4 {
        longest = longest
            .iter()
            .flat_map(|keys| {
                ["traceparent", "tracestate", "baggage", "progressToken"]
                    .into_iter()
                    .filter(|key| !keys.contains(key))
                    .map(|key| [&keys[..], &[key]].concat())
            })
            .collect();
        all.extend(longest.clone());
    }
    all
}

#[test]
fn trace_and_baggage_change_together_whatever_stands_beside_them() {
    for keys in metas() {
        let members: Vec<String> = keys.iter().map(|key| format!(r#""{key}" : "old""#)).collect();
        let text = request(&format!(r#"{{"_meta":{{ {} }},"name":"n"}}"#, members.join(" , ")));
        for trace in [None, Some(None), Some(Some("a=1"))] {
            for baggage in [None, Some("k=v")] {
                let result = spliced(&text, |splice| {
                    if let Some(tracestate) = trace {
                        splice.set_trace(TRACEPARENT, tracestate);
                    }
                    splice.replace_baggage(baggage);
                });
                let json: serde_json::Value = serde_json::from_str(&result).unwrap();
                let meta = json["params"]["_meta"].as_object().unwrap();
                let had = |key: &str| keys.contains(&key).then_some("old");
                let expect = [
                    ("traceparent", trace.map_or(had("traceparent"), |_| Some(TRACEPARENT))),
                    ("tracestate", trace.unwrap_or(had("tracestate"))),
                    ("baggage", had("baggage").and(baggage)),
                    ("progressToken", had("progressToken")),
                ];
                for (key, value) in expect {
                    let is = meta.get(key).and_then(serde_json::Value::as_str);
                    assert_eq!(is, value, "{key} in {result} of {text}");
                }
                assert_eq!(json["params"]["name"], "n");
            }
        }
    }
}

#[test]
fn baggage_is_neither_made_nor_looked_for_elsewhere() {
    for params in [r#"{"_meta":"baggage"}"#, r#"{"baggage":"a=1"}"#, r#"{"_meta":{"a":"baggage"}}"#]
    {
        let text = request(params);
        assert_eq!(spliced(&text, |splice| splice.replace_baggage(Some("k=v"))), text);
        assert_eq!(spliced(&text, |splice| splice.replace_baggage(None)), text);
    }
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#;
    assert_eq!(spliced(text, |splice| splice.replace_baggage(None)), text);
}
