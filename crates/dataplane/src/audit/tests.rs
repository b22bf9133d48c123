//! The event and its table say the same.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use http::{Method, StatusCode};
use mcp_gateway_core::config::Config;
use mcp_gateway_core::jsonrpc::{Id, Message};
use mcp_gateway_telemetry::log::AUDIT_TARGET;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id as SpanId, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{AuditLog, Draft, End, FIELDS, Fault, Way};

/// The values of one event, by name; and every name that it could have.
#[derive(Clone, Debug, Default)]
struct Seen {
    values: BTreeMap<&'static str, String>,
    names: Vec<&'static str>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.values.insert(field.name(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.values.insert(field.name(), value.to_owned());
    }
}

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Seen>>>);

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == AUDIT_TARGET
    }

    fn new_span(&self, _: &Attributes<'_>) -> SpanId {
        SpanId::from_u64(1)
    }

    fn record(&self, _: &SpanId, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &SpanId, _: &SpanId) {}

    fn event(&self, event: &Event<'_>) {
        let names = event.metadata().fields().iter().map(|field| field.name()).collect();
        let mut seen = Seen { names, ..Seen::default() };
        event.record(&mut seen);
        self.0.lock().unwrap().push(seen);
    }

    fn enter(&self, _: &SpanId) {}

    fn exit(&self, _: &SpanId) {}
}

const END: End<'static> = End { fault: None, way: Way::Answered, status: Some(StatusCode::OK) };

/// Writes the event of a call that `fill` describes.
fn seen(fill: impl FnOnce(&mut Draft), end: &End<'_>) -> Vec<Seen> {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), || {
        let log = AuditLog::new();
        let mut draft = log.begin(&Config::default(), "proxy").unwrap();
        fill(&mut draft);
        draft.finish(end);
    });
    collector.0.lock().unwrap().clone()
}

fn message(text: &str) -> impl Fn(&mut Draft) + '_ {
    move |draft| {
        let message = Message::parse(text.as_bytes()).unwrap();
        let id = message.id().map(Id::from_raw);
        draft.message(&message, id.as_ref());
    }
}

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"weather_forecast","arguments":{"city":"secret"}}}"#;

#[test]
fn event_has_the_fields_of_the_table_in_its_order() {
    let seen = seen(|draft| draft.call("demo/weather", "forecast"), &END);
    let names: Vec<_> = seen[0].names.iter().copied().filter(|name| *name != "message").collect();
    let table: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    assert_eq!(names, table);
}

#[test]
fn call_is_told_without_its_arguments() {
    let fill = |draft: &mut Draft| {
        draft.request(Some([192, 0, 2, 7].into()), &Method::POST, Some("request-1"));
        draft.session(&Arc::from("jti:1"));
        message(CALL)(draft);
        draft.call("demo/weather", "forecast");
    };
    let seen = seen(fill, &END);
    let values = &seen[0].values;
    for (name, expect) in [
        ("event.name", "mcp.audit"),
        ("mcp.audit.sequence", "1"),
        ("mcp.audit.decision", "allowed"),
        ("mcp.audit.outcome", "success"),
        ("mcp.audit.front_end", "proxy"),
        ("client.address", "192.0.2.7"),
        ("mcp.session.id", "jti:1"),
        ("http.request.method", "POST"),
        ("http.request_id", "request-1"),
        ("mcp.method.name", "tools/call"),
        ("jsonrpc.request.id", "7"),
        ("gen_ai.tool.name", "weather_forecast"),
        ("mcp.server", "demo/weather"),
        ("mcp.audit.upstream_name", "forecast"),
        ("http.response.status_code", "200"),
        ("mcp.audit.tool_error", "false"),
        ("message", "Call was answered."),
    ] {
        assert_eq!(values.get(name).map(String::as_str), Some(expect), "{name} in {values:?}");
    }
    let duration: f64 = values["mcp.audit.duration_s"].parse().unwrap();
    assert!(duration >= 0.0, "{values:?}");
    assert_eq!(values.len(), 19, "{values:?}");
    assert!(!format!("{values:?}").contains("secret"), "{values:?}");
}

