//! What lines look like, which are written, and what is cut.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

use super::{
    AUDIT_TARGET, Filter, FilterError, Format, LogHandle, MESSAGE_BYTES_MAX, Records, subscriber,
};
use crate::clock::Clock;
use crate::settings::Root;
use crate::tracer::Sinks;
use crate::{RemoteContext, Span, SpanKind, Tracer};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Sink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn written(format: Format, filter: &str, work: impl FnOnce(&LogHandle)) -> String {
    let sink = Sink::default();
    let (subscriber, handle) =
        subscriber(format, filter.parse().unwrap(), sink.clone(), Records::off());
    tracing::subscriber::with_default(subscriber, || work(&handle));
    let bytes = sink.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn json(work: impl FnOnce(&LogHandle)) -> Value {
    let text = written(Format::Json, "info", work);
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn span() -> Span {
    let tracer = Tracer::of_test(Root::On, Sinks::default(), Clock::System);
    tracer.start("a", SpanKind::Server, &RemoteContext::none(), |_| {})
}

#[test]
fn json_lines_keep_types_and_carry_the_trace() {
    let error = io::Error::other("no route");
    let error: &(dyn std::error::Error + 'static) = &error;
    let span = span();
    let line = json(|_| {
        span.in_scope(|| {
            tracing::warn!(
                server = %"demo/weather", count = 2, ratio = 0.5, nan = f64::NAN, up = false, negative = -1,
                text = "a \"b\"\\\n\u{1}\u{7f}é", debug = ?Some(1), level = "mine", error,
                "Server {} is slow.", "demo"
            );
        });
    });
    let timestamp = line["timestamp"].as_str().unwrap();
    assert!(
        timestamp.len() == 27 && timestamp.ends_with('Z') && timestamp.contains('T'),
        "{timestamp}"
    );
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["message"], "Server demo is slow.");
    assert_eq!(line["target"], "mcp_gateway_telemetry::log::tests");
    assert_eq!(line["trace_id"].as_str(), span.trace_id().as_deref());
    assert_eq!(line["span_id"].as_str(), span.span_id().as_deref());
    assert_eq!(line["server"], "demo/weather");
    assert_eq!(line["count"], 2);
    assert_eq!(line["negative"], -1);
    assert_eq!(line["ratio"], 0.5);
    assert_eq!(line["nan"], "NaN");
    assert_eq!(line["up"], false);
    assert_eq!(line["text"], "a \"b\"\\\n\u{1}\u{7f}é");
    assert_eq!(line["debug"], "Some(1)");
    assert_eq!(line["field.level"], "mine");
    assert_eq!(line["error"], "no route");
}

#[test]
fn lines_outside_a_trace_have_no_ids() {
    let line = json(|_| tracing::info!("Started."));
    assert_eq!(line["message"], "Started.");
    assert!(line.get("trace_id").is_none() && line.get("span_id").is_none(), "{line}");
    let line = written(Format::Text, "info", |_| tracing::info!("Started."));
    assert!(line.ends_with("Z  INFO Started.\n"), "{line:?}");
}

#[test]
fn text_lines_are_one_line_and_quote_what_needs_it() {
    let span = span();
    let line = written(Format::Text, "debug", |_| {
        span.in_scope(|| {
            tracing::warn!(
                name = "a b",
                bare = "x/y",
                empty = "",
                count = 2,
                forged = "x\n2026 INFO all is well",
                escape = "\u{1b}[31m",
                "First line\nsecond \"line\"."
            );
        });
    });
    let (_, rest) = line.split_once("Z  WARN ").unwrap_or_else(|| panic!("{line:?}"));
    let (trace_id, span_id) = (span.trace_id().unwrap(), span.span_id().unwrap());
    let expect = format!(
        "First line\\nsecond \"line\". name=\"a b\" bare=x/y empty=\"\" count=2 \
         forged=\"x\\n2026 INFO all is well\" escape=\"\\u{{1b}}[31m\" \
         trace_id={trace_id} span_id={span_id}\n"
    );
    assert_eq!(rest, expect);
    let line = written(Format::Text, "debug", |_| tracing::debug!("Detail."));
    assert!(line.ends_with(" DEBUG mcp_gateway_telemetry::log::tests: Detail.\n"), "{line:?}");
}

#[test]
fn long_messages_and_values_are_cut_and_counted() {
    let long = "é\n".repeat(1_000_000);
    let line = json(|_| tracing::info!(value = long.as_str(), "{long}"));
    let message = line["message"].as_str().unwrap();
    assert!(message.len() < MESSAGE_BYTES_MAX + 64, "{}", message.len());
    assert!(message.ends_with("bytes more)"), "{message:.20}");
    let cut: usize =
        message.rsplit('(').next().unwrap().split(' ').next().unwrap().parse().unwrap();
    let kept = message.split('…').next().unwrap().len();
    assert_eq!(kept + cut, long.len());
    assert!(line["value"].as_str().unwrap().ends_with("bytes more)"));
}

#[test]
fn only_lines_of_the_gateway_are_written() {
    let text = written(Format::Text, "trace", |_| {
        tracing::info!(target: "hyper::client", "Not ours.");
        tracing::error!(target: "h2::codec", "Not ours.");
        tracing::error!(target: "opentelemetry_sdk", "Not ours.");
        tracing::error!(target: "rustls_platform_verifier", "Not ours.");
        tracing::trace!(target: "mcp_gateway_dataplane::broker", "Ours.");
        tracing::trace!(target: "mcp_gateway", "Ours.");
    });
    assert_eq!(text.matches("Not ours").count(), 0, "{text}");
    assert_eq!(text.matches("Ours.").count(), 2, "{text}");
}

#[test]
fn levels_can_differ_by_part_and_change_while_running() {
    let text = written(Format::Text, "warn,mcp_gateway_dataplane::broker=debug", |handle| {
        let lines = || {
            tracing::info!("general");
            tracing::debug!(target: "mcp_gateway_dataplane::broker::list", "special");
        };
        lines();
        assert!(handle.set("debug".parse().unwrap()));
        assert_eq!(handle.current().as_deref(), Some("debug"));
        lines();
        assert!(handle.set("off".parse().unwrap()));
        lines();
    });
    assert_eq!(
        (text.matches("general").count(), text.matches("special").count()),
        (1, 2),
        "{text}"
    );
}

#[test]
fn filters_that_name_others_or_no_level_are_refused() {
    let check = |text: &str| text.parse::<Filter>().map(|filter| filter.to_string());
    assert_eq!(check(""), Ok("info".to_owned()));
    assert_eq!(check("INFO"), Ok("INFO".to_owned()));
    assert_eq!(check("loud"), Err(FilterError::Level("loud".to_owned())));
    assert_eq!(check("hyper=debug"), Err(FilterError::Target("hyper".to_owned())));
    assert_eq!(check("mcp_gateway=loud"), Err(FilterError::Level("loud".to_owned())));
    let audit = "mcp_gateway_audit".to_owned();
    assert_eq!(check("mcp_gateway_audit=off"), Err(FilterError::Audit(audit)));
}

#[test]
fn audit_events_are_written_whatever_the_level() {
    for filter in ["off", "error", "info", "trace", "off,mcp_gateway=off"] {
        let text = written(Format::Json, filter, |handle| {
            tracing::info!(target: AUDIT_TARGET, { event.name = "mcp.audit" }, "Before.");
            assert!(handle.set("off".parse().unwrap()));
            tracing::info!(target: AUDIT_TARGET, { event.name = "mcp.audit" }, "After.");
        });
        assert_eq!(text.lines().count(), 2, "{filter}: {text}");
        assert!(text.lines().all(|line| line.contains("\"event.name\":\"mcp.audit\"")), "{text}");
    }
}
