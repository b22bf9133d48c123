//! Requests that need a session and have none that counts.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::session::{RoutingTokens, SessionTokens, SigningKey, SigningKeys};
use mcp_gateway_dataplane::store::{MemoryStore, Store};

use super::{Row, Session};
use crate::support::edge::{Edge, SIGNING_KEY, hostname};

const INVALID_REQUEST: i64 = -32600;

/// The session ids that the rows use.
pub(super) struct Sessions {
    valid: String,
    ended: String,
    expired: String,
    alg_none: String,
    routing: String,
}

impl Sessions {
    pub(super) async fn new(edge: &Edge) -> Self {
        let valid = edge.connect().await.session.unwrap();
        let client = edge.connect().await;
        assert_eq!(client.delete().await.status, 204);
        let ended = client.session.clone().unwrap();
        let routing = tokens().mint(&hostname("raw")).unwrap();
        Self {
            // What the token says, with nobody's signature below it: the header is {"alg":"none"}.
            alg_none: format!("eyJhbGciOiJub25lIn0.{}.", valid.split('.').nth(1).unwrap()),
            valid,
            ended,
            expired: expired(),
            routing: String::from_utf8(routing.expose().to_vec()).unwrap(),
        }
    }

    pub(super) fn ids(&self, session: Session) -> Vec<&str> {
        match session {
            Session::Valid => vec![&self.valid],
            Session::Missing => Vec::new(),
            Session::Text(text) => vec![text],
            Session::Expired => vec![&self.expired],
            Session::Ended => vec![&self.ended],
            Session::Twice => vec![&self.valid, &self.valid],
            Session::AlgNone => vec![&self.alg_none],
            Session::RoutingToken => vec![&self.routing],
        }
    }
}

fn keys() -> SigningKeys {
    SigningKeys::new(SigningKey::new(SIGNING_KEY.as_bytes()).unwrap())
}

fn tokens() -> RoutingTokens {
    RoutingTokens::new(&keys(), Clock::system()).unwrap()
}

/// A session id of this gateway that was good for a minute, an hour ago.
fn expired() -> String {
    let (clock, _) =
        Clock::manual(Clock::system().unix().saturating_sub(Duration::from_secs(3_600)));
    let store = Arc::new(Store::Memory(MemoryStore::new(1, clock.clone())));
    let tokens = SessionTokens::new(&keys(), Duration::from_secs(60), store, clock).unwrap();
    let session = tokens.mint(ProtocolVersion::LATEST).unwrap();
    String::from_utf8(session.token.expose().to_vec()).unwrap()
}

pub(super) fn rows() -> Vec<Row> {
    let states = [
        ("no session", Session::Missing, 400),
        ("a session of nobody", Session::Text("0f5cd1ad-33ba-4b6c-9a45-5f3e4a5d9c11"), 404),
        ("an empty session id", Session::Text(""), 404),
        ("an expired session", Session::Expired, 404),
        ("an ended session", Session::Ended, 404),
        ("a session twice", Session::Twice, 404),
        ("an unsigned session", Session::AlgNone, 404),
        ("a token for another purpose", Session::RoutingToken, 404),
    ];
    let call = r#"{"jsonrpc":"2.0","id":"s","method":"tools/call","params":{"name":"raw_echo"}}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":"s","method":"tools/call","params":{"name":"unknown"}}"#;
    let list = r#"{"jsonrpc":"2.0","id":"s","method":"tools/list"}"#;
    let other = r#"{"jsonrpc":"2.0","id":"s","method":"prompts/list"}"#;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let response = r#"{"jsonrpc":"2.0","id":"s","result":{}}"#;
    let mut rows = Vec::new();
    for (what, session, status) in states {
        for body in [call, unknown, list, other] {
            rows.push(Row::post(what, body, status, INVALID_REQUEST).id(r#""s""#).session(session));
        }
        for body in [note, response] {
            // The id of a response is not its sender's own.
            rows.push(Row::post(what, body, status, INVALID_REQUEST).session(session));
        }
        for method in [http::Method::GET, http::Method::DELETE] {
            let row = Row::post(what, "", status, INVALID_REQUEST).session(session);
            rows.push(Row { method, ..row });
        }
    }
    rows
}
