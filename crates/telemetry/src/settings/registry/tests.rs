//! The table says what the code does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proptest::collection;
use proptest::prelude::{ProptestConfig, Strategy as _, any, prop_assert, prop_oneof, proptest};
use proptest::sample::select;

use super::{Variable, reference, unknown, variables};
use crate::settings::tests::build;
use crate::settings::{NoticeLevel, Settings};

/// Reads a table of variables; says everything that came of it but the random id of the process.
fn outcome(variables: &[(&str, &str)]) -> String {
    let table: BTreeMap<&str, &str> = variables.iter().copied().collect();
    let env = |name: &str| table.get(name).map(|value| (*value).to_owned());
    match Settings::from_env(&env, &build()) {
        Ok(settings) => {
            let known = ["service.name", "service.version", "team"];
            let resource = known.map(|key| settings.resource.get(key).map(ToString::to_string));
            let Settings { traces, logs, metrics, propagators, vocabulary, .. } = &settings;
            let signals = format!("{traces:#?} {logs:#?} {metrics:#?}");
            let rest = (propagators, vocabulary, settings.log_level, &settings.notices);
            format!("{resource:?} {signals} {rest:#?}")
        }
        Err(problems) => format!("{problems:#?}"),
    }
}

/// What must be set so that a variable is about anything, and a value that is not its default.
fn example(variable: &Variable) -> (&'static [(&'static str, &'static str)], &'static str) {
    const HTTP: &[(&str, &str)] = &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")];
    const HTTPS: &[(&str, &str)] = &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://c:4318")];
    const RATIO: &[(&str, &str)] = &[("OTEL_TRACES_SAMPLER", "traceidratio")];
    match variable.name {
        "OTEL_EXPORTER_OTLP_ENDPOINT" => (&[], "http://d:4318"),
        "OTEL_EXPORTER_OTLP_PROTOCOL" => (HTTP, "http/json"),
        "OTEL_EXPORTER_OTLP_HEADERS" => (HTTP, "x-key=1"),
        "OTEL_EXPORTER_OTLP_COMPRESSION" => (HTTP, "gzip"),
        "OTEL_EXPORTER_OTLP_INSECURE" => (HTTPS, "true"),
        "OTEL_EXPORTER_OTLP_CERTIFICATE"
        | "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE"
        | "OTEL_EXPORTER_OTLP_CLIENT_KEY" => (HTTPS, "/does/not/exist.pem"),
        "OTEL_SDK_DISABLED" => (&[], "true"),
        "OTEL_TRACES_EXPORTER" | "OTEL_LOGS_EXPORTER" | "OTEL_METRICS_EXPORTER" => {
            (HTTP, "console")
        }
        "OTEL_RESOURCE_ATTRIBUTES" => (&[], "team=a"),
        "OTEL_TRACES_SAMPLER_ARG" => (RATIO, "0.5"),
        "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE" => (&[], "delta"),
        "OTEL_TRACES_SAMPLER" | "OTEL_METRICS_EXEMPLAR_FILTER" => (&[], "always_off"),
        "OTEL_PROPAGATORS" => (&[], "none"),
        "OTEL_SEMCONV_STABILITY_OPT_IN" => (&[], "http"),
        "OTEL_LOG_LEVEL" => (&[], "debug"),
        _ => (HTTP, "17"),
    }
}

#[test]
fn no_variable_is_ignored() {
    for variable in variables() {
        let (context, value) = example(variable);
        let without = outcome(context);
        for name in variable.names() {
            let with = [context, &[(name.as_str(), value)]].concat();
            assert_ne!(outcome(&with), without, "{name}={value} changes nothing");
        }
    }
}

#[test]
fn documented_defaults_are_what_holds() {
    for variable in variables().filter(|variable| !variable.default.is_empty()) {
        let (context, _) = example(variable);
        let without = outcome(context);
        for name in variable.names() {
            let with = [context, &[(name.as_str(), variable.default)]].concat();
            assert_eq!(outcome(&with), without, "{name}={} is not the default", variable.default);
        }
    }
}

#[test]
fn values_that_cannot_be_used_do_what_is_documented() {
    for variable in variables() {
        let (context, _) = example(variable);
        for name in variable.names() {
            let with = [context, &[(name.as_str(), "\u{1}wrong=%zz")]].concat();
            let (found, without) = (outcome(&with), outcome(context));
            let stops = found.contains("EnvProblem") && found.contains(&name);
            let noticed = found.contains("Notice {") && found.contains(&name);
            let expect = match variable.wrong {
                super::Wrong::Stops => stops,
                super::Wrong::Noticed => noticed && !stops,
                super::Wrong::Never => found != without,
            };
            assert!(expect, "{name}: {:?} is documented, but {found}", variable.wrong);
        }
    }
}

