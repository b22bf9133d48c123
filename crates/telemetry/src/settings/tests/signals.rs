//! What the variables of single signals do: exporters, batches, limits, propagators, vocabulary, metrics.

use std::time::Duration;

use tracing::level_filters::LevelFilter;

use super::{ENDPOINT, SIGNALS, notices, otlp_of, settings};
use crate::settings::limits::{AttributeLimits, SpanLimits};
use crate::settings::metrics::{ExemplarFilter, MetricsExport, Temporality};
use crate::settings::{Batch, NoticeLevel, Propagators, Settings, Vocabulary};
use crate::signal::Signal;

fn console_of(settings: &Settings, signal: Signal) -> bool {
    match signal {
        Signal::Traces => settings.traces.as_ref().expect("on").console,
        Signal::Logs => settings.logs.as_ref().expect("on").console,
        Signal::Metrics => settings.metrics.as_ref().expect("on").console,
    }
}

#[test]
fn exporters_are_chosen_by_name() {
    for signal in SIGNALS {
        let variable = format!("OTEL_{}_EXPORTER", signal.variable());
        for (value, otlp, console, noticed) in [
            ("", true, false, 0),
            ("otlp", true, false, 0),
            ("console", false, true, 0),
            ("none", false, false, 0),
            ("otlp, console", true, true, 0),
            ("Console,,NONE", false, true, 0),
            ("zipkin", true, false, 1),
            ("zipkin,console", false, true, 1),
        ] {
            let settings = settings(&[ENDPOINT, (&variable, value)]);
            assert_eq!(settings.notices.len(), noticed, "{variable}={value}");
            assert_eq!(console_of(&settings, signal), console, "{variable}={value}");
            assert_eq!(otlp_of(settings, signal).is_some(), otlp, "{variable}={value}");
        }
        let alone = settings(&[(&variable, "otlp")]);
        assert_eq!(alone.notices.len(), 1, "{:?}", alone.notices);
        assert!(otlp_of(alone, signal).is_none());
    }
}

#[test]
fn prometheus_does_not_push_and_says_where_metrics_are() {
    let settings = settings(&[
        ENDPOINT,
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "0.0.0.0"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "9464"),
    ]);
    let notices: Vec<_> =
        settings.notices.iter().map(|notice| (notice.variable.as_str(), notice.level)).collect();
    let info = NoticeLevel::Info;
    assert_eq!(
        notices,
        [
            ("OTEL_METRICS_EXPORTER", info),
            ("OTEL_EXPORTER_PROMETHEUS_HOST", info),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", info),
        ]
    );
    assert!(settings.notices.iter().all(|notice| notice.message.contains("/metrics")));
    assert!(otlp_of(settings, Signal::Metrics).is_none());
}

#[test]
fn disabled_means_nothing_at_all() {
    for (value, is_on) in [("true", false), ("True", false), ("1", true), ("false", true)] {
        let settings = settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", value)]);
        assert_eq!(settings.traces.is_some(), is_on, "{value}");
        assert_eq!(settings.logs.is_some(), is_on, "{value}");
        assert_eq!(settings.metrics.is_some(), is_on, "{value}");
    }
    let unread =
        settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c"), ("OTEL_SDK_DISABLED", "true")]);
    assert_eq!(notices(&unread), [""; 0], "what is switched off cannot be wrong");
}

