//! 4: one parsed form of a message drives policy, routing and telemetry. Whatever two readers could read differently is
//! refused or read by the gateway for both.

use serde_json::Value;

use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::RawServer;

const ECHO: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const OTHER: &str = r#"{"name":"other","inputSchema":{"type":"object"}}"#;

/// Calls of `echo`, as an attacker would write them who wants a policy or a server to read `other`.
const CALLS: [&str; 6] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n\u0061me":"raw\u005fecho"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"arguments":{"name":"raw_other"},"name":"raw_echo"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo","_meta":{"name":"raw_other"}}}"#,
    r#"{"name":"raw_other","jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"name":"raw_echo","uri":"raw_other"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo","arguments":"{\"name\":\"raw_other\"}"}}"#,
];
/// What only some readers would take for a call of `echo`.
const REFUSED: [&str; 5] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo","name":"raw_other"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo","n\u0061me":"raw_other"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo","Name":"raw_other"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"raw_echo"},"params":{"name":"raw_other"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","Method":"tools/list","params":{"name":"raw_echo"}}"#,
];

#[tokio::test]
async fn invariant_4_policy_and_server_read_the_same_call() {
    at_each_front(async |front| {
        let server = RawServer::start(&[ECHO, OTHER]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        // What newer revisions say in headers does not hold for this one, and must not be believed.
        let client = edge
            .connect()
            .await
            .with_header("mcp-name", "raw_other")
            .with_header("mcp-method", "tools/list")
            .with_header("mcp-param-name", "raw_other");
        for body in CALLS {
            server.record().clear();
            let answer = client.post(body).await;
            assert!(answer.json().get("result").is_some(), "{body}: {answer:?}");
            let calls = server.record().of_method("tools/call");
            assert_eq!(calls.len(), 1, "{body}");
            assert_eq!(calls[0].header("x-mcp-toolname"), Some("echo"), "{body}");
            assert_eq!(calls[0].header("x-mcp-method"), Some("tools/call"), "{body}");
            let read: Value = serde_json::from_slice(&calls[0].body).unwrap();
            assert_eq!(read["params"]["name"], "echo", "{body}");
            for absent in ["mcp-name", "mcp-method", "mcp-param-name"] {
                assert_eq!(calls[0].header(absent), None, "{body}");
            }
        }
        server.record().clear();
        for body in REFUSED {
            let answer = client.post(body).await;
            assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &(-32600).into()));
        }
        assert_eq!(server.record().of_method("tools/call").len(), 0);
    })
    .await;
}
