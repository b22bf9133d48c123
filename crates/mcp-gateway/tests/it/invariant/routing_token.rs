//! 11: a request for a server's host without a valid routing token of the gateway is refused.

use std::time::Duration;

use http::HeaderValue;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::session::{RoutingTokens, SigningKey, SigningKeys};

use crate::support::edge::{Edge, Front, PUBLIC_HOST, SIGNING_KEY, at_each_front, hostname};
use crate::support::http::{exchange, send};
use crate::support::mcp_client::McpClient;
use crate::support::raw_server::RawServer;

const TOOL: &str = r#"{"name":"echo","inputSchema":{"type":"object"}}"#;
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":"around","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}"#;

/// Routing tokens as an attacker may have them.
struct Tokens {
    valid: String,
    wrong: Vec<(&'static str, String)>,
}

impl Tokens {
    async fn new(edge: &Edge) -> Self {
        let valid = mint(SIGNING_KEY, Clock::system(), &hostname("raw"));
        let claims = valid.split('.').nth(1).unwrap();
        let (past, _) =
            Clock::manual(Clock::system().unix().saturating_sub(Duration::from_secs(60)));
        let signature = valid.rsplit('.').next().unwrap();
        let wrong = vec![
            ("nothing", String::new()),
            ("nonsense", "nonsense".to_owned()),
            ("for another host", mint(SIGNING_KEY, Clock::system(), &hostname("other"))),
            ("for the gateway", mint(SIGNING_KEY, Clock::system(), PUBLIC_HOST)),
            ("expired", mint(SIGNING_KEY, past, &hostname("raw"))),
            (
                "of another key",
                mint(&SIGNING_KEY.replace('a', "b"), Clock::system(), &hostname("raw")),
            ),
            // {"alg":"none"}, and {"alg":"HS384","typ":"JWT"} with the signature of another algorithm.
            ("unsigned", format!("eyJhbGciOiJub25lIn0.{claims}.")),
            ("unsigned, with a signature", format!("eyJhbGciOiJub25lIn0.{claims}.{signature}")),
            (
                "of another algorithm",
                format!("eyJhbGciOiJIUzM4NCIsInR5cCI6IkpXVCJ9.{claims}.{signature}"),
            ),
            ("a session token", edge.connect().await.session.unwrap()),
        ];
        Self { valid, wrong }
    }
}

fn mint(key: &str, clock: Clock, host: &str) -> String {
    let keys = SigningKeys::new(SigningKey::new(key.as_bytes()).unwrap());
    let token = RoutingTokens::new(&keys, clock).unwrap().mint(host).unwrap();
    String::from_utf8(token.expose().to_vec()).unwrap()
}

#[tokio::test]
async fn invariant_11_nobody_reaches_a_server_around_the_gateway() {
    at_each_front(async |front| {
        let (raw, other) = tokio::join!(RawServer::start(&[TOOL]), RawServer::start(&[TOOL]));
        let edge = Edge::start(front, &[("raw", raw.url()), ("other", other.url())]).await;
        let tokens = Tokens::new(&edge).await;
        raw.record().clear();
        let hosts =
            [hostname("raw"), hostname("raw").to_uppercase(), format!("{}:80", hostname("raw"))];
        for (what, token) in &tokens.wrong {
            for host in &hosts {
                // By the host alone, by the header alone, and by both.
                refused(&edge, what, host, &[("router-key", token)]).await;
                refused(
                    &edge,
                    what,
                    PUBLIC_HOST,
                    &[("router-key", token), ("mcp-init-host", host)],
                )
                .await;
                refused(&edge, what, host, &[("router-key", token), ("mcp-init-host", host)]).await;
            }
        }
        refused(&edge, "no token", &hostname("raw"), &[]).await;
        refused(&edge, "a host with a dot", &format!("{}.", hostname("raw")), &[]).await;
        refused(
            &edge,
            "two tokens",
            &hostname("raw"),
            &[("router-key", &tokens.valid), ("router-key", &tokens.valid)],
        )
        .await;
        refused(
            &edge,
            "a token in another header",
            &hostname("raw"),
            &[("authorization", &tokens.valid)],
        )
        .await;
        let absolute = absolute(&edge).await;
        assert!(absolute.starts_with("HTTP/1.1 4"), "{front:?}: {absolute}");
        assert_eq!(raw.record().all().len(), 0, "{front:?}: {:?}", raw.record().all());
        // The rows above are refused for their tokens: a good one opens the door, where there is one.
        if front != Front::Standalone {
            let request = request(&hostname("raw"), &[("router-key", &tokens.valid)]);
            let answer = send(edge.address(), request).await;
            assert_eq!(answer.status, 200, "{front:?}: {answer:?}");
            let received = raw.record().all();
            assert_eq!((received.len(), received[0].header("router-key")), (1, None));
        }
    })
    .await;
}

fn request(
    host: &str,
    headers: &[(&'static str, &str)],
) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    let client = McpClient::new(([127, 0, 0, 1], 1).into());
    let mut request = client.message(INITIALIZE);
    request.headers_mut().insert("host", host.parse().unwrap());
    for (name, value) in headers {
        request.headers_mut().append(*name, HeaderValue::from_str(value).unwrap());
    }
    request
}

/// The request is refused; or, where the gateway's headers mean nothing, it is a client's like any other.
async fn refused(edge: &Edge, what: &str, host: &str, headers: &[(&'static str, &str)]) {
    let answer = send(edge.address(), request(host, headers)).await;
    let case = format!("{what} with host {host} and {headers:?} at {:?}: {answer:?}", edge.front());
    if edge.front() == Front::Standalone && host == PUBLIC_HOST {
        assert_eq!(answer.status, 200, "{case}");
        assert_eq!(answer.json()["result"]["serverInfo"]["name"], "mcp-gateway", "{case}");
        return;
    }
    assert_eq!(answer.status, 403, "{case}");
    assert_eq!(answer.json()["error"]["code"], -32600, "{case}");
    assert_eq!(answer.json().get("id"), None, "{case}");
}

/// Sends a request whose target names the server's host, while `Host` names the gateway's.
async fn absolute(edge: &Edge) -> String {
    let request = format!(
        "POST http://{}/mcp HTTP/1.1\r\nhost: {PUBLIC_HOST}\r\ncontent-type: application/json\r\n\
        accept: application/json, text/event-stream\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{INITIALIZE}",
        hostname("raw"),
        INITIALIZE.len(),
    );
    let answer = exchange(edge.address(), request.as_bytes(), Duration::from_secs(5)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