#[test]
fn every_batch_variable_has_its_effect() {
    type Read = fn(Settings) -> Batch;
    let families: [(&str, u64, Read); 2] = [
        ("OTEL_BSP", 5, |settings| settings.traces.expect("on").batch),
        ("OTEL_BLRP", 1, |settings| settings.logs.expect("on").batch),
    ];
    for (prefix, delay, read) in families {
        let batch = |variables: &[(&str, &str)]| {
            let variables: Vec<_> = variables
                .iter()
                .map(|(name, value)| (format!("{prefix}_{name}"), *value))
                .collect();
            let variables: Vec<_> =
                variables.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            read(settings(&variables))
        };
        let defaults = Batch {
            queue_items_max: 2048,
            items_max: 512,
            delay: Duration::from_secs(delay),
            export_timeout: Duration::from_secs(30),
        };
        let nine = Duration::from_millis(9);
        for (name, value, expect) in [
            ("MAX_QUEUE_SIZE", "", defaults),
            ("MAX_QUEUE_SIZE", "4096", Batch { queue_items_max: 4096, ..defaults }),
            ("MAX_QUEUE_SIZE", "5", Batch { queue_items_max: 5, items_max: 5, ..defaults }),
            ("MAX_EXPORT_BATCH_SIZE", "7", Batch { items_max: 7, ..defaults }),
            ("SCHEDULE_DELAY", "9", Batch { delay: nine, ..defaults }),
            ("EXPORT_TIMEOUT", "9", Batch { export_timeout: nine, ..defaults }),
        ] {
            assert_eq!(batch(&[(name, value)]), expect, "{prefix}_{name}={value}");
        }
    }
}

#[test]
fn every_limit_has_its_effect() {
    let both = |variables: &[(&str, &str)]| {
        let settings = settings(variables);
        (settings.traces.expect("on").limits, settings.logs.expect("on").limits)
    };
    let (span, record) = (SpanLimits::default(), AttributeLimits::default());
    assert_eq!((record.count, record.value_chars_max), (128, None));
    let three = AttributeLimits { count: 3, ..record };
    let long = AttributeLimits { value_chars_max: Some(40), ..record };
    let all_three = SpanLimits { attributes: three, ..span };
    for (variable, value, expect) in [
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "", (span, record)),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "3", (all_three, three)),
        (
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "40",
            (SpanLimits { attributes: long, ..span }, long),
        ),
        (
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "3",
            (SpanLimits { attributes: three, ..span }, record),
        ),
        (
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "40",
            (SpanLimits { attributes: long, ..span }, record),
        ),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "3", (span, three)),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "40", (span, long)),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "0", (SpanLimits { links: 0, ..span }, record)),
    ] {
        assert_eq!(both(&[(variable, value)]), expect, "{variable}={value}");
    }
    let (own, general) = ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT");
    assert_eq!(both(&[(own, "4"), (general, "3")]).0.attributes.count, 4);
    assert_eq!(both(&[(own, "x"), (general, "3")]).0.attributes.count, 3, "the next is asked");
}

#[test]
fn every_metric_variable_has_its_effect() {
    let metrics = |variables: &[(&str, &str)]| settings(variables).metrics.expect("on");
    let check = |variable: &str, value: &str, is: &dyn Fn(&MetricsExport) -> bool| {
        let found = metrics(&[(variable, value)]);
        assert!(is(&found), "{variable}={value}: {found:?}");
    };
    let interval = "OTEL_METRIC_EXPORT_INTERVAL";
    check(interval, "", &|found| found.interval == Duration::from_secs(60));
    check(interval, "1500", &|found| found.interval == Duration::from_millis(1500));
    let timeout = "OTEL_METRIC_EXPORT_TIMEOUT";
    check(timeout, "", &|found| found.timeout == Duration::from_secs(30));
    check(timeout, "1500", &|found| found.timeout == Duration::from_millis(1500));
    let temporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
    for (value, expect) in [
        ("", Temporality::Cumulative),
        ("cumulative", Temporality::Cumulative),
        ("Delta", Temporality::Delta),
        ("LOWMEMORY", Temporality::LowMemory),
    ] {
        check(temporality, value, &|found| found.temporality == expect);
    }
    let filter = "OTEL_METRICS_EXEMPLAR_FILTER";
    for (value, expect) in [
        ("", ExemplarFilter::TraceBased),
        ("trace_based", ExemplarFilter::TraceBased),
        ("always_on", ExemplarFilter::AlwaysOn),
        ("ALWAYS_OFF", ExemplarFilter::AlwaysOff),
    ] {
        check(filter, value, &|found| found.exemplars == expect);
    }
}

