//! One run of cases on one stand, and the comparison of everything that arrived.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;

use super::case::{Before, Broker, Case, Ends, Session};
use super::expected::{CLOSED, Known, tree};
use super::facts::{Facts, Message};
use super::stand::{FrontEnd, Servers, Setup, Stand};
use crate::support::fault_server::Fault;
use crate::support::http::{Answer, open, send};
use crate::support::span::{Kind, Span};
use crate::support::tree::{Expected, print, report};
use crate::support::wait::PATIENCE;

/// The span of the caller, which is nobody's here.
pub const CALLER: &str = "00f067aa0ba902b7";
/// The revision that the client speaks.
const VERSION: &str = "2025-11-25";
/// What the client says about where it comes from; nobody may believe it.
const FORGED_ADDRESS: &str = "203.0.113.66";
/// Time that spans have to arrive once the gateway has ended, which it does when it has sent them.
pub const ARRIVAL: Duration = Duration::from_secs(10);
/// A session that nobody has opened.
const NO_TOKEN: &str = "eyJhbGciOiJub25lIn0.e30.";

/// A run under way.
pub struct Run {
    pub stand: Stand,
    /// The gateway session's token.
    pub token: String,
    seen: Vec<Seen>,
    /// Every answer, as far as the client keeps it.
    heard: String,
}

/// A case that was answered.
struct Seen {
    case: Case,
    trace_id: String,
}

impl Run {
    pub async fn start(setup: Setup) -> Self {
        Self {
            stand: Stand::start(setup).await,
            token: String::new(),
            seen: Vec::new(),
            heard: String::new(),
        }
    }

    /// Sends the requests of `cases` one after the other.
    pub async fn all(&mut self, cases: Vec<Case>) {
        for case in cases {
            self.one(case).await;
        }
    }

    async fn one(&mut self, case: Case) {
        self.before(&case.before).await;
        let trace_id = format!("0af7651916cd43dd8448eb211c{:06x}", self.seen.len() + 1);
        let request = self.request(&case, &trace_id);
        let status = if matches!(case.ends, Ends::InBroker(Broker::Streams)) {
            open(self.stand.address(), request).await.status
        } else {
            let answer = send(self.stand.address(), request).await;
            if matches!(case.ends, Ends::InBroker(Broker::Opens)) {
                answer.header("mcp-session-id").clone_into(&mut self.token);
            }
            check(&case, &answer);
            writeln!(self.heard, "{:?} {}", answer.headers, answer.text()).unwrap();
            answer.status
        };
        if !case.envoy_decides {
            assert_eq!(status, case.status, "{}: {}", case.name, self.stand.envoy_log());
        }
        self.until_noticed(&case, &trace_id).await;
        self.seen.push(Seen { case, trace_id });
    }

    /// Waits for what goes on when the client has its answer: that somebody notices that it has left a stream, and that
    /// sessions with servers are closed.
    async fn until_noticed(&self, case: &Case, trace_id: &str) {
        let closed = if matches!(case.ends, Ends::InBroker(Broker::Streams)) {
            0
        } else if matches!(case.ends, Ends::InBroker(Broker::Closes)) {
            CLOSED.len()
        } else {
            return;
        };
        let requests = match self.stand.front_end {
            FrontEnd::Standalone => 1,
            FrontEnd::Buffered | FrontEnd::Duplex => 1 + closed,
        };
        let what = format!("{}: {requests} requests and {closed} to servers", case.name);
        let have_ended = |spans: &[Span]| {
            let count = |name| {
                let is_one = |span: &&Span| span.trace_id == trace_id && span.name == name;
                spans.iter().filter(is_one).count()
            };
            count("mcp-router.process") == requests && count("DELETE") == closed
        };
        self.stand.receiver.wait_for(&what, PATIENCE, have_ended).await;
    }

    async fn before(&mut self, before: &Before) {
        match before {
            Before::Nothing => {}
            Before::Fault(fault) => self.stand.servers.fault.fault("tools/call", fault.clone()),
            Before::ForgetSessions => {
                self.stand.servers.fault.heal();
                self.stand.servers.fault.forget_sessions();
            }
            Before::OpenNone => {
                self.stand.servers.fault.forget_sessions();
                self.stand.servers.fault.fault("initialize", Fault::Status(500));
            }
            Before::Stop => {
                self.stand.servers.mortal.stop().await;
                self.stand.servers.absent.stop().await;
            }
        }
    }

