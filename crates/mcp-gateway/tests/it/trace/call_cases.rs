//! Calls of tools: the first and the second, and every way in which a server can fail.

use super::case::{Before, Case, Ends, ServerSession};
use super::facts::Failure;
use super::stand::FrontEnd;
use crate::support::fault_server::Fault;

/// Limits under which a server that says nothing fails soon, and no other does on a busy machine.
pub const SHORT_TIMEOUT: &str = "callIdleTimeout: 2s";

/// The calls that go well.
pub fn main_cases() -> Vec<Case> {
    vec![
        Case::call("first call", "demo/newer", "echo").session(ServerSession::Opened),
        Case::call("second call", "demo/newer", "echo"),
        Case::call("server without sessions", "demo/older", "add").session(ServerSession::Opened),
        Case::call("server without sessions again", "demo/older", "echo"),
        Case::call("tool error", "demo/newer", "fail").fails(Failure {
            code: None,
            ..Failure::of_server("tool_error", "the tool of server demo/newer reported an error")
        }),
        Case::call("json-rpc error", "demo/older", "refuse")
            .fails(Failure::of_rpc("-32042", "server demo/older answered with a JSON-RPC error")),
    ]
}

/// Servers that answer wrongly.
pub fn fault_cases(front_end: FrontEnd) -> Vec<Case> {
    let call = |name| Case::call(name, "demo/fault", "echo");
    let broken = |name, fault, error_type, description| {
        call(name).after(Before::Fault(fault)).fails(Failure::of_server(error_type, description))
    };
    let invalid_params =
        r#"{"jsonrpc":"2.0","id":"invalid params","error":{"code":-32602,"message":"no"}}"#;
    let cut = "server demo/fault broke off its response";
    vec![
        call("first call of fault").session(ServerSession::Opened),
        call("invalid params").after(Before::Fault(Fault::Body(invalid_params))).fails(
            Failure::of_rpc("-32602", "server demo/fault answered with a JSON-RPC error")
                .blames_caller(),
        ),
        broken(
            "http 500",
            Fault::Status(500),
            "500",
            "server demo/fault answered with HTTP status 500",
        )
        .answered(Some(500)),
        broken(
            "http 403",
            Fault::Status(403),
            "403",
            "server demo/fault refused the call: HTTP status 403",
        )
        .answered(Some(403))
        .status(403)
        .blamed_on_caller(),
        broken(
            "html",
            Fault::Html,
            "unexpected_content_type",
            "server demo/fault answered with something that is neither JSON nor an event stream",
        ),
        broken(
            "garbage",
            Fault::Body("[1]"),
            "malformed_answer",
            "server demo/fault answered with something that is not a JSON-RPC message",
        ),
        broken(
            "wrong id",
            Fault::WrongId,
            "wrong_answer_id",
            "server demo/fault answered another request than the one it was asked",
        ),
        broken(
            "no answer",
            Fault::EndStream,
            "no_answer",
            "server demo/fault ended its response without an answer",
        ),
        broken("cut body", Fault::CutBody, "connection_reset", cut).behind_envoy(front_end, reset),
        broken("cut stream", Fault::CutStream, "connection_reset", cut)
            .behind_envoy(front_end, reset),
    ]
}

/// A server that takes a call and says nothing, under [`SHORT_TIMEOUT`].
pub fn silent_cases() -> Vec<Case> {
    vec![
        Case::call("call of another", "demo/newer", "echo").session(ServerSession::Opened),
        Case::call("before the silence", "demo/fault", "echo").session(ServerSession::Opened),
        Case::call("silence", "demo/fault", "echo")
            .after(Before::Fault(Fault::Silence))
            .answered(None)
            .fails(Failure::of_server("timeout", "server demo/fault did not answer in time")),
    ]
}

/// Servers that forget their sessions, and servers that stop.
pub fn loss_cases() -> Vec<Case> {
    let call = |name| Case::call(name, "demo/fault", "echo");
    vec![
        call("lost session").after(Before::ForgetSessions).session(ServerSession::Reopened),
        call("after the lost session"),
        call("session lost for good")
            .after(Before::OpenNone)
            .ends(Ends::InReopening { server: "demo/fault", tool: "echo" })
            .fails(Failure::of_server("500", "server demo/fault answered with status 500")),
        Case::call("before the stop", "demo/mortal", "echo").session(ServerSession::Opened),
        Case::call("stopped", "demo/mortal", "echo")
            .after(Before::Stop)
            .answered(None)
            .fails(Failure::of_server("connect_failed", "server demo/mortal cannot be reached")),
        Case::call("stopped before the first call", "demo/absent", "echo")
            .ends(Ends::InSessionInit("demo/absent"))
            .fails(Failure::of_server("connect_failed", "server demo/absent cannot be reached")),
    ]
}

/// Behind Envoy an answer that is cut is a reset: nobody can know who cut it, and so no status says that anybody failed.
fn reset(case: Case) -> Case {
    let failure = Failure {
        source: Some("unknown"),
        code: None,
        description: None,
        ..Failure::of_server("stream_reset", "")
    };
    Case { envoy_decides: true, ..case.fails(failure) }
}
