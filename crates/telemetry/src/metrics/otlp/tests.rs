//! What a receiver of OTLP gets, and that it is what Prometheus gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, HistogramDataPoint, Metric, metric, number_data_point,
};

use super::{MetricsReader, Temporality, data_points};
use crate::metrics::{Exemplar, Metrics, Operation, Peer};
use crate::name::metric::{ALL, Kind};
use crate::status::Status;

const SECOND: Option<Duration> = Some(Duration::from_secs(1));

fn operation() -> Operation {
    Operation { method: "tools/call", tool: Some(Arc::from("a_b")), ..Operation::default() }
}

fn observe(metrics: &Metrics, id: u8) {
    let exemplar = Exemplar { trace_id: [id; 16], span_id: [id; 8], is_sampled: true };
    let peer = Peer { name: Arc::from("a"), address: Arc::from("a.local"), port: 80 };
    metrics.client_operation(peer, operation(), SECOND, || Some(exemplar));
    metrics.tools_discovered(&Arc::from("a"), usize::from(id));
    metrics.limit_reached("streams_max");
    metrics.stream_opened();
}

fn collect(reader: &mut MetricsReader) -> BTreeMap<String, Metric> {
    let metrics = reader.collect(SystemTime::now());
    metrics.into_iter().map(|metric| (metric.name.clone(), metric)).collect()
}

fn histogram<'m>(metrics: &'m BTreeMap<String, Metric>, name: &str) -> &'m HistogramDataPoint {
    let Some(metric::Data::Histogram(histogram)) = &metrics[name].data else {
        panic!("{name} is no histogram")
    };
    assert_eq!(histogram.data_points.len(), 1, "{name}");
    &histogram.data_points[0]
}

/// The only value of a counter, and whether it is a difference.
fn sum(metrics: &BTreeMap<String, Metric>, name: &str) -> (i64, bool) {
    let Some(metric::Data::Sum(sum)) = &metrics[name].data else { panic!("{name} is no sum") };
    let Some(number_data_point::Value::AsInt(value)) = sum.data_points[0].value else {
        panic!("{name} is no whole number")
    };
    (value, sum.aggregation_temporality == i32::from(AggregationTemporality::Delta))
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref()?.value.as_ref()?;
        if let any_value::Value::IntValue(value) = value {
            return Some(value.to_string());
        }
        let any_value::Value::StringValue(text) = value else { panic!("{value:?}") };
        Some(text.clone())
    };
    attributes.iter().map(|it| (it.key.as_str(), text(it).unwrap())).collect()
}

