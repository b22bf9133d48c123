//! 3: what a list hides, a call refuses; and whatever is not understood hides everything.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::Full;

use crate::support::edge::{Edge, at_each_front};
use crate::support::http::{Answer, send};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::RawServer;

const ECHO: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const OTHER: &str = r#"{"name":"other","inputSchema":{"type":"object"}}"#;
const VIEWS: &str = "virtualServers: [\
    {name: team/small, tools: [raw_echo, raw_gone]}, {name: team/none, tools: []}, {name: team/all, tools: [raw_other, raw_echo]}]";

const VIEW: &str = "x-mcp-virtualserver";
const CLAIM: &str = "x-mcp-authorized";

/// The headers of a request, and the tools that it sees.
type Row = (&'static [(&'static str, &'static str)], &'static [&'static str]);

const ROWS: [Row; 12] = [
    (&[], &["raw_echo", "raw_other"]),
    (&[(VIEW, "team/small")], &["raw_echo"]),
    (&[(VIEW, "team/all")], &["raw_echo", "raw_other"]),
    (&[(VIEW, "team/none")], &[]),
    (&[(VIEW, "team/unknown")], &[]),
    (&[(VIEW, "TEAM/small")], &[]),
    (&[(VIEW, "")], &[]),
    (&[(VIEW, "team/small, team/all")], &[]),
    (&[(VIEW, "team/all"), (VIEW, "team/all")], &[]),
    (&[(CLAIM, "eyJhbGciOiJub25lIn0.e30.")], &[]),
    (&[(CLAIM, ""), (VIEW, "team/all")], &[]),
    (&[(VIEW, "all")], &[]),
];

#[tokio::test]
async fn invariant_3_what_a_list_hides_a_call_refuses() {
    at_each_front(async |front| {
        let server = RawServer::start(&[ECHO, OTHER]).await;
        let edge = Edge::with(front, &[("raw", server.url())], VIEWS).await;
        // One session for all: what it has seen before changes nothing.
        let client = edge.connect().await;
        for (headers, visible) in ROWS {
            server.record().clear();
            let what = format!("{headers:?} at {front:?}");
            let list = r#"{"jsonrpc":"2.0","id":"l","method":"tools/list"}"#.to_owned();
            let answer = ask(&edge, &client, list, headers).await;
            let tools = answer.json()["result"]["tools"].take();
            let names: Vec<_> = tools.as_array().unwrap().iter().map(|t| &t["name"]).collect();
            assert_eq!(names, visible, "{what}");
            for tool in ["raw_echo", "raw_other", "raw_gone"] {
                let call = format!(
                    r#"{{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{{"name":"{tool}"}}}}"#
                );
                let answer = ask(&edge, &client, call, headers).await.json();
                if visible.contains(&tool) {
                    assert!(answer.get("result").is_some(), "{what}: {answer}");
                } else {
                    assert_eq!(answer["error"]["code"], -32602, "{what}: {answer}");
                    assert_eq!(answer["error"]["message"], format!("unknown tool: {tool}"));
                }
            }
            assert_eq!(server.record().of_method("tools/call").len(), visible.len(), "{what}");
        }
    })
    .await;
}

async fn ask(edge: &Edge, client: &McpClient, body: String, headers: &[(&str, &str)]) -> Answer {
    let mut request: Request<Full<Bytes>> = client.message(body);
    for (name, value) in headers {
        let name: HeaderName = name.parse().unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    send(edge.address(), request).await
}
