//! What each variable does, and what a wrong value does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::endpoint::{Protocol, TlsMode};
use super::traces::{Root, Sampler};
use super::{BuildInfo, Compression, Otlp, Settings};
use crate::signal::Signal;

mod signals;

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");

pub(super) fn build() -> BuildInfo {
    BuildInfo {
        version: "1.2.3".to_owned(),
        revision: "abc123".to_owned(),
        rust_version: "1.95.0".to_owned(),
    }
}

fn read(variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let table: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let env = |name: &str| table.get(name).map(|value| (*value).to_owned());
    Settings::from_env(&env, &build())
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn settings(variables: &[(&str, &str)]) -> Settings {
    read(variables).unwrap_or_else(|problems| panic!("{variables:?}: {problems:?}"))
}

fn otlp(variables: &[(&str, &str)]) -> Otlp {
    let with_endpoint: Vec<_> = [ENDPOINT].iter().chain(variables).copied().collect();
    let traces = settings(&with_endpoint).traces.expect("traces are on");
    traces.otlp.expect("there is an endpoint")
}

fn notices(settings: &Settings) -> Vec<String> {
    settings.notices.iter().map(ToString::to_string).collect()
}

#[test]
fn nothing_set_is_nothing_exported() {
    for variables in [vec![], vec![("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_SDK_DISABLED", " ")]]
    {
        let settings = settings(&variables);
        assert_eq!(notices(&settings), [""; 0], "{variables:?}");
        let traces = settings.traces.as_ref().expect("not disabled");
        let logs = settings.logs.as_ref().expect("not disabled");
        let metrics = settings.metrics.as_ref().expect("not disabled");
        assert!(!traces.console && !logs.console && !metrics.console, "{variables:?}");
        let otlp = [&traces.otlp, &logs.otlp, &metrics.otlp];
        assert!(otlp.iter().all(|otlp| otlp.is_none()), "{variables:?}");
    }
}

#[test]
fn endpoint_of_the_signal_wins_unless_empty() {
    for signal in SIGNALS {
        let own = format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.variable());
        let (added, based) =
            (format!("http://t:4318{}", signal.path()), format!("http://c:4318{}", signal.path()));
        for (value, uri) in [
            ("http://t:4318/in", "http://t:4318/in"),
            ("http://t:4318", added.as_str()),
            ("", based.as_str()),
            ("  ", based.as_str()),
        ] {
            let otlp = otlp_of(settings(&[ENDPOINT, (&own, value)]), signal).expect("on");
            assert_eq!(otlp.endpoint.uri.to_string(), uri, "{own}={value:?}");
        }
        for other in SIGNALS {
            let alone = otlp_of(settings(&[(&own, "rpc://t")]), other);
            let protocol = alone.map(|otlp| otlp.endpoint.protocol);
            let expect = (other == signal).then_some(Protocol::Grpc);
            assert_eq!(protocol, expect, "{own} alone is about {signal} and not {other}");
        }
    }
}

const SIGNALS: [Signal; 3] = [Signal::Traces, Signal::Logs, Signal::Metrics];

/// What the environment says about one signal, when it has an endpoint.
fn otlp_of(settings: Settings, signal: Signal) -> Option<Otlp> {
    match signal {
        Signal::Traces => settings.traces.expect("on").otlp,
        Signal::Logs => settings.logs.expect("on").otlp,
        Signal::Metrics => settings.metrics.expect("on").otlp,
    }
}

/// Checks one OTLP variable for each signal: for all signals, for this one, this one over all, empty, another signal's.
fn check_pair<T: PartialEq + std::fmt::Debug>(
    endpoint: &str,
    what: &str,
    (one, two): (&str, &str),
    (first, second): (T, T),
    get: impl Fn(&Otlp) -> T,
) {
    for signal in SIGNALS {
        let get = |variables: &[(&str, &str)]| {
            let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
            all.extend(variables);
            let otlp = otlp_of(settings(&all), signal);
            get(&otlp.unwrap_or_else(|| panic!("{signal}: {all:?}")))
        };
        let base = format!("OTEL_EXPORTER_OTLP_{what}");
        let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.variable());
        assert_eq!(get(&[(&base, one)]), first, "{base} for {signal}");
        assert_eq!(get(&[(&own, one)]), first, "{own}");
        assert_eq!(get(&[(&base, one), (&own, two)]), second, "{own} over {base}");
        assert_eq!(get(&[(&base, one), (&own, "")]), first, "empty {own}");
        for other in SIGNALS.into_iter().filter(|other| *other != signal) {
            let other = format!("OTEL_EXPORTER_OTLP_{}_{what}", other.variable());
            assert_eq!(get(&[(&base, one), (&other, two)]), first, "{other} for {signal}");
        }
    }
}

