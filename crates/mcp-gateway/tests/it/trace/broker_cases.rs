//! What the broker answers, in the order of a client's life.

use super::case::{Broker, Case, Session};
use super::facts::Failure;

/// The beginning of every run: the only row that opens a session, which all others use.
pub fn opening() -> Vec<Case> {
    let initialize = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
    vec![
        Case::post("initialize", initialize).with(Session::None).broker(Broker::Opens),
        Case::post("initialized", r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
            .status(202),
    ]
}

pub fn cases() -> Vec<Case> {
    let request = |name, id: &str, method: &str, params: &str| {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#);
        Case::post(name, body)
    };
    vec![
        request("ping", "9007199254740993", "ping", "{}"),
        request("list", r#""a list""#, "tools/list", "{}").broker(Broker::Lists),
        Case::of("stream", "GET").broker(Broker::Streams),
        Case::post("response", r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).status(202),
        request("unknown method", "2", "nope/nope", "{}")
            .fails(Failure::of_client("method_not_found", "-32601")),
        request("list without a session", "3", "tools/list", "{}")
            .with(Session::None)
            .status(400)
            .fails(Failure::of_client("missing_session", "-32600")),
        Case::of("options", "OPTIONS")
            .status(405)
            .fails(Failure::of_client("http_method_not_allowed", "-32600")),
        Case::of("head", "HEAD")
            .status(405)
            .fails(Failure::of_client("http_method_not_allowed", "-32600")),
    ]
}

/// The end of every run.
pub fn closing() -> Vec<Case> {
    let call = Case::call("call in an ended session", "demo/newer", "echo");
    vec![
        Case::of("delete", "DELETE").status(204).broker(Broker::Closes),
        call.with(Session::Ended)
            .ends(super::case::Ends::InCall)
            .status(404)
            .fails(Failure::of_client("ended_session", "-32600")),
    ]
}
