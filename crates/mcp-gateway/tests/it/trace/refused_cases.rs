//! What the router refuses.

use super::case::{Case, Ends, Session};
use super::facts::Failure;
use super::stand::{BODY_BYTES_MAX, FrontEnd};

pub fn cases(front_end: FrontEnd) -> Vec<Case> {
    let unread = Ends::InDecision { read: false };
    let refused = |case: Case, ends: &Ends, status: u16, reason, code| {
        case.ends(ends.clone()).status(status).fails(Failure::of_client(reason, code))
    };
    let echo = |name| Case::call(name, "demo/newer", "echo");
    let of_server = || Case { host: Some("newer.mcp.local"), ..echo("forged host of a server") };
    let forged_server = match front_end {
        FrontEnd::Standalone => "host_not_allowed",
        FrontEnd::Buffered | FrontEnd::Duplex => "routing_token_invalid",
    };
    let no_name = r#"{"jsonrpc":"2.0","id":"n","method":"tools/call","params":{"arguments":{}}}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":"u","method":"tools/call","params":{"name":"nope"}}"#;
    let text = Case { content_type: Some("text/plain"), ..echo("content type") };
    let large = Case::post("too large", format!(r#""{}""#, "x".repeat(BODY_BYTES_MAX)));
    let elsewhere = Case { path: "/elsewhere", ..Case::of("elsewhere", "GET") };
    vec![
        refused(Case::post("not json", "{"), &unread, 400, "invalid_json", "-32700"),
        refused(Case::post("batch", "[]"), &unread, 400, "batch_not_supported", "-32600"),
        refused(large, &unread, 413, "body_too_large", "-32600"),
        refused(text, &Ends::InDecision { read: true }, 415, "unsupported_content_type", "-32600"),
        refused(Case::post("no name", no_name), &Ends::InCall, 200, "missing_tool_name", "-32602"),
        refused(
            Case::post("unknown tool", unknown),
            &Ends::InCall,
            200,
            "tool_not_found",
            "-32602",
        ),
        refused(
            echo("missing session").with(Session::None),
            &Ends::InCall,
            400,
            "missing_session",
            "-32600",
        ),
        refused(
            echo("invalid session").with(Session::Invalid),
            &Ends::InCall,
            404,
            "invalid_session",
            "-32600",
        ),
        refused(
            Case { host: Some("evil.example.com"), ..echo("forged host") },
            &Ends::AtHead,
            403,
            "host_not_allowed",
            "-32600",
        ),
        refused(of_server(), &Ends::AtHead, 403, forged_server, "-32600"),
        refused(elsewhere, &Ends::AtHead, 404, "not_found", "-32600"),
    ]
}
