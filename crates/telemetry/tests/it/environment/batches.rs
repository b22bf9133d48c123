//! `OTEL_BSP_*` and `OTEL_BLRP_*`: how spans and log records are gathered.

use std::time::Duration;

use mcp_gateway_telemetry::status::{DropReason, FailureReason};
use mcp_gateway_telemetry::{SHUTDOWN_DEADLINE, Signal, Telemetry};

use super::{account, batches, emit, telemetry};
use crate::support::receiver::{Answer, Receiver};
use crate::support::{assert_balanced, eventually, run};

/// What the variables of each signal begin with.
const FAMILIES: [(Signal, &str); 2] = [(Signal::Traces, "OTEL_BSP_"), (Signal::Logs, "OTEL_BLRP_")];

/// Telemetry that sends to `receiver`, with variables of one family.
fn sending_to(receiver: &Receiver, prefix: &str, variables: &[(&str, &str)]) -> Telemetry {
    let endpoint = format!("http://localhost:{}", receiver.port);
    let named: Vec<_> =
        variables.iter().map(|(name, value)| (format!("{prefix}{name}"), *value)).collect();
    let mut all = vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
    ];
    all.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    telemetry(&all)
}

#[test]
fn no_more_items_wait_than_the_queue_may_hold() {
    for (signal, prefix) in FAMILIES {
        run(async {
            let receiver = Receiver::answering(&[const { Answer::Nothing }; 8]).await;
            let telemetry = sending_to(&receiver, prefix, &[("MAX_QUEUE_SIZE", "3")]);
            emit(&telemetry, 50);
            let status = account(&telemetry, signal);
            assert_balanced(&status);
            assert_eq!((status.created, status.queue_capacity), (50, 3), "{signal}");
            // Three wait, and as many are on their way.
            let dropped =
                status.dropped.iter().find(|(reason, _)| *reason == DropReason::QueueFull);
            assert!(dropped.is_some_and(|(_, count)| *count >= 44), "{status:#?}");
            telemetry.shutdown(Duration::ZERO).await;
        });
    }
}

#[test]
fn no_request_has_more_items_than_a_batch_may_have() {
    for (signal, prefix) in FAMILIES {
        run(async {
            let receiver = Receiver::start().await;
            let telemetry = sending_to(&receiver, prefix, &[("MAX_EXPORT_BATCH_SIZE", "2")]);
            emit(&telemetry, 5);
            telemetry.shutdown(SHUTDOWN_DEADLINE).await;
            let sizes: Vec<u64> =
                batches(&receiver, signal).iter().map(|batch| batch.request.items()).collect();
            assert_eq!(sizes.iter().sum::<u64>(), 5, "{signal}: {sizes:?}");
            assert!(sizes.iter().all(|size| *size <= 2), "{signal}: {sizes:?}");
        });
    }
}

#[test]
fn items_wait_for_others_as_long_as_they_are_told() {
    for (signal, prefix) in FAMILIES {
        run(async {
            let (patient, hasty) = (Receiver::start().await, Receiver::start().await);
            let slow = sending_to(&patient, prefix, &[("SCHEDULE_DELAY", "600000")]);
            emit(&slow, 1);
            let fast = sending_to(&hasty, prefix, &[("SCHEDULE_DELAY", "20")]);
            emit(&fast, 1);
            // Were the delay the same for both, the first would be there first.
            eventually(|| hasty.items(signal) > 0, || format!("{signal}: {:#?}", fast.status()))
                .await;
            assert_eq!(patient.items(signal), 0, "{signal}");
            slow.shutdown(SHUTDOWN_DEADLINE).await;
            assert_eq!(patient.items(signal), 1, "{signal}");
        });
    }
}

#[test]
fn a_batch_has_as_much_time_as_it_is_told() {
    for (signal, prefix) in FAMILIES {
        run(async {
            let receiver = Receiver::answering(&[const { Answer::Nothing }; 8]).await;
            let variables = [("SCHEDULE_DELAY", "10"), ("EXPORT_TIMEOUT", "50")];
            let telemetry = sending_to(&receiver, prefix, &variables);
            emit(&telemetry, 1);
            let failed = || account(&telemetry, signal).failed_total() > 0;
            eventually(failed, || format!("{signal}: {:#?}", telemetry.status())).await;
            let status = account(&telemetry, signal);
            assert_eq!(status.failed, [(FailureReason::Timeout, 1)], "{signal}");
            telemetry.shutdown(Duration::ZERO).await;
        });
    }
}
