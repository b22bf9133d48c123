//! `OTEL_*_LIMIT`: how much one span and one log record may say.

use mcp_gateway_telemetry::{RemoteContext, SHUTDOWN_DEADLINE, Signal, SpanKind};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use tracing::dispatcher::with_default;

use super::{batches, telemetry};
use crate::support::log::Stdout;
use crate::support::receiver::{Receiver, attribute};
use crate::support::run;

/// What came of a span and of a log record with three attributes and three links.
#[derive(Debug, PartialEq, Eq)]
struct Came {
    /// Of the span: attributes, and how many were dropped.
    span: (usize, u32),
    /// Of the log record: the same.
    record: (usize, u32),
    /// The text of the first attribute, of both.
    text: [String; 2],
    links: (usize, u32),
}

const TEXT: &str = "ünïcödé";

fn text(attributes: &[KeyValue]) -> String {
    attribute(attributes, "a").unwrap_or_default()
}

fn came(variables: &[(&str, &str)]) -> Came {
    run(async {
        let receiver = Receiver::start().await;
        let endpoint = format!("http://localhost:{}", receiver.port);
        let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
        all.extend(variables);
        let telemetry = telemetry(&all);
        let start =
            |name| telemetry.tracer().start(name, SpanKind::Server, &RemoteContext::none(), |_| {});
        let others = ["x", "y", "z"].map(start);
        let span = start("limited");
        span.set(|attributes| {
            attributes.put("a", TEXT);
            attributes.put("b", 2);
            attributes.put("c", 3);
        });
        for other in &others {
            span.link(other);
        }
        span.end();
        let (dispatch, _) = Stdout::default().logging("info", &telemetry);
        with_default(&dispatch, || {
            tracing::info!(target: "mcp_gateway_test", a = TEXT, b = 2, c = 3, "Limited.");
        });
        telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        let (spans, records) =
            (batches(&receiver, Signal::Traces), batches(&receiver, Signal::Logs));
        let spans: Vec<_> = spans.iter().flat_map(|batch| batch.spans()).collect();
        let span = spans.iter().find(|span| span.name == "limited").expect("the span");
        let (_, record) = records[0].request.logs()[0];
        Came {
            span: (span.attributes.len(), span.dropped_attributes_count),
            record: (record.attributes.len(), record.dropped_attributes_count),
            text: [text(&span.attributes), text(&record.attributes)],
            links: (span.links.len(), span.dropped_links_count),
        }
    })
}

fn whole() -> Came {
    Came { span: (3, 0), record: (3, 0), text: [TEXT, TEXT].map(ToOwned::to_owned), links: (3, 0) }
}

#[test]
fn without_limits_everything_comes() {
    assert_eq!(came(&[]), whole());
}

#[test]
fn attributes_beyond_the_limit_are_dropped_and_counted() {
    for (variables, span, record) in [
        (vec![("OTEL_ATTRIBUTE_COUNT_LIMIT", "2")], (2, 1), (2, 1)),
        (vec![("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1")], (1, 2), (3, 0)),
        (vec![("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1")], (3, 0), (1, 2)),
        (
            vec![
                ("OTEL_ATTRIBUTE_COUNT_LIMIT", "2"),
                ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3"),
                ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "0"),
            ],
            (3, 0),
            (0, 3),
        ),
    ] {
        let came = came(&variables);
        assert_eq!((came.span, came.record), (span, record), "{variables:?}");
    }
}

#[test]
fn links_beyond_the_limit_are_dropped_and_counted() {
    let expect = Came { links: (1, 2), ..whole() };
    assert_eq!(came(&[("OTEL_SPAN_LINK_COUNT_LIMIT", "1")]), expect);
}

#[test]
fn texts_are_cut_at_the_limit_in_characters() {
    for (variables, span, record) in [
        (vec![("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3")], "ünï", "ünï"),
        (vec![("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")], "ü", TEXT),
        (vec![("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1")], TEXT, "ü"),
        (
            vec![
                ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3"),
                ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7"),
                ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0"),
            ],
            TEXT,
            "",
        ),
    ] {
        assert_eq!(came(&variables).text, [span, record], "{variables:?}");
    }
}