#[test]
fn the_table_and_the_reader_know_the_same_variables() {
    let asked = RefCell::new(BTreeSet::new());
    for set in [
        vec![],
        vec![("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")],
        vec![("OTEL_TRACES_SAMPLER", "traceidratio")],
    ] {
        let env = |name: &str| {
            asked.borrow_mut().insert(name.to_owned());
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::from_env(&env, &build()).expect("nothing is wrong");
    }
    let known: BTreeSet<String> = variables().flat_map(Variable::names).collect();
    assert_eq!(known.len(), variables().map(|variable| variable.names().len()).sum::<usize>());
    let asked = asked.into_inner();
    let undocumented: Vec<_> = asked.difference(&known).collect();
    let unread: Vec<_> = known.difference(&asked).collect();
    assert!(undocumented.is_empty() && unread.is_empty(), "{undocumented:?} {unread:?}");
}

/// The Rust files below a directory.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_named_test_exists_and_names_its_variable() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for directory in ["telemetry/src", "telemetry/tests", "dataplane", "mcp-gateway/tests"] {
        sources(&crates.join(directory), &mut files);
    }
    let texts: Vec<String> =
        files.iter().map(|file| fs::read_to_string(file).expect("a file")).collect();
    for variable in variables() {
        let Variable { name, proof, .. } = variable;
        let heads = [format!("#[test]\nfn {proof}("), format!("#[tokio::test]\nasync fn {proof}(")];
        let bodies: Vec<&str> = texts
            .iter()
            .filter_map(|text| heads.iter().find_map(|head| text.split_once(head)))
            .map(|(_, rest)| rest.split_once("\n}\n").map_or(rest, |(body, _)| body))
            .collect();
        assert_eq!(bodies.len(), 1, "{name} is proved by {proof}, which exists once");
        // A test of a family of variables has only what differs in the family.
        let what = ["OTEL_EXPORTER_OTLP_", "OTEL_BSP_", "OTEL_BLRP_"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        let is_about = |text: &str| bodies[0].contains(&format!("\"{text}\""));
        let family = name.ends_with("_EXPORTER") && is_about("OTEL_{}_EXPORTER");
        let per_signal = what.is_some_and(|what| bodies[0].contains(&format!("{{}}_{what}\"")));
        let named = is_about(name) || what.is_some_and(is_about) || per_signal || family;
        assert!(named, "{proof} is not about {name}");
    }
}

/// What people write into variables, right and wrong. `HIDDEN` must not be shown when it is in a header.
const WRITTEN: [&str; 12] = [
    "",
    "true",
    "otlp,console",
    "0",
    "99999999999999999999",
    "http://c:1/?key=HIDDEN",
    "rpc://HIDDEN@c",
    "k=HIDDEN",
    "bad name=HIDDEN,k=HIDDEN%zz",
    "host=HIDDEN,k=HIDDEN%0A",
    "traceidratio",
    "/dev/null",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_environment_is_read_or_refused_in_words(
        values in collection::vec(prop_oneof![select(&WRITTEN).prop_map(ToOwned::to_owned), any::<String>()], 100),
    ) {
        let names: Vec<String> = variables().flat_map(Variable::names).collect();
        prop_assert!(names.len() <= values.len());
        let named = names.iter().map(String::as_str).zip(values.iter().map(String::as_str));
        let table: BTreeMap<&str, &str> = named.collect();
        let env = |name: &str| table.get(name).map(|value| (*value).to_owned());
        let said: Vec<(String, String)> = match Settings::from_env(&env, &build()) {
            Ok(read) => read.listed.into_iter().map(|it| (it.name, it.value)).collect(),
            Err(problems) => problems.into_iter().map(|it| (it.variable, it.message)).collect(),
        };
        for (about, text) in said {
            let is_secret = about.to_ascii_lowercase().contains("headers");
            prop_assert!(!(is_secret && text.contains("HIDDEN")), "{about}: {text}");
        }
    }
}

#[test]
fn unknown_variables_are_told_and_known_ones_are_not() {
    let names =
        ["PATH", "OTEL_TYPO", "OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "otel_x"];
    let notices = unknown(names.map(ToOwned::to_owned));
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!((notices[0].variable.as_str(), notices[0].level), ("OTEL_TYPO", NoticeLevel::Info));
}

#[test]
fn environment_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/environment.md");
    let current = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &current).unwrap();
        return;
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == current,
        "{} is stale: run UPDATE_DOCS=1 cargo test -p mcp-gateway-telemetry environment_reference",
        path.display()
    );
}