#[test]
fn every_otlp_variable_has_its_effect_on_every_signal() {
    let http = "http://c:4318";
    check_pair(
        http,
        "TIMEOUT",
        ("1500", "20"),
        (Duration::from_millis(1500), Duration::from_millis(20)),
        |o| o.timeout,
    );
    let compressions = (Compression::Gzip, Compression::None);
    check_pair(http, "COMPRESSION", ("gzip", "none"), compressions, |o| o.compression);
    let protocols = (Protocol::Grpc, Protocol::HttpJson);
    check_pair(http, "PROTOCOL", ("grpc", "HTTP/JSON"), protocols, |o| o.endpoint.protocol);
    let header = |otlp: &Otlp| {
        let value = otlp.headers.get("x-key").expect("a header");
        assert!(value.is_sensitive());
        value.to_str().expect("text").to_owned()
    };
    let expect = ("a b".to_owned(), "c=d".to_owned());
    check_pair(http, "HEADERS", ("x-key=a%20b", "other=1,x-key=c=d"), expect, header);
    assert_eq!(otlp(&[]).timeout, Duration::from_secs(10));
    assert_eq!(otlp(&[]).compression, Compression::None);
}

#[test]
fn insecure_is_read_for_all_signals_and_for_one() {
    let skips = TlsMode::SkipVerifyOrPlaintext;
    let modes = (skips, TlsMode::Verify);
    check_pair("rpc://c", "INSECURE", ("true", "false"), modes, |o| o.endpoint.tls);
    check_pair("rpc://c", "INSECURE", ("TRUE", "FALSE"), modes, |o| o.endpoint.tls);
    let modes = (TlsMode::SkipVerify, TlsMode::Verify);
    check_pair("https://c", "INSECURE", ("true", "false"), modes, |o| o.endpoint.tls);
}

#[test]
fn skipped_verification_is_one_warning() {
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4318"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ]);
    assert_eq!(
        notices(&settings),
        ["OTEL_EXPORTER_OTLP_INSECURE: whoever answers at c:4318 is believed, unverified"]
    );
}

#[test]
fn every_sampler_is_read() {
    let sampler = |variables: &[(&str, &str)]| settings(variables).traces.expect("on").sampler;
    let name = "OTEL_TRACES_SAMPLER";
    for (value, parent_based, root) in [
        ("always_on", false, Root::On),
        ("always_off", false, Root::Off),
        ("traceidratio", false, Root::Ratio(0.25)),
        ("parentbased_always_on", true, Root::On),
        ("parentbased_always_off", true, Root::Off),
        ("parentbased_traceidratio", true, Root::Ratio(0.25)),
        ("Always_Off", false, Root::Off),
        ("", true, Root::On),
    ] {
        let variables = [(name, value), ("OTEL_TRACES_SAMPLER_ARG", "0.25")];
        assert_eq!(sampler(&variables), Sampler { parent_based, root }, "{value}");
    }
    assert_eq!(sampler(&[(name, "traceidratio")]).root, Root::Ratio(1.0));
    assert_eq!(sampler(&[]), Sampler { parent_based: true, root: Root::On });
}