    fn request(&self, case: &Case, trace_id: &str) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(case.http_method)
            .uri(case.path)
            .header("accept", "application/json, text/event-stream")
            .header("x-request-id", case.name)
            .header("x-forwarded-for", FORGED_ADDRESS)
            .header("traceparent", format!("00-{trace_id}-{CALLER}-01"));
        if let Some(content_type) = case.content_type {
            request = request.header("content-type", content_type);
        }
        if let Some(host) = case.host {
            request = request.header("host", host);
        }
        request = match case.session {
            Session::None => request,
            Session::Own | Session::Ended => request.header("mcp-session-id", &self.token),
            Session::Invalid => request.header("mcp-session-id", NO_TOKEN),
        };
        if !matches!(case.ends, Ends::InBroker(Broker::Opens)) {
            request = request.header("mcp-protocol-version", VERSION);
        }
        request.body(Full::from(case.body.clone())).unwrap()
    }

    /// Stops the gateway, waits until all its spans have arrived, and compares them with what the cases expect.
    pub async fn compare(self) -> Finished {
        let Self { stand, token, seen, heard } = self;
        let session = format!("jti:{}", jti(&token));
        let client = match stand.front_end {
            FrontEnd::Standalone => "127.0.0.1".to_owned(),
            FrontEnd::Buffered | FrontEnd::Duplex => address_that_envoy_saw(&stand.servers),
        };
        let known = Known { servers: &stand.servers, opened: Some(&session) };
        let expected: Vec<(Seen, Expected)> = seen
            .into_iter()
            .map(|seen| {
                let facts = facts(&seen.case, stand.front_end, &client, &session);
                let tree = tree(&seen.case, &facts, &known).below(CALLER);
                (seen, tree)
            })
            .collect();
        let pages = stand.admin("/metrics").await + &stand.admin("/status").await;
        let stopped = stand.stop().await;
        let fits = |spans: &[Span]| differences(spans, &expected).is_empty();
        let spans = match stopped.receiver.settled(ARRIVAL, fits).await {
            Ok(spans) => spans,
            Err(spans) => panic!("{}", differences(&spans, &expected).join("\n\n")),
        };
        Finished { spans, token, said: stopped.log + &pages, heard, servers: stopped.servers }
    }
}

/// What is left when a run is over.
pub struct Finished {
    pub spans: Vec<Span>,
    /// The token of the gateway session.
    pub token: String,
    /// Everything that the gateway has said: its log, its metrics, its status.
    pub said: String,
    /// Everything that the client has got.
    pub heard: String,
    pub servers: Servers,
}

/// Compares what the client got with what the spans will be asked to say.
fn check(case: &Case, answer: &Answer) {
    assert_eq!(answer.header("x-request-id"), case.name, "{answer:?}");
    if let Some(code) = case.failure.and_then(|failure| failure.code)
        && case.http_method != "HEAD"
    {
        let message = answer.messages().pop().unwrap();
        assert_eq!(message["error"]["code"].to_string(), code, "{}: {message}", case.name);
    }
}

fn facts(case: &Case, front_end: FrontEnd, client: &str, session: &str) -> Facts {
    let is_read = match case.ends {
        Ends::AtHead => false,
        Ends::InDecision { read } => read,
        Ends::InCall
        | Ends::InBroker(_)
        | Ends::InSessionInit(_)
        | Ends::InReopening { .. }
        | Ends::InServer { .. } => true,
    };
    let is_admitted = !matches!(case.ends, Ends::AtHead | Ends::InDecision { .. });
    let is_post = case.http_method == "POST";
    let opens = matches!(case.ends, Ends::InBroker(Broker::Opens));
    let is_own = case.session == Session::Own && !matches!(case.ends, Ends::AtHead);
    Facts {
        front_end,
        http_method: case.http_method,
        path: case.path,
        request_id: Some(case.name.to_owned()),
        client: client.to_owned(),
        session: is_own.then(|| session.to_owned()),
        version: (is_admitted && is_post && !opens).then_some(VERSION),
        message: Message::read(&case.body).filter(|_| is_read && is_post),
        status: case.status,
        failure: case.failure,
    }
}

/// Returns what differs, one text for each case, and one for spans that belong to none.
fn differences(spans: &[Span], expected: &[(Seen, Expected)]) -> Vec<String> {
    let mut differences = Vec::new();
    for (seen, tree) in expected {
        let own: Vec<Span> =
            spans.iter().filter(|span| span.trace_id == seen.trace_id).cloned().collect();
        let report = report(&own, std::slice::from_ref(tree));
        differences.extend(report.map(|report| format!("=== {}\n{report}", seen.case.name)));
    }
    let traces: BTreeSet<&str> = expected.iter().map(|(seen, _)| &*seen.trace_id).collect();
    let is_round =
        |span: &&Span| span.name == "mcp-broker.upstream-manage" && span.parent_span_id.is_none();
    let rounds: BTreeSet<&str> =
        spans.iter().filter(is_round).map(|span| &*span.trace_id).collect();
    // Requests of a round end before it; one that goes on is of the round all the same.
    let is_of_round = |span: &Span| {
        rounds.contains(&*span.trace_id)
            || (span.kind == Kind::Client && !span.name.contains("mcp-"))
    };
    let stray = spans.iter().filter(|span| !traces.contains(&*span.trace_id) && !is_of_round(span));
    let stray: Vec<Span> = stray.cloned().collect();
    if !stray.is_empty() {
        differences.push(format!("=== of no case\n{}", print(&stray)));
    }
    differences
}

/// Returns the address that Envoy has appended to what the client had said.
fn address_that_envoy_saw(servers: &Servers) -> String {
    let received = servers.newer.record().of_method("tools/call").remove(0);
    let addresses = received.header("x-forwarded-for").unwrap().to_owned();
    addresses.strip_prefix(&format!("{FORGED_ADDRESS},")).unwrap().trim().to_owned()
}

/// Reads the unique id in a token of the gateway.
pub fn jti(token: &str) -> String {
    let claims = token.split('.').nth(1).unwrap_or_else(|| panic!("{token:?} is no token"));
    let claims: Value = serde_json::from_slice(&from_base64url(claims)).unwrap();
    claims["jti"].as_str().unwrap().to_owned()
}

fn from_base64url(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let digit = ALPHABET.iter().position(|&known| known == byte).unwrap();
        bits = (bits << 6) | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}
