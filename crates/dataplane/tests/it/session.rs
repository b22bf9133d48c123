//! Sessions with servers: the cache, opening one at a time, and what the end of a gateway session does to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use mcp_gateway_core::mcp::ProtocolVersion;
use mcp_gateway_dataplane::clock::{Clock, ManualClock};
use mcp_gateway_dataplane::session::{
    Closer, OpenError, OpenSpans, Opened, ServerSession, SessionCache, SessionCloser, SessionFacts,
    SessionTokens, SigningKey, SigningKeys, UpstreamSession, UpstreamSessionId, UpstreamSessions,
};
use mcp_gateway_dataplane::store::{MemoryStore, Store};
use mcp_gateway_telemetry::Span;
use tokio::sync::{Notify, mpsc};

const TTL: Duration = Duration::from_secs(600);
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
const SERVER: &str = "demo/weather";
/// No telemetry: spans do nothing.
static OFF: Span = Span::off();
const SPANS: OpenSpans<'static> = OpenSpans { parent: &OFF, opening: &OFF };

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("refused ({0})")]
struct Refused(usize);

struct Fixture {
    tokens: SessionTokens,
    cache: SessionCache,
    ender: SessionCloser,
    sessions: UpstreamSessions<Refused>,
    closed: mpsc::Receiver<ServerSession>,
    hand: ManualClock,
}

fn fixture() -> Fixture {
    let (clock, hand) = Clock::manual(Duration::from_secs(1_700_000_000));
    let store = Arc::new(Store::Memory(MemoryStore::new(1_000, clock.clone())));
    let keys = SigningKeys::new(SigningKey::random());
    let tokens = SessionTokens::new(&keys, TTL, Arc::clone(&store), clock.clone()).unwrap();
    let cache = SessionCache::new(store, clock);
    let (report, closed) = mpsc::channel(100);
    let close: Closer = Arc::new(move |session, _| {
        let report = report.clone();
        Box::pin(async move { report.send(session).await.unwrap() })
    });
    let ender = SessionCloser::new(tokens.clone(), cache.clone(), close);
    let sessions = UpstreamSessions::new(cache.clone(), ender.clone(), OPEN_TIMEOUT);
    Fixture { tokens, cache, ender, sessions, closed, hand }
}

fn session(id: &str) -> UpstreamSession {
    let session_id = Some(UpstreamSessionId::new(id.as_bytes()).unwrap());
    UpstreamSession::new(session_id, ProtocolVersion::V2025_06_18, Duration::from_secs(1))
}

impl Fixture {
    fn facts(&self) -> SessionFacts {
        self.tokens.mint(ProtocolVersion::V2025_11_25).unwrap().facts
    }
}

#[tokio::test]
async fn cache_remembers_sessions_and_that_there_are_none() {
    let fixture = fixture();
    let (mine, other) = (fixture.facts(), fixture.facts());
    let without = UpstreamSession::new(None, ProtocolVersion::V2025_03_26, Duration::ZERO);
    for session in [session("one"), without] {
        fixture.cache.put(&mine, SERVER, &session).await.unwrap();
        assert_eq!(fixture.cache.get(&mine, SERVER).await.unwrap(), Some(session));
    }
    assert_eq!(fixture.cache.get(&mine, "demo/news").await.unwrap(), None);
    assert_eq!(fixture.cache.get(&other, SERVER).await.unwrap(), None);
    fixture.hand.advance(TTL);
    assert_eq!(fixture.cache.get(&mine, SERVER).await.unwrap(), None);
}

#[tokio::test]
async fn failed_session_is_forgotten_but_not_its_successor() {
    let fixture = fixture();
    let facts = fixture.facts();
    fixture.cache.put(&facts, SERVER, &session("old")).await.unwrap();
    assert!(fixture.cache.forget(&facts, SERVER, &session("old")).await.unwrap());
    fixture.cache.put(&facts, SERVER, &session("new")).await.unwrap();
    assert!(!fixture.cache.forget(&facts, SERVER, &session("old")).await.unwrap());
    assert_eq!(fixture.cache.get(&facts, SERVER).await.unwrap(), Some(session("new")));
}