#[test]
fn propagators_are_chosen_by_name() {
    let both = Propagators::default();
    let (trace, baggage) =
        (Propagators { baggage: false, ..both }, Propagators { trace_context: false, ..both });
    for (value, expect, noticed) in [
        ("", both, 0),
        ("tracecontext,baggage", both, 0),
        ("TraceContext", trace, 0),
        ("baggage", baggage, 0),
        ("none", Propagators::NONE, 0),
        ("b3,tracecontext", trace, 1),
        ("b3, jaeger", both, 2),
    ] {
        let settings = settings(&[("OTEL_PROPAGATORS", value)]);
        assert_eq!(settings.propagators, expect, "{value}");
        assert_eq!(settings.notices.len(), noticed, "{value}: {:?}", settings.notices);
    }
}

#[test]
fn the_vocabulary_follows_the_opt_in() {
    let both = Vocabulary::default();
    assert!(both.http_legacy && both.http_current && !both.gen_ai_latest);
    let current = Vocabulary { http_legacy: false, ..both };
    for (value, expect) in [
        ("", both),
        ("http", current),
        ("HTTP", current),
        ("http/dup", both),
        ("http,http/dup", both),
        ("database", both),
        ("gen_ai_latest_experimental", Vocabulary { gen_ai_latest: true, ..both }),
        ("http, gen_ai_latest_experimental", Vocabulary { gen_ai_latest: true, ..current }),
    ] {
        let settings = settings(&[("OTEL_SEMCONV_STABILITY_OPT_IN", value)]);
        assert_eq!(settings.vocabulary, expect, "{value}");
        let expect = usize::from(value == "database");
        assert_eq!(settings.notices.len(), expect, "{value}: {:?}", settings.notices);
    }
}

#[test]
fn what_is_wrong_for_all_signals_is_said_once() {
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4318"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ]);
    assert_eq!(settings.notices.len(), 3, "{:?}", settings.notices);
    let problems = super::read(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://c:4318"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/does/not/exist.pem"),
    ])
    .expect_err("two problems");
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn the_log_level_is_about_the_lines_of_telemetry() {
    for (value, expect) in [
        ("", None),
        ("none", Some(LevelFilter::OFF)),
        ("Debug", Some(LevelFilter::DEBUG)),
        ("trace", Some(LevelFilter::TRACE)),
        ("loud", None),
    ] {
        let settings = settings(&[("OTEL_LOG_LEVEL", value)]);
        assert_eq!(settings.log_level, expect, "{value}");
        assert_eq!(settings.notices.len(), usize::from(value == "loud"), "{value}");
    }
}

#[test]
fn a_configuration_file_is_refused() {
    for variable in ["OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE"] {
        let problems = super::read(&[(variable, "otel.yaml")]).expect_err("refused");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(&format!("{variable}: is not supported")), "{problems:?}");
    }
}

#[test]
fn what_has_no_effect_is_answered() {
    for (variable, value, expect) in [
        ("OTEL_ENTITIES", "service{service.name=a}", 1),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "5", 1),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "5", 1),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "", 0),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "5", 1),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
            1,
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "Explicit_Bucket_Histogram",
            0,
        ),
    ] {
        let notices = notices(&settings(&[(variable, value)]));
        assert_eq!(notices.len(), expect, "{variable}={value}: {notices:?}");
        assert!(notices.iter().all(|notice| notice.starts_with(variable)), "{notices:?}");
    }
}

#[test]
fn every_file_is_read_for_every_signal() {
    for what in ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"] {
        for signal in SIGNALS {
            let (base, own) = (
                format!("OTEL_EXPORTER_OTLP_{what}"),
                format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.variable()),
            );
            let endpoint = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable());
            for (variables, expect) in [
                (vec![(base.as_str(), "/base.pem")], &base),
                (vec![(base.as_str(), "/base.pem"), (own.as_str(), "/own.pem")], &own),
                (vec![(base.as_str(), "/base.pem"), (own.as_str(), "")], &base),
            ] {
                let all = [&[(endpoint.as_str(), "https://c:4318")], &*variables].concat();
                let problems = super::read(&all).expect_err("a file that does not exist");
                assert_eq!(problems.len(), 1, "{all:?}: {problems:?}");
                assert!(problems[0].starts_with(&format!("{expect}: ")), "{all:?}: {problems:?}");
            }
        }
    }
}
