//! The tables on each front end and transport.

use super::case::Case;
use super::run::{Finished, Run};
use super::stand::{FrontEnd, Setup, Transport};
use super::{broker_cases, call_cases, refused_cases};
use crate::support::span::{Attributes, Value};

/// Every case.
pub fn all_cases(front_end: FrontEnd) -> Vec<Case> {
    [
        broker_cases::opening(),
        broker_cases::cases(),
        call_cases::main_cases(),
        call_cases::fault_cases(front_end),
        call_cases::loss_cases(),
        refused_cases::cases(front_end),
        broker_cases::closing(),
    ]
    .concat()
}

/// The cases that make each kind of span.
fn main_cases() -> Vec<Case> {
    [broker_cases::opening(), broker_cases::cases(), call_cases::main_cases()].concat()
}

/// A server that gives no answer in time.
async fn run_timeout(front_end: FrontEnd) {
    let limits = call_cases::SHORT_TIMEOUT;
    let setup = Setup { limits, ..Setup::new(front_end, Transport::Http) };
    run(setup, [broker_cases::opening(), call_cases::silent_cases()].concat()).await;
}

async fn run(setup: Setup, cases: Vec<Case>) -> Finished {
    let mut run = Run::start(setup).await;
    run.all(cases).await;
    let finished = run.compare().await;
    for span in &finished.spans {
        assert_resource(&span.resource);
        assert_eq!(span.scope, concat!("mcp-gateway ", env!("CARGO_PKG_VERSION")));
    }
    finished
}

fn assert_resource(resource: &Attributes) {
    let revision = env!("MCP_GATEWAY_BUILD_REVISION");
    let rust = env!("MCP_GATEWAY_BUILD_RUST_VERSION");
    let expect = [
        ("service.name", "mcp-gateway"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("vcs.revision", revision),
        ("vcs.ref.head.revision", revision),
        ("build.rust.version", rust),
        ("process.runtime.name", "rust"),
        ("process.runtime.version", rust),
        ("telemetry.sdk.name", "mcp-gateway"),
        ("telemetry.sdk.language", "rust"),
    ];
    for (key, value) in expect {
        assert_eq!(resource.get(key), Some(&Value::from(value)), "{key}");
    }
    assert!(resource.contains_key("telemetry.sdk.version"), "{resource:?}");
    assert!(resource.contains_key("service.instance.id"), "{resource:?}");
    assert_eq!(resource.len(), expect.len() + 2, "{resource:?}");
}

macro_rules! matrix {
    ($($name:ident: $front_end:ident, $transport:ident, $cases:expr;)*) => {$(
        #[tokio::test]
        async fn $name() {
            run(Setup::new(FrontEnd::$front_end, Transport::$transport), $cases).await;
        }
    )*};
}

matrix! {
    every_case_standalone_over_http: Standalone, Http, all_cases(FrontEnd::Standalone);
    every_case_behind_buffered_envoy_over_http: Buffered, Http, all_cases(FrontEnd::Buffered);
    every_case_behind_duplex_envoy_over_http: Duplex, Http, all_cases(FrontEnd::Duplex);
    main_cases_standalone_over_grpc: Standalone, Grpc, main_cases();
    main_cases_behind_buffered_envoy_over_grpc: Buffered, Grpc, main_cases();
    main_cases_behind_duplex_envoy_over_grpc: Duplex, Grpc, main_cases();
}

#[tokio::test]
async fn call_that_is_not_answered_in_time_standalone() {
    run_timeout(FrontEnd::Standalone).await;
}

#[tokio::test]
async fn call_that_is_not_answered_in_time_behind_buffered_envoy() {
    run_timeout(FrontEnd::Buffered).await;
}

#[tokio::test]
async fn call_that_is_not_answered_in_time_behind_duplex_envoy() {
    run_timeout(FrontEnd::Duplex).await;
}
