//! Servers that are down, slow, or answer wrongly: the client hears which server it was, with its own id and without
//! the server's address, and the other servers work on.

mod broken;
mod down;
mod session;
mod silent;
mod wrong;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::edge::{Edge, Front, full_name};
use crate::support::http::Answer;
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::{RawServer, Reply};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
/// Short bounds, so that silence is told from slowness within a test.
const LIMITS: &str = "limits: {callIdleTimeout: 1s, sessionInitTimeout: 1s, connectTimeout: 2s}";

/// One wrong answer to a call, and what the client gets.
#[derive(Clone)]
struct Fault {
    what: &'static str,
    reply: fn(&str) -> Reply,
    expect: Expect,
}

/// What a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A JSON-RPC error of the gateway, with status 200.
    Error,
    /// A JSON-RPC error of the gateway with another status.
    Refused(u16),
    /// The server's own JSON-RPC error with this code.
    Passed(i64),
    /// The answer is cut; where the gateway can still speak, it ends with a JSON-RPC error. Behind Envoy it depends on
    /// whether the head of the answer has left already.
    Cut,
    /// The answer is cut at every front end. When the connection breaks with so little of it read that it was still
    /// held, it is a JSON-RPC error.
    Reset,
}

impl Fault {
    /// `reply` makes the answer from the request's id.
    fn new(what: &'static str, reply: fn(&str) -> Reply, expect: Expect) -> Self {
        Self { what, reply, expect }
    }
}

/// Answers a call of one client wrongly in each of these ways, all at the same time.
async fn check_all(front: Front, faults: Vec<Fault>) {
    let tools: Vec<String> = (0..faults.len()).map(tool).collect();
    let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
    let (odd, good) = tokio::join!(RawServer::start(&tools), RawServer::start(&[TOOL]));
    let replies: Vec<_> = faults.iter().map(|fault| fault.reply).collect();
    odd.on("tools/call", move |asked| {
        let number: usize = asked.tool.parse().unwrap();
        replies[number](&asked.id)
    });
    let servers = [("odd", odd.url()), ("good", good.url())];
    let edge = Edge::with(front, &servers, LIMITS).await;
    let mut client = edge.connect().await;
    let calls = faults.iter().enumerate().map(async |(number, fault)| {
        let params = json!({ "name": format!("odd_{number}") });
        let call =
            json!({ "jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params });
        let answer = client.post(call.to_string()).await;
        fault.check(front, &answer, &json!(number));
    });
    join_all(calls).await;
    works(&mut client).await;
}

/// The tool whose answer is the fault of this number.
fn tool(number: usize) -> String {
    format!(r#"{{"name":"{number}","inputSchema":{{"type":"object"}}}}"#)
}

impl Fault {
    fn check(&self, front: Front, answer: &Answer, id: &Value) {
        let what = format!("{} at {front:?}", self.what);
        match self.expect {
            Expect::Error => names_the_server(&what, answer, id, 200),
            Expect::Refused(status) => names_the_server(&what, answer, id, status),
            Expect::Passed(code) => {
                let response = answer.response(id);
                assert_eq!(response["error"]["code"], code, "{what}: {response}");
                assert_eq!(answer.status, 200, "{what}: {answer:?}");
            }
            Expect::Cut if front == Front::Standalone || answer.complete => {
                names_the_server(&what, answer, id, 200);
            }
            Expect::Reset if answer.complete => names_the_server(&what, answer, id, 200),
            Expect::Cut | Expect::Reset => {
                assert!(!answer.complete, "{what}: {} bytes", answer.body.len());
            }
        }
    }
}

/// The server `good` answers.
async fn works(client: &mut McpClient) {
    let answer = client.call("good_echo", json!({})).await;
    let response = answer.response(&client.id());
    assert_eq!(response["result"], json!({ "content": [] }), "{response}");
}

/// The answer is complete: it ends with a JSON-RPC error for this id that names the server `odd`, never its address or
/// anything else that only the gateway should know.
fn names_the_server(what: &str, answer: &Answer, id: &Value, status: u16) {
    assert_eq!((answer.status, answer.complete), (status, true), "{what}: {answer:?}");
    let response = answer.response(id);
    let message = response["error"]["message"].as_str().unwrap_or_default();
    assert_eq!(response["error"]["code"], -32603, "{what}: {response}");
    assert!(message.contains(&full_name("odd")), "{what}: {message}");
    for secret in ["127.0.0.1", "localhost", "mcp.local", "10.1.2.3", "<html>", "os error"] {
        assert!(!answer.text().contains(secret), "{what}: {}", answer.text());
    }
    assert!(!answer.text().contains(r#""id":null"#), "{what}: {}", answer.text());
}
