//! What each variable does, and what a wrong value does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::endpoint::{Protocol, TlsMode};
use super::traces::{Root, Sampler};
use super::{Batch, BuildInfo, Compression, Otlp, Settings};

const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318");

fn build() -> BuildInfo {
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
        let traces = settings.traces.as_ref().expect("not disabled");
        assert!(traces.otlp.is_none() && !traces.console, "{variables:?}");
        assert_eq!(notices(&settings), [""; 0], "{variables:?}");
    }
}

#[test]
fn endpoint_of_the_signal_wins_unless_empty() {
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    for (value, uri) in [
        ("http://t:4318/in", "http://t:4318/in"),
        ("http://t:4318", "http://t:4318/v1/traces"),
        ("", "http://c:4318/v1/traces"),
        ("  ", "http://c:4318/v1/traces"),
    ] {
        assert_eq!(otlp(&[(traces, value)]).endpoint.uri.to_string(), uri, "{value:?}");
    }
    let alone = settings(&[(traces, "rpc://t")]).traces.and_then(|traces| traces.otlp);
    assert_eq!(alone.expect("on").endpoint.protocol, Protocol::Grpc);
    let logs = settings(&[("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://l:4318")]);
    assert!(logs.traces.expect("on").otlp.is_none(), "another signal's endpoint is not ours");
}

/// Checks one OTLP variable: for all signals, for traces, traces over all, and empty traces.
fn check_pair<T: PartialEq + std::fmt::Debug>(
    what: &str,
    (one, two): (&str, &str),
    (first, second): (T, T),
    get: impl Fn(&Otlp) -> T,
) {
    let base = format!("OTEL_EXPORTER_OTLP_{what}");
    let own = format!("OTEL_EXPORTER_OTLP_TRACES_{what}");
    assert_eq!(get(&otlp(&[(&base, one)])), first, "{base}");
    assert_eq!(get(&otlp(&[(&own, one)])), first, "{own}");
    assert_eq!(get(&otlp(&[(&base, one), (&own, two)])), second, "{own} over {base}");
    assert_eq!(get(&otlp(&[(&base, one), (&own, "")])), first, "empty {own}");
}

#[test]
fn every_otlp_variable_has_its_effect() {
    check_pair(
        "TIMEOUT",
        ("1500", "20"),
        (Duration::from_millis(1500), Duration::from_millis(20)),
        |o| o.timeout,
    );
    check_pair("COMPRESSION", ("gzip", "none"), (Compression::Gzip, Compression::None), |o| {
        o.compression
    });
    check_pair("PROTOCOL", ("grpc", "HTTP/JSON"), (Protocol::Grpc, Protocol::HttpJson), |o| {
        o.endpoint.protocol
    });
    let header = |otlp: &Otlp| {
        let value = otlp.headers.get("x-key").expect("a header");
        assert!(value.is_sensitive());
        value.to_str().expect("text").to_owned()
    };
    let expect = ("a b".to_owned(), "c=d".to_owned());
    check_pair("HEADERS", ("x-key=a%20b", "other=1,x-key=c=d"), expect, header);
    assert_eq!(otlp(&[]).timeout, Duration::from_secs(10));
    assert_eq!(otlp(&[]).compression, Compression::None);
}

#[test]
fn insecure_is_read_for_all_signals_and_for_one() {
    let tls = |variables: &[(&str, &str)]| {
        let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "rpc://c");
        let all: Vec<_> = [endpoint].iter().chain(variables).copied().collect();
        settings(&all).traces.and_then(|traces| traces.otlp).map(|otlp| otlp.endpoint.tls)
    };
    let (base, own) = ("OTEL_EXPORTER_OTLP_INSECURE", "OTEL_EXPORTER_OTLP_TRACES_INSECURE");
    let skips = Some(TlsMode::SkipVerifyOrPlaintext);
    assert_eq!(tls(&[(base, "true")]), skips);
    assert_eq!(tls(&[(base, "TRUE")]), skips);
    assert_eq!(tls(&[(base, "false"), (own, "true")]), skips);
    assert_eq!(tls(&[(base, "true"), (own, "")]), skips);
}

