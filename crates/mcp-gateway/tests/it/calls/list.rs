//! What a client receives of a server's tools: every byte that the server wrote, under the name that it may call.

use crate::support::edge::{Edge, at_each_front};
use crate::support::raw_server::RawServer;

/// Tools with everything that revisions know, and with what none knows.
const TOOLS: [&str; 4] = [
    r#"{"name":"full","title":"Full ✓ \u00e4","description":"<b>&amp;\/</b>","inputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","$defs":{"a":{"$anchor":"x"}},"properties":{"z":{"type":"integer","maximum":9007199254740993},"a":{"x-mcp-header":"A"}},"additionalProperties":false,"allOf":[{"if":{},"then":{},"else":{}}]},"outputSchema":{"type":"object","required":["b","a"]},"annotations":{"title":"t","readOnlyHint":true,"new":1e400},"icons":[{"src":"data:image/png;base64,AA==","mimeType":"image/png","sizes":["48x48"],"theme":"dark"}],"execution":{"taskSupport":"optional"},"_meta":{"example.com/<&>":-0.0,"ui":{"resourceUri":"ui://x"}}}"#,
    r#"{ "inputSchema" : { "type" : "object" , "a" : 1 , "a" : 2 } ,  "unknown":[{"n":123456789012345678901234567890}], "name" : "blanks" , "title":null }"#,
    r#"{"name":"esc\u0061ped","inputSchema":{"type":"object"}}"#,
    r#"{"inputSchema":{"type":"object"},"name":"last","Name":"x"}"#,
];

#[tokio::test]
async fn invariant_5_list_shows_tools_as_their_server_wrote_them() {
    at_each_front(async |front| {
        let server = RawServer::start(&TOOLS).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let client = edge.connect().await;
        let body = r#"{"jsonrpc":"2.0","id":"l 1","method":"tools/list","params":{"_meta":{"progressToken":1}}}"#;
        let answer = client.post(body).await;
        let expect = TOOLS
            .join(",")
            .replace(r#""full""#, r#""raw_full""#)
            .replace(r#""blanks""#, r#""raw_blanks""#)
            .replace(r#""esc\u0061ped""#, r#""raw_escaped""#)
            .replace(r#""last""#, r#""raw_last""#);
        assert_eq!(answer.status, 200, "{front:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(
            answer.text(),
            format!(r#"{{"jsonrpc":"2.0","id":"l 1","result":{{"tools":[{expect}]}}}}"#)
        );
    })
    .await;
}
