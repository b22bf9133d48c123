//! What a client receives of a server's answer: the server's bytes, whatever their form.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use crate::support::edge::{Edge, Front, at_each_front};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::{Pieces, RawServer, Reply};

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const CALL: &str =
    r#"{"jsonrpc":"2.0","id":"ü7","method":"tools/call","params":{"name":"raw_echo"}}"#;

/// Messages that answer [`CALL`].
const ANSWERS: [&str; 5] = [
    r#"{"jsonrpc":"2.0","id":"ü7","result":{"content":[{"type":"text","text":"ä\u00e4 <&> \/ ✓"}],"structuredContent":{"z":9007199254740993,"a":1e400,"z2":-0.0},"_meta":{"example.com/<&>":[null]},"unknown":{"b":1,"a":2}},"extra":1}"#,
    r#"{"id":"\u00fc7","result":{"isError":true,"content":[]},"jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","id":"ü7","error":{"code":-32042,"message":"ä","data":{"n":123456789012345678901234567890,"elicitations":[]}}}"#,
    " {\n \"jsonrpc\" : \"2.0\" , \"id\" : \"ü7\" ,\n \"result\" : { \"content\" : [ ] , \"content\" : 1 } } \n",
    r#"{"jsonrpc":"2.0","id":"ü7","result":{"resultType":"complete","content":[{"type":"new","x":[[[]]]}]}}"#,
];

/// What stands before the answer in an event stream, in forms that clients must read.
const BEFORE: [&str; 4] = [
    "",
    ": hello\n\nid: 1\nretry: 3000\ndata:\n\n",
    "event: message\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":0.5}}\r\n\r\n",
    "event: ping\ndata: x\n\n: \n\n",
];

#[tokio::test]
async fn invariant_5_answer_reaches_its_client_as_the_server_wrote_it() {
    at_each_front(async |front| {
        let server = RawServer::start(&[TOOL]).await;
        let edge = Edge::start(front, &[("raw", server.url())]).await;
        let client = edge.connect().await;
        for answer in ANSWERS {
            for (how, cut) in
                [("whole", None), ("chunked", Some(usize::MAX)), ("in pieces", Some(7))]
            {
                let case = format!("{front:?} {how}");
                json(&case, &client, &server, answer, cut).await;
                for before in BEFORE {
                    events(
                        &case,
                        &client,
                        &server,
                        &format!(
                            "{before}data: {answer}\n\n",
                            answer = answer.trim().replace('\n', "\ndata:")
                        ),
                        cut,
                    )
                    .await;
                }
            }
        }
        headers(&edge, &client, &server).await;
    })
    .await;
}

async fn json(
    case: &str,
    client: &McpClient,
    server: &RawServer,
    body: &'static str,
    cut: Option<usize>,
) {
    server
        .on("tools/call", move |_| Reply::of("application/json; charset=utf-8", pieces(body, cut)));
    let answer = client.post(CALL).await;
    assert_eq!((answer.status, answer.complete), (200, true), "{case}: {answer:?}");
    assert_eq!(answer.text(), body, "{case}");
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8", "{case}");
}

async fn events(
    case: &str,
    client: &McpClient,
    server: &RawServer,
    body: &str,
    cut: Option<usize>,
) {
    let sent = body.to_owned();
    server.on("tools/call", move |_| Reply::of("text/event-stream", pieces(&sent, cut)));
    let answer = client.post(CALL).await;
    assert_eq!((answer.status, answer.complete), (200, true), "{case}: {answer:?}");
    assert_eq!(answer.text(), body, "{case}");
    assert_eq!(answer.header("content-type"), "text/event-stream", "{case}");
}

/// The body whole, or cut into chunks of this many bytes.
fn pieces(body: &str, cut: Option<usize>) -> Pieces {
    let bytes = Bytes::copy_from_slice(body.as_bytes());
    let Some(size) = cut else { return Pieces::Whole(bytes) };
    let size = size.min(bytes.len());
    let starts = (0..bytes.len()).step_by(size);
    Pieces::Chunks(starts.map(|at| bytes.slice(at..bytes.len().min(at + size))).collect())
}

/// Headers of the server that the client may see, and those that it may not.
async fn headers(edge: &Edge, client: &McpClient, server: &RawServer) {
    let front = edge.front();
    server.on("tools/call", |_| {
        Reply::whole("application/json", ANSWERS[0])
            .with_header("x-of-the-server", "kept")
            .with_header("mcp-session-id", "of-the-server")
            .with_header("set-cookie", "a=b")
            .with_header("access-control-allow-origin", "*")
            .with_header("x-mcp-toolname", "forged")
    });
    let message = client.message(CALL);
    let (parts, body) = message.into_parts();
    let mut request: Request<Full<Bytes>> = Request::from_parts(parts, body);
    request.headers_mut().insert("x-request-id", "id-of-the-caller".parse().unwrap());
    let answer = crate::support::http::send(edge.address(), request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("x-of-the-server"), "kept");
    for absent in ["mcp-session-id", "set-cookie", "access-control-allow-origin", "x-mcp-toolname"]
    {
        assert_eq!(answer.header(absent), "", "{front:?}: {absent}");
    }
    assert_eq!(answer.header("x-request-id"), "id-of-the-caller", "{front:?}");
    if front == Front::Standalone {
        assert_eq!(answer.header("server"), "");
    }
}