#[test]
fn histograms_keep_bounds_attributes_and_exemplars() {
    let metrics = Metrics::new(Status::off());
    observe(&metrics, 7);
    let all = collect(&mut metrics.reader(Temporality::Cumulative));
    let described = &all["mcp.client.operation.duration"];
    assert_eq!(described.unit, "s");
    assert!(!described.description.is_empty());
    let point = histogram(&all, "mcp.client.operation.duration");
    assert_eq!(point.explicit_bounds.len(), 14);
    assert_eq!((point.count, point.sum), (1, Some(1.0)));
    assert_eq!(point.bucket_counts, [0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(point.start_time_unix_nano > 0 && point.start_time_unix_nano <= point.time_unix_nano);
    let expect = [
        ("gen_ai.operation.name", "execute_tool"),
        ("gen_ai.tool.name", "a_b"),
        ("mcp.method.name", "tools/call"),
        ("mcp.server", "a"),
        ("network.protocol.name", "http"),
        ("network.transport", "tcp"),
        ("server.address", "a.local"),
        ("server.port", "80"),
    ];
    let expect = expect.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(texts(&point.attributes), BTreeMap::from(expect));
    let [exemplar] = point.exemplars.as_slice() else { panic!("{:?}", point.exemplars) };
    assert_eq!((&exemplar.trace_id[..], &exemplar.span_id[..]), (&[7; 16][..], &[7; 8][..]));
    assert!(exemplar.time_unix_nano > 0);
}

#[test]
fn every_metric_is_what_its_table_says() {
    let metrics = Metrics::new(Status::off());
    observe(&metrics, 1);
    let all = metrics.reader(Temporality::Cumulative).collect(SystemTime::now());
    let mut points = 0;
    for sent in &all {
        let known = ALL.iter().find(|known| known.name == sent.name).expect(&sent.name);
        assert_eq!((known.unit, known.help), (&*sent.unit, &*sent.description), "{}", sent.name);
        let cumulative = i32::from(AggregationTemporality::Cumulative);
        match (known.kind, sent.data.as_ref().expect(&sent.name)) {
            (Kind::Counter | Kind::UpDownCounter, metric::Data::Sum(sum)) => {
                assert_eq!(sum.is_monotonic, known.kind == Kind::Counter, "{}", sent.name);
                assert_eq!(sum.aggregation_temporality, cumulative, "{}", sent.name);
                assert!(sum.data_points.iter().all(|point| point.start_time_unix_nano > 0));
                points += sum.data_points.len();
            }
            (Kind::Gauge, metric::Data::Gauge(gauge)) => points += gauge.data_points.len(),
            (Kind::Histogram, metric::Data::Histogram(histogram)) => {
                assert_eq!(histogram.aggregation_temporality, cumulative, "{}", sent.name);
                points += histogram.data_points.len();
            }
            (kind, data) => panic!("{}: {kind:?} as {data:?}", sent.name),
        }
    }
    assert_eq!(data_points(&all), points);
    let shown = metrics.encode();
    for name in all.iter().filter_map(|sent| ALL.iter().find(|known| known.name == sent.name)) {
        assert!(shown.contains(name.prometheus), "{} is not at /metrics", name.prometheus);
    }
}

#[test]
fn delta_says_what_happened_since_the_last_time() {
    let metrics = Metrics::new(Status::off());
    let mut reader = metrics.reader(Temporality::Delta);
    observe(&metrics, 1);
    let first = collect(&mut reader);
    assert_eq!(sum(&first, "mcp.gateway.limit.reached"), (1, true));
    assert_eq!(sum(&first, "mcp.gateway.streams.open"), (1, false));
    let before = histogram(&first, "mcp.client.operation.duration");
    assert_eq!((before.count, before.exemplars.len()), (1, 1));

    observe(&metrics, 2);
    observe(&metrics, 3);
    let second = collect(&mut reader);
    assert_eq!(sum(&second, "mcp.gateway.limit.reached"), (2, true));
    assert_eq!(sum(&second, "mcp.gateway.streams.open"), (3, false));
    let after = histogram(&second, "mcp.client.operation.duration");
    assert_eq!((after.count, after.sum), (2, Some(2.0)));
    assert_eq!(after.exemplars[0].trace_id, [3; 16]);
    assert_eq!(after.start_time_unix_nano, before.time_unix_nano, "no gap and no overlap");

    let third = collect(&mut reader);
    for silent in ["mcp.client.operation.duration", "mcp.gateway.limit.reached"] {
        assert!(!third.contains_key(silent), "{silent}: nothing happened");
    }
    assert_eq!(sum(&third, "mcp.gateway.streams.open"), (3, false));
}

#[test]
fn a_series_that_is_made_anew_counts_from_zero() {
    let metrics = Metrics::new(Status::off());
    let mut reader = metrics.reader(Temporality::Delta);
    observe(&metrics, 1);
    observe(&metrics, 2);
    collect(&mut reader);
    metrics.remove_server("a");
    observe(&metrics, 3);
    let again = collect(&mut reader);
    assert_eq!(histogram(&again, "mcp.client.operation.duration").count, 1);
}

#[test]
fn two_receivers_do_not_take_from_each_other() {
    let metrics = Metrics::new(Status::off());
    let (mut one, mut other) =
        (metrics.reader(Temporality::Delta), metrics.reader(Temporality::Delta));
    observe(&metrics, 1);
    collect(&mut one);
    assert_eq!(sum(&collect(&mut other), "mcp.gateway.limit.reached"), (1, true));
}
