//! The comparison of span trees: what fits passes, and every difference is named.

use std::sync::Arc;

use crate::support::span::{Attributes, Kind, Span, Status, Value};
use crate::support::tree::{Expected, expect_tree, expect_trees, report, span};

fn made(id: &str, parent: Option<&str>, name: &str, kind: Kind) -> Span {
    Span {
        trace_id: "t".to_owned(),
        span_id: id.to_owned(),
        parent_span_id: parent.map(str::to_owned),
        trace_state: String::new(),
        name: name.to_owned(),
        kind,
        status: Status::Unset,
        attributes: Attributes::new(),
        events: Vec::new(),
        links: Vec::new(),
        start_ns: 0,
        end_ns: 1_000,
        resource: Arc::default(),
        scope: String::new(),
    }
}

fn trace() -> Vec<Span> {
    let mut call = made("3", Some("1"), "tools/call echo", Kind::Client);
    call.status = Status::Error("it failed".to_owned());
    call.attributes = [
        ("error.type".to_owned(), Value::from("tool_error")),
        ("http.status_code".to_owned(), Value::Int(200)),
        ("mcp.session.id".to_owned(), Value::from("jti:1")),
    ]
    .into();
    vec![
        made("2", Some("1"), "mcp-router.route-decision", Kind::Internal),
        call,
        made("1", Some("caller"), "mcp-router.process", Kind::Server),
    ]
}

fn expected(call: impl Fn(Expected) -> Expected) -> Expected {
    span("mcp-router.process", Kind::Server)
        .below("caller")
        .child(span("mcp-router.route-decision", Kind::Internal).nothing_else())
        .child(call(span("tools/call echo", Kind::Client)))
}

fn right(call: Expected) -> Expected {
    call.error("it failed")
        .is("error.type", "tool_error")
        .is("http.status_code", 200_u16)
        .starts("mcp.session.id", "jti:")
        .lacks("error_source")
        .nothing_else()
}

#[test]
fn a_tree_that_fits_passes() {
    expect_tree(&trace(), &expected(right));
    expect_tree(&trace(), &expected(|call| call.fails().has("error.type")));
}

#[test]
fn every_difference_is_named() {
    #[track_caller]
    fn check(expected: Expected, difference: &str) {
        let text = report(&trace(), &[expected]).unwrap();
        assert!(text.contains(difference), "{difference:?} is not in:\n{text}");
        assert!(text.contains("\nexpected:\nmcp-router.process"), "{text}");
        assert!(text.contains("\nis:\ntrace t parent caller\nmcp-router.process SERVER"), "{text}");
    }
    let place = "the trace > mcp-router.process > tools/call echo";
    check(
        expected(|call| right(call).child(span("more", Kind::Internal))),
        &format!("{place}: no span more"),
    );
    check(
        expected(|call| call.has("error.type")),
        &format!("{place}: status is Error(\"it failed\")"),
    );
    check(expected(|call| call.error("otherwise")), "not Is(Error(\"otherwise\"))");
    check(
        expected(|call| call.fails().is("http.status_code", "200")),
        "http.status_code is 200, not \"200\"",
    );
    check(
        expected(|call| call.fails().is("http.status_code", 201_i64)),
        "http.status_code is 200, not 201",
    );
    check(
        expected(|call| call.fails().starts("mcp.session.id", "sha:")),
        "is \"jti:1\", not \"sha:\"…",
    );
    check(
        expected(|call| call.fails().has("client.address")),
        "client.address is absent, not present",
    );
    check(
        expected(|call| call.fails().lacks("error.type")),
        "error.type is \"tool_error\", not absent",
    );
    check(
        expected(|call| call.fails().nothing_else()),
        "unexpected attribute error.type = \"tool_error\"",
    );
    check(expected(right).below("other"), "parent is Some(\"caller\"), not Some(\"other\")");
    check(span("mcp-router.process", Kind::Server), "unexpected span tools/call echo");
    check(
        span("mcp-router.process", Kind::Internal).child(span("tools/call echo", Kind::Server)),
        "kind is CLIENT, not SERVER",
    );
}

#[test]
fn a_span_whose_parent_is_missing_is_a_tree_of_its_own() {
    let mut spans = trace();
    spans.push(made("9", Some("lost"), "stray", Kind::Internal));
    expect_trees(&spans, &[expected(right), span("stray", Kind::Internal).below("lost")]);
}