#[test]
fn bad_numbers_booleans_and_words_are_noticed_and_ignored() {
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "yes"),
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "100001"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "x"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1.5"),
        ("OTEL_BSP_EXPORT_TIMEOUT", ""),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "4096"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "soon"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "-1"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "many"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1k"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "1025"),
        ("OTEL_LOGS_EXPORTER", "prometheus"),
        ("OTEL_METRICS_EXPORTER", "statsd"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "1m"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "some"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "both"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
        ),
        ("OTEL_PROPAGATORS", "b3"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz"),
    ] {
        let settings = settings(&[ENDPOINT, (variable, value)]);
        let expect = usize::from(!value.is_empty());
        let notices = notices(&settings);
        assert_eq!(notices.len(), expect, "{variable}={value}: {notices:?}");
        assert!(notices.iter().all(|notice| notice.starts_with(variable)), "{notices:?}");
        let traces = settings.traces.expect("on");
        assert_eq!(traces.otlp.expect("on").timeout, Duration::from_secs(10), "{variable}={value}");
    }
    let ratio =
        settings(&[("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "1.5")]);
    assert_eq!(ratio.notices.len(), 1);
    let fallen =
        otlp(&[("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "x"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "70")]);
    assert_eq!(fallen.timeout, Duration::from_millis(70), "a bad value asks the next variable");
}

#[test]
fn every_problem_is_found_at_once() {
    let problems = read(&[
        ("OTEL_CONFIG_FILE", "otel.yaml"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "thrift"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret,bad name=hidden"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/does/not/exist.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/key.pem"),
    ])
    .expect_err("six problems");
    let variables: Vec<&str> =
        problems.iter().filter_map(|problem| problem.split(": ").next()).collect();
    assert_eq!(
        variables,
        [
            "OTEL_CONFIG_FILE",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY",
            "OTEL_EXPORTER_OTLP_CERTIFICATE",
        ],
        "{problems:#?}"
    );
    let text = problems.join("\n");
    assert!(!text.contains("secret") && !text.contains("hidden"), "{text}");
    assert!(text.contains("http://, https:// or rpc://"), "{text}");
}

#[test]
fn bad_headers_are_problems_that_hide_their_values() {
    for (value, expect) in [
        ("key", "member 1 is not of the form key=value"),
        ("a=1,=hidden", "member 2 has no key"),
        ("a=%hidden", "member 1 is not percent-encoded UTF-8"),
        ("a b=hidden", "`a b` is not a valid header name"),
        ("a=hidden%0A", "the value of the header `a` cannot be sent"),
        ("Content-Type=hidden", "the header `content-type` cannot be set"),
        ("grpc-timeout=hidden", "the header `grpc-timeout` cannot be set"),
    ] {
        let variable = "OTEL_EXPORTER_OTLP_HEADERS";
        let problems = read(&[ENDPOINT, (variable, value)]).expect_err(value);
        assert_eq!(problems, [format!("{variable}: {expect}")], "{value}");
    }
}

#[test]
fn the_resource_follows_the_order_of_precedence() {
    let resource = |variables: &[(&str, &str)], key: &str| {
        let settings = settings(variables);
        settings.resource.get(key).map(ToString::to_string)
    };
    let list = "OTEL_RESOURCE_ATTRIBUTES";
    for (variables, key, expect) in [
        (vec![], "service.name", "mcp-gateway"),
        (vec![(list, "service.name=from-list")], "service.name", "from-list"),
        (vec![(list, "service.name=")], "service.name", "mcp-gateway"),
        (vec![(list, "service.name=x"), ("OTEL_SERVICE_NAME", "own")], "service.name", "own"),
        (vec![("OTEL_SERVICE_NAME", "")], "service.name", "mcp-gateway"),
        (vec![], "service.version", "1.2.3"),
        (vec![(list, "service.version=2")], "service.version", "2"),
        (vec![(list, "service.version=2"), ("OTEL_SERVICE_VERSION", "3")], "service.version", "3"),
        (vec![], "vcs.revision", "abc123"),
        (vec![], "vcs.ref.head.revision", "abc123"),
        (vec![], "build.rust.version", "1.95.0"),
        (vec![], "process.runtime.name", "rust"),
        (vec![], "process.runtime.version", "1.95.0"),
        (vec![], "telemetry.sdk.name", "mcp-gateway"),
        (vec![], "telemetry.sdk.language", "rust"),
        (vec![], "telemetry.sdk.version", "1.2.3"),
        (vec![(list, "telemetry.sdk.name=mine")], "telemetry.sdk.name", "mcp-gateway"),
        (vec![(list, "team=a%20b%2Cc")], "team", "a b,c"),
        (vec![(list, "service.instance.id=pod-7")], "service.instance.id", "pod-7"),
    ] {
        assert_eq!(resource(&variables, key).as_deref(), Some(expect), "{variables:?} {key}");
    }
    let id = resource(&[], "service.instance.id").expect("an id");
    assert_eq!(id.len(), 36, "{id}");
    assert_eq!(
        resource(&[(list, "team=x,broken")], "team"),
        None,
        "a malformed list is ignored whole"
    );
}

#[test]
fn settings_say_where_they_come_from_and_hide_secrets() {
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c:4318/in?api-key=hidden"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hidden"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ]);
    let find = |name: &str| {
        let setting = settings.listed.iter().find(|setting| setting.name == name);
        let setting = setting.unwrap_or_else(|| panic!("{name} in {:#?}", settings.listed));
        (setting.value.as_str(), setting.source.as_str())
    };
    let endpoint = ("http://c:4318/in", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    assert_eq!(find("traces.endpoint"), endpoint);
    assert_eq!(find("traces.headers"), ("authorization", "OTEL_EXPORTER_OTLP_HEADERS"));
    assert_eq!(find("traces.protocol"), ("http/protobuf", "default"));
    assert_eq!(find("traces.timeout"), ("10s", "default"));
    assert_eq!(find("traces.batch.schedule_delay"), ("100ms", "OTEL_BSP_SCHEDULE_DELAY"));
    assert_eq!(find("traces.sampler"), ("parentbased_always_on", "default"));
    assert_eq!(find("service.name"), ("mcp-gateway", "default"));
    assert!(!format!("{:?}", settings.listed).contains("hidden"));
}