#[test]
fn skipped_verification_is_one_warning() {
    let settings = settings(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4318"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true"),
    ]);
    assert_eq!(
        notices(&settings),
        [
            "OTEL_EXPORTER_OTLP_INSECURE: whoever answers at https://c:4318/v1/traces is believed, unverified"
        ]
    );
}

#[test]
fn every_batch_variable_has_its_effect() {
    let batch = |variables: &[(&str, &str)]| settings(variables).traces.expect("on").batch;
    let defaults = Batch::default();
    assert_eq!(batch(&[]), defaults);
    assert_eq!((defaults.queue_items_max, defaults.items_max), (2048, 512));
    assert_eq!(batch(&[("OTEL_BSP_MAX_QUEUE_SIZE", "4096")]).queue_items_max, 4096);
    assert_eq!(batch(&[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "7")]).items_max, 7);
    assert_eq!(batch(&[("OTEL_BSP_SCHEDULE_DELAY", "9")]).delay, Duration::from_millis(9));
    let timeout = batch(&[("OTEL_BSP_EXPORT_TIMEOUT", "9")]).export_timeout;
    assert_eq!(timeout, Duration::from_millis(9));
    let small = batch(&[("OTEL_BSP_MAX_QUEUE_SIZE", "5")]);
    assert_eq!((small.queue_items_max, small.items_max), (5, 5));
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
fn every_count_limit_is_read() {
    let counts = |variables: &[(&str, &str)]| settings(variables).traces.expect("on").counts;
    assert_eq!(counts(&[("OTEL_ATTRIBUTE_COUNT_LIMIT", "3")]).attributes, 3);
    let both = [("OTEL_ATTRIBUTE_COUNT_LIMIT", "3"), ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "4")];
    assert_eq!(counts(&both).attributes, 4);
    assert_eq!(counts(&[("OTEL_SPAN_EVENT_COUNT_LIMIT", "5")]).events, 5);
    assert_eq!(counts(&[("OTEL_SPAN_LINK_COUNT_LIMIT", "6")]).links, 6);
    assert_eq!(counts(&[]).attributes, 128);
}

#[test]
fn exporters_are_chosen_by_name() {
    let chosen = |value: &str| {
        let settings = settings(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", value)]);
        let traces = settings.traces.as_ref().expect("on");
        (traces.otlp.is_some(), traces.console, settings.notices.len())
    };
    assert_eq!(chosen(""), (true, false, 0));
    assert_eq!(chosen("otlp"), (true, false, 0));
    assert_eq!(chosen("console"), (false, true, 0));
    assert_eq!(chosen("none"), (false, false, 0));
    assert_eq!(chosen("otlp, console"), (true, true, 0));
    assert_eq!(chosen("zipkin"), (true, false, 1));
    let alone = settings(&[("OTEL_TRACES_EXPORTER", "otlp")]);
    assert!(alone.traces.as_ref().expect("on").otlp.is_none());
    assert_eq!(alone.notices.len(), 1, "{:?}", alone.notices);
}

#[test]
fn disabled_means_nothing_at_all() {
    assert!(settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", "true")]).traces.is_none());
    assert!(settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")]).traces.is_none());
    assert!(settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", "1")]).traces.is_some());
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
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "many"),
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
    let resource = |variables: &[(&str, &str)], key: &'static str| {
        let settings = settings(variables);
        settings.resource.get(&key.into()).map(|value| value.to_string())
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
        (vec![], "telemetry.sdk.name", "opentelemetry"),
        (vec![], "telemetry.sdk.language", "rust"),
        (vec![(list, "telemetry.sdk.name=mine")], "telemetry.sdk.name", "opentelemetry"),
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
    let sdk = resource(&[], "telemetry.sdk.version").expect("a version");
    assert!(sdk.starts_with("0."), "{sdk}");
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