#[tokio::test]
async fn hundred_concurrent_opens_run_the_opener_once() {
    let fixture = fixture();
    let facts = fixture.facts();
    let (runs, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let opens = (0..100).map(|_| {
        let (runs, gate) = (Arc::clone(&runs), Arc::clone(&gate));
        fixture.sessions.open(&facts, SERVER, SPANS, async move {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            gate.notified().await;
            Ok(session(&format!("run{run}")))
        })
    });
    let release = async {
        while runs.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        gate.notify_one();
    };
    let (results, ()) = tokio::join!(join_all(opens), release);
    let results: Vec<Opened> = results.into_iter().map(Result::unwrap).collect();
    assert!(results.iter().all(|opened| *opened.session() == session("run0")));
    let opened = |kind: fn(UpstreamSession) -> Opened| {
        results.iter().filter(|opened| **opened == kind(session("run0"))).count()
    };
    assert_eq!((opened(Opened::Opened), opened(Opened::Joined)), (1, 99));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    let again = fixture.sessions.open(&facts, SERVER, SPANS, async { Err(Refused(0)) }).await;
    assert_eq!(again.unwrap(), Opened::Cached(session("run0")));
}

#[tokio::test]
async fn servers_and_gateway_sessions_are_opened_independently() {
    let fixture = fixture();
    let (mine, other) = (fixture.facts(), fixture.facts());
    let opens = [(&mine, "a"), (&mine, "b"), (&other, "a")].map(|(facts, server)| {
        fixture.sessions.open(facts, server, SPANS, async move { Ok(session(server)) })
    });
    for opened in join_all(opens).await {
        assert!(matches!(opened.unwrap(), Opened::Opened(_)));
    }
}

#[tokio::test]
async fn opening_goes_on_when_its_first_caller_leaves() {
    let fixture = fixture();
    let facts = fixture.facts();
    let (started, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let first = fixture.sessions.open(&facts, SERVER, SPANS, {
        let (started, gate) = (Arc::clone(&started), Arc::clone(&gate));
        async move {
            started.notify_one();
            gate.notified().await;
            Ok(session("first"))
        }
    });
    tokio::select! {
        biased;
        () = started.notified() => {}
        _ = first => unreachable!("the gate is closed"),
    }
    let second = fixture.sessions.open(&facts, SERVER, SPANS, async { Err(Refused(2)) });
    let release = async { gate.notify_one() };
    let (second, ()) = tokio::join!(second, release);
    assert_eq!(second.unwrap(), Opened::Joined(session("first")));
    assert_eq!(fixture.cache.get(&facts, SERVER).await.unwrap(), Some(session("first")));
}

#[tokio::test]
async fn errors_are_shared_and_not_kept() {
    let fixture = fixture();
    let facts = fixture.facts();
    let runs = Arc::new(AtomicUsize::new(0));
    let open = || {
        let runs = Arc::clone(&runs);
        fixture.sessions.open(&facts, SERVER, SPANS, async move {
            Err(Refused(runs.fetch_add(1, Ordering::SeqCst)))
        })
    };
    for round in 0..2 {
        for result in join_all((0..10).map(|_| open())).await {
            let error = result.unwrap_err();
            assert_eq!(error.reason(|_| "refused".into()), "refused");
            assert!(matches!(error, OpenError::Opening(cause) if *cause == Refused(round)));
        }
    }
    let opened = fixture.sessions.open(&facts, SERVER, SPANS, async { Ok(session("ok")) }).await;
    assert_eq!(opened.unwrap(), Opened::Opened(session("ok")));
}

#[tokio::test(start_paused = true)]
async fn slow_opener_is_given_up_and_the_next_one_runs() {
    let fixture = fixture();
    let facts = fixture.facts();
    let stuck = || fixture.sessions.open(&facts, SERVER, SPANS, std::future::pending());
    let start = tokio::time::Instant::now();
    for result in join_all((0..10).map(|_| stuck())).await {
        assert!(matches!(result, Err(OpenError::Timeout)), "{result:?}");
    }
    assert!(start.elapsed() < OPEN_TIMEOUT * 2);
    let opened = fixture.sessions.open(&facts, SERVER, SPANS, async { Ok(session("ok")) }).await;
    assert_eq!(opened.unwrap(), Opened::Opened(session("ok")));
}

#[tokio::test]
async fn opener_that_panics_fails_its_callers_and_nobody_else() {
    let fixture = fixture();
    let facts = fixture.facts();
    let result = fixture.sessions.open(&facts, SERVER, SPANS, async { panic!("on purpose") }).await;
    assert!(matches!(result, Err(OpenError::Aborted)), "{result:?}");
    let opened = fixture.sessions.open(&facts, SERVER, SPANS, async { Ok(session("ok")) }).await;
    assert_eq!(opened.unwrap(), Opened::Opened(session("ok")));
}

#[tokio::test]
async fn end_closes_every_server_session_once() {
    let mut fixture = fixture();
    let (mine, other) = (fixture.facts(), fixture.facts());
    for server in ["b/b", "a/a"] {
        fixture.cache.put(&mine, server, &session(server)).await.unwrap();
        fixture.cache.put(&other, server, &session("other")).await.unwrap();
    }
    assert!(fixture.ender.end(&mine, &OFF).await.unwrap());
    assert!(!fixture.ender.end(&mine, &OFF).await.unwrap());
    for server in ["a/a", "b/b"] {
        let expect = ServerSession { server: server.to_owned(), session: session(server) };
        assert_eq!(fixture.closed.recv().await, Some(expect));
        assert_eq!(fixture.cache.get(&mine, server).await.unwrap(), None);
        assert!(fixture.cache.get(&other, server).await.unwrap().is_some());
    }
    assert!(fixture.closed.try_recv().is_err());
}

#[tokio::test]
async fn session_opened_while_its_gateway_session_ends_is_closed() {
    let mut fixture = fixture();
    let facts = fixture.facts();
    let result = fixture.sessions.open(&facts, SERVER, SPANS, {
        let (closer, facts) = (fixture.ender.clone(), facts.clone());
        async move {
            closer.end(&facts, &OFF).await.unwrap();
            Ok(session("late"))
        }
    });
    assert!(matches!(result.await, Err(OpenError::Ended)));
    let expect = ServerSession { server: SERVER.to_owned(), session: session("late") };
    assert_eq!(fixture.closed.recv().await, Some(expect));
    assert_eq!(fixture.cache.get(&facts, SERVER).await.unwrap(), None);
}
