//! What one message of a server means to the gateway as its client.
//!
//! Pure: bytes in, meaning out. Results are slices of the bytes that arrived, never copies or models.

use bytes::Bytes;
use mcp_gateway_core::jsonrpc::{self, Id, Kind, Message, Raw, code};
use mcp_gateway_core::mcp::method;
use mcp_gateway_telemetry::TraceHeaders;

use super::error::{RpcError, UpstreamError, shown};

/// A message of a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The result of a request.
    Result {
        /// The bytes of the `result` member.
        result: Bytes,
        /// The request that it answers.
        id: Id,
    },
    /// The error that a request is answered with; servers also send it without an id, or with one of their own.
    Error {
        /// What the server says.
        error: RpcError,
        /// The request that it answers, when it says so.
        id: Option<Id>,
    },
    /// A request of the server, with the answer that the gateway gives.
    Request {
        /// The whole response, ready to send.
        reply: Vec<u8>,
    },
    /// A notification.
    Notification {
        /// Its method.
        method: String,
    },
}

/// Reads one message.
pub(super) fn read(data: &Bytes) -> Result<Received, UpstreamError> {
    let message = Message::parse(data).map_err(UpstreamError::InvalidMessage)?;
    let id = message.id().filter(|id| !id.is_null()).map(Id::from_raw);
    Ok(match message.kind() {
        Kind::Response => {
            let (Some(result), Some(id)) = (message.result(), id) else {
                return Err(UpstreamError::InvalidResult("a response has a result and an id"));
            };
            Received::Result { result: data.slice(result.range()), id }
        }
        Kind::ErrorResponse => Received::Error { error: rpc_error(message.error()), id },
        Kind::Request => Received::Request { reply: reply(message.method(), id.as_ref()) },
        Kind::Notification => Received::Notification { method: message.method().to_owned() },
    })
}

/// The gateway declares no capability to servers, so the only request that it serves is `ping`.
fn reply(method: &str, id: Option<&Id>) -> Vec<u8> {
    match id {
        Some(id) if method == method::PING => jsonrpc::result_response(id, b"{}"),
        _ => jsonrpc::error_response(id, code::METHOD_NOT_FOUND, "method not found"),
    }
}

fn rpc_error(error: Option<Raw<'_>>) -> RpcError {
    let object = error.and_then(|error| error.object().ok());
    let member = |key| object.as_ref().and_then(|object| object.get(key));
    let code = member("code").and_then(|code| code.as_i64()).unwrap_or_default();
    let message = member("message").and_then(|message| message.as_str()).unwrap_or_default();
    RpcError { code, message: shown(&message) }
}

/// Says whether `id` names the request that was sent as `own`. Servers that turn numbers into strings are forgiven.
pub(super) fn is_own(id: &Id, own: &Id) -> bool {
    id == own || id.text() == own.text()
}

/// Writes `params`: the given members (`"cursor":"x"`, without braces), then the trace in `_meta`.
pub(super) fn params(members: &[u8], trace: Option<&TraceHeaders>) -> Option<Vec<u8>> {
    if members.is_empty() && trace.is_none() {
        return None;
    }
    let mut out = Vec::with_capacity(members.len() + 160);
    out.push(b'{');
    out.extend_from_slice(members);
    if let Some(trace) = trace {
        if !members.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(b"\"_meta\":{\"traceparent\":");
        out.extend_from_slice(&jsonrpc::quote(&trace.traceparent));
        if let Some(tracestate) = &trace.tracestate {
            out.extend_from_slice(b",\"tracestate\":");
            out.extend_from_slice(&jsonrpc::quote(tracestate));
        }
        out.push(b'}');
    }
    out.push(b'}');
    Some(out)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mcp_gateway_core::jsonrpc::Id;
    use mcp_gateway_telemetry::TraceHeaders;

    use super::{Received, is_own, params, read};
    use crate::upstream::error::RpcError;

    fn check(text: &'static str, expect: &Received) {
        assert_eq!(&read(&Bytes::from_static(text.as_bytes())).unwrap(), expect, "{text}");
    }

    #[test]
    fn messages_are_told_apart() {
        check(
            r#"{"jsonrpc":"2.0","id":7,"result":{"n": 9007199254740993}}"#,
            &Received::Result {
                result: Bytes::from_static(br#"{"n": 9007199254740993}"#),
                id: Id::from(7),
            },
        );
        for (id, expect) in [(r#""id":7,"#, Some(Id::from(7))), (r#""id":null,"#, None), ("", None)]
        {
            let text =
                format!(r#"{{"jsonrpc":"2.0",{id}"error":{{"code":-32602,"message":"a\nb"}}}}"#);
            let error = RpcError { code: -32602, message: "a b".to_owned() };
            assert_eq!(read(&text.into()).unwrap(), Received::Error { error, id: expect });
        }
        check(
            r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#,
            &Received::Notification { method: "notifications/message".to_owned() },
        );
    }

    #[test]
    fn a_ping_is_answered_and_other_requests_are_declined() {
        check(
            r#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#,
            &Received::Request { reply: br#"{"jsonrpc":"2.0","id":"p1","result":{}}"#.to_vec() },
        );
        let read = read(&Bytes::from_static(
            br#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#,
        ));
        let Ok(Received::Request { reply }) = read else { panic!("{read:?}") };
        let reply = String::from_utf8(reply).unwrap();
        assert!(reply.contains(r#""id":1"#) && reply.contains("-32601"), "{reply}");
    }

    #[test]
    fn text_that_is_no_message_is_refused() {
        for text in ["", "<html>", "[]", "{}", r#"{"jsonrpc":"2.0","id":1}"#] {
            let error = read(&Bytes::from_static(text.as_bytes())).unwrap_err();
            assert_eq!(error.reason(), "invalid_message", "{text}");
        }
    }

    #[test]
    fn an_id_that_became_a_string_is_still_ours() {
        assert!(is_own(&Id::from(7), &Id::from(7)));
        assert!(is_own(&Id::from("7"), &Id::from(7)));
        assert!(!is_own(&Id::from(8), &Id::from(7)));
    }

    #[test]
    fn params_hold_members_and_trace() {
        let check = |members: &str, trace: Option<&TraceHeaders>, expect: Option<&str>| {
            let written = params(members.as_bytes(), trace);
            let written = written.map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(written.as_deref(), expect);
        };
        let trace = TraceHeaders { traceparent: "00-a-b-01".to_owned(), tracestate: None };
        let both = TraceHeaders { tracestate: Some("x=\"1".to_owned()), ..trace.clone() };
        check("", None, None);
        check(r#""cursor":"c""#, None, Some(r#"{"cursor":"c"}"#));
        check("", Some(&trace), Some(r#"{"_meta":{"traceparent":"00-a-b-01"}}"#));
        check(
            r#""cursor":"c""#,
            Some(&both),
            Some(r#"{"cursor":"c","_meta":{"traceparent":"00-a-b-01","tracestate":"x=\"1"}}"#),
        );
    }
}