#[test]
fn what_was_asked_for_is_told_of_every_method_that_acts() {
    let refused = || End {
        fault: Some(Fault {
            error_type: "method_not_found",
            source: "client",
            code: Some(-32601),
            message: "no",
        }),
        ..END
    };
    let check = |method: &str, params: &str, expect: Option<(&str, &str)>| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let seen = seen(message(&text), &refused());
        let values = &seen[0].values;
        assert_eq!(values["mcp.method.name"], method);
        assert_eq!(values["mcp.audit.decision"], "refused", "{values:?}");
        assert_eq!(values["rpc.response.status_code"], "-32601", "{values:?}");
        let told = ["gen_ai.tool.name", "gen_ai.prompt.name", "mcp.resource.uri"];
        let told = told.iter().find_map(|name| Some((*name, values.get(name)?.as_str())));
        assert_eq!(told, expect, "{values:?}");
    };
    check("tools/call", r#"{"name":"a"}"#, Some(("gen_ai.tool.name", "a")));
    check("tools/call", r#"{"name":7}"#, None);
    check("prompts/get", r#"{"name":"a"}"#, Some(("gen_ai.prompt.name", "a")));
    let uri = r#"{"uri":"https://a/b?token=secret#c"}"#;
    check("resources/read", uri, Some(("mcp.resource.uri", "https://a/b")));
    check("resources/subscribe", uri, Some(("mcp.resource.uri", "https://a/b")));
    check("completion/complete", r#"{"name":"a"}"#, None);
    check("no/such", "{}", None);
}

#[test]
fn outcome_follows_the_end() {
    let fault = |error_type: &'static str, source| {
        Some(Fault { error_type, source, code: None, message: "why" })
    };
    let check = |end: End<'_>, decision: &str, outcome: &str, tool_error: Option<&str>| {
        let seen = seen(|draft| draft.call("s", "t"), &end);
        let values = &seen[0].values;
        assert_eq!(values["mcp.audit.decision"], decision, "{values:?}");
        assert_eq!(values["mcp.audit.outcome"], outcome, "{values:?}");
        assert_eq!(values.get("mcp.audit.tool_error").map(String::as_str), tool_error);
    };
    check(END, "allowed", "success", Some("false"));
    check(End { way: Way::Unread, ..END }, "allowed", "unread", None);
    check(End { way: Way::Left, status: None, ..END }, "allowed", "client_disconnected", None);
    check(End { way: Way::Reset, ..END }, "allowed", "stream_reset", None);
    check(
        End { fault: fault("tool_error", "backend"), ..END },
        "allowed",
        "tool_error",
        Some("true"),
    );
    check(End { fault: fault("-32603", "backend"), ..END }, "allowed", "error", None);
    check(End { fault: fault("403", "client"), ..END }, "refused", "refused", None);
}

#[test]
fn request_that_neither_goes_to_a_server_nor_is_refused_has_no_event() {
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert!(seen(message(list), &END).is_empty());
    let fault = Fault { error_type: "x", source: "broker", code: None, message: "why" };
    assert!(seen(message(list), &End { fault: Some(fault), ..END }).is_empty());
}

#[test]
fn numbers_have_no_gap_and_nothing_is_collected_when_it_is_off() {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), || {
        let log = AuditLog::new();
        let mut config = Config::default();
        for _ in 0..3 {
            // One that is not told takes no number.
            log.begin(&config, "proxy").unwrap().finish(&END);
            let mut draft = log.begin(&config, "proxy").unwrap();
            draft.call("s", "t");
            draft.finish(&END);
        }
        config.telemetry.audit.enabled = false;
        assert!(log.begin(&config, "proxy").is_none());
    });
    let seen = collector.0.lock().unwrap();
    let numbers: Vec<_> = seen.iter().map(|it| it.values["mcp.audit.sequence"].as_str()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    assert!(AuditLog::new().begin(&Config::default(), "proxy").is_none(), "nobody reads");
}
