//! Metrics leave at their interval and once more at the end, as the environment wants them counted.

use std::time::Duration;

use mcp_gateway_telemetry::status::FailureReason;
use mcp_gateway_telemetry::{Metrics, SHUTDOWN_DEADLINE, Signal};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;

use crate::support::received::Received;
use crate::support::receiver::{Answer, Receiver};
use crate::support::send::Sender;
use crate::support::{assert_balanced, eventually, run, telemetry};

const LIMIT: &str = "of_this_test";

fn sender(receiver: &Receiver, more: &[(&str, &str)]) -> Sender {
    let endpoint = format!("http://127.0.0.1:{}", receiver.port);
    let mut all = vec![
        ("OTEL_METRICS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", endpoint.as_str()),
    ];
    all.extend(more);
    Sender::new(&all)
}

/// The points of the counter of limits: temporality, since when, value.
fn counted(request: &Received) -> Option<(i32, u64, i64)> {
    let metrics = request.metrics();
    let found = metrics.iter().find(|metric| metric.name.contains("limit"))?;
    let Some(Data::Sum(sum)) = &found.data else { panic!("{found:?}") };
    assert!(sum.is_monotonic, "{found:?}");
    let point = &sum.data_points[0];
    let Some(Value::AsInt(value)) = point.value else { panic!("{point:?}") };
    assert!(point.start_time_unix_nano <= point.time_unix_nano, "{point:?}");
    Some((sum.aggregation_temporality, point.start_time_unix_nano, value))
}

#[test]
fn metrics_leave_at_the_interval_and_at_the_end() {
    run(async {
        let receiver = Receiver::start().await;
        let sender = sender(&receiver, &[("OTEL_METRIC_EXPORT_INTERVAL", "20")]);
        receiver.wait_for_batches(3).await;
        sender.metrics.limit_reached(LIMIT);
        let report = sender.finish().await;
        assert_eq!(report.lost(), 0, "{report:?}");
        let last = receiver.batches().pop().expect("a batch");
        assert!(counted(&last.request).is_some(), "what happened last is in the last export");
        let account = sender.account(Signal::Metrics);
        assert_balanced(&account);
        assert_eq!(
            (account.exported, account.queue_capacity),
            (receiver.items(Signal::Metrics), 0)
        );
    });
}

#[test]
fn sums_count_from_where_the_environment_says() {
    // The numbers of OTLP: 1 is delta, 2 is cumulative.
    for (preference, temporality) in [("", 2), ("cumulative", 2), ("delta", 1), ("lowmemory", 1)] {
        run(async {
            let receiver = Receiver::start().await;
            let variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
            let sender =
                sender(&receiver, &[(variable, preference), ("OTEL_METRIC_EXPORT_INTERVAL", "30")]);
            let all = || {
                let batches = receiver.batches();
                batches.iter().filter_map(|batch| counted(&batch.request)).collect::<Vec<_>>()
            };
            sender.metrics.limit_reached(LIMIT);
            eventually(|| !all().is_empty(), || format!("{:#?}", receiver.batches())).await;
            let before = all().len();
            (0..2).for_each(|_| sender.metrics.limit_reached(LIMIT));
            eventually(|| all().len() > before, || format!("{:#?}", receiver.batches())).await;
            sender.finish().await;
            let all = all();
            assert_eq!(all[0].2, 1, "{preference}: {all:?}");
            assert!(all.iter().all(|(kind, ..)| *kind == temporality), "{preference}: {all:?}");
            let sum: i64 = all.iter().map(|(.., value)| value).sum();
            if temporality == 1 {
                assert_eq!(sum, 3, "{preference}: each is counted once: {all:?}");
            } else {
                assert_eq!(all.last().unwrap().2, 3, "{preference}: {all:?}");
                assert!(
                    all.iter().all(|(_, start, _)| *start == all[0].1),
                    "{preference}: {all:?}"
                );
            }
        });
    }
}

#[test]
fn an_export_that_takes_too_long_is_given_up_and_the_next_one_made() {
    run(async {
        let receiver = Receiver::answering(&[Answer::Nothing]).await;
        let sender = sender(
            &receiver,
            &[("OTEL_METRIC_EXPORT_INTERVAL", "20"), ("OTEL_METRIC_EXPORT_TIMEOUT", "100")],
        );
        let account = || sender.account(Signal::Metrics);
        eventually(|| account().exported > 0, || format!("{:#?}", account())).await;
        let failed = account().failed;
        assert_eq!(
            failed.iter().map(|(reason, _)| *reason).collect::<Vec<_>>(),
            [FailureReason::Timeout]
        );
        assert_eq!(account().last_error, None);
        sender.finish().await;
        assert_balanced(&account());
    });
}

#[test]
fn nothing_is_sent_before_anybody_says_whose_metrics() {
    run(async {
        let receiver = Receiver::start().await;
        let telemetry = telemetry(&[
            ("OTEL_METRICS_EXPORTER", "otlp"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://127.0.0.1:{}", receiver.port)),
            ("OTEL_METRIC_EXPORT_INTERVAL", "1"),
        ]);
        let _never_started = Metrics::new(telemetry.status());
        let report = telemetry.shutdown(SHUTDOWN_DEADLINE).await;
        assert_eq!(report.lost(), 0, "{report:?}");
        assert_eq!(receiver.items(Signal::Metrics), 0);
    });
}

#[test]
fn what_does_not_begin_to_leave_in_time_is_counted() {
    run(async {
        let receiver = Receiver::answering(&vec![Answer::Nothing; 10]).await;
        let sender = sender(&receiver, &[("OTEL_METRIC_EXPORT_INTERVAL", "60000")]);
        // More than one request takes.
        for at in 0..8 {
            let long: &'static str = String::leak(format!("{at}").repeat(1024 * 1024));
            sender.metrics.limit_reached(long);
        }
        let report = sender.telemetry.shutdown(Duration::from_millis(500)).await;
        let account = sender.account(Signal::Metrics);
        assert_balanced(&account);
        assert_eq!((account.queued, account.in_flight), (0, 0), "{account:#?}");
        assert!(account.created > receiver.items(Signal::Metrics), "{account:#?}");
        assert!(account.dropped_total() > 0, "{account:#?}");
        let lost: Vec<_> = report.signals.iter().map(|flush| flush.lost).collect();
        assert_eq!(lost, [account.created], "{report:?}");
    });
}
