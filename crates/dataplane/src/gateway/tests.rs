//! What a reload cannot change.

use mcp_gateway_core::config::Config;

use super::fixed_differences;

#[test]
fn settings_of_metrics_wait_for_the_next_start_and_say_so() {
    let old = Config::default();
    assert!(fixed_differences(&old, &old).is_empty());
    let mut new = Config::default();
    new.telemetry.metrics.enabled = !new.telemetry.metrics.enabled;
    new.telemetry.metrics.series_max += 1;
    let expect = ["telemetry.metrics.enabled", "telemetry.metrics.seriesMax"];
    assert_eq!(fixed_differences(&old, &new), expect);
}
