//! The sessions that the gateway has with servers on behalf of clients: found in the cache, or opened one at a time
//! for each gateway session and server. Callers that come while one is being opened wait for it and share its result.
//!
//! Opening runs in a task of its own, so it goes on when its first caller leaves. How a session is opened is handed
//! in with each call. A result that is an error reaches everybody who waited and is not kept.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mcp_gateway_telemetry::name::{attribute, error_source, span};
use mcp_gateway_telemetry::{Span, SpanKind};
use tokio::sync::watch;
use tracing::warn;

use crate::session::cache::{ServerSession, SessionCache, UpstreamSession, key};
use crate::session::close::SessionCloser;
use crate::session::token::SessionFacts;

/// Sessions being opened at once, over all clients.
pub const OPENING_MAX: usize = 4_096;
/// How much longer than an opener its callers wait: what the cache may take before and after it.
const CACHE_GRACE: Duration = Duration::from_secs(1);

/// Finds, opens and forgets sessions with servers; `E` is the error of opening one. Cheap to clone.
pub struct UpstreamSessions<E> {
    inner: Arc<Inner<E>>,
}

struct Inner<E> {
    cache: SessionCache,
    closer: SessionCloser,
    timeout: Duration,
    opening: Mutex<HashMap<String, Running<E>>>,
}

/// A session being opened, as those who come later find it.
struct Running<E> {
    outcome: watch::Receiver<Outcome<E>>,
    /// The span of whoever opens it.
    span: Span,
}

/// Where opening a session stands in a trace.
#[derive(Clone, Copy)]
pub struct OpenSpans<'s> {
    /// Gets the span of the write to the cache.
    pub parent: &'s Span,
    /// The span of opening. Of a caller who waits for another one's, it is linked to the span that does the work.
    pub opening: &'s Span,
}

/// `None` while the session is being opened.
type Outcome<E> = Option<Result<Opened, OpenError<E>>>;

/// Where a session came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It was in the cache.
    Cached(UpstreamSession),
    /// This call opened it.
    Opened(UpstreamSession),
    /// Another call that came earlier opened it.
    Joined(UpstreamSession),
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E> {
    /// Opening failed; everybody who waited for it gets the same error.
    #[error("open a session with the server")]
    Opening(#[source] Arc<E>),
    /// It took too long.
    #[error("opening a session with the server took too long")]
    Timeout,
    /// Opening ended without a result.
    #[error("opening a session with the server was aborted")]
    Aborted,
    /// Too many sessions are being opened.
    #[error("more than {OPENING_MAX} sessions are being opened")]
    Full,
    /// The gateway session ended meanwhile.
    #[error("the gateway session has ended")]
    Ended,
}

/// One session being opened. Dropping it, also by a panic, lets the next caller try.
struct Opening<E> {
    inner: Arc<Inner<E>>,
    facts: SessionFacts,
    server: String,
    parent: Span,
    outcome: watch::Sender<Outcome<E>>,
}

impl<E> UpstreamSessions<E>
where
    E: std::error::Error + Send + Sync + 'static,
{
    /// Sessions in `cache`; opening one may not take longer than `timeout`. `closer` gets the sessions that were
    /// opened while their gateway session ended.
    pub fn new(cache: SessionCache, closer: SessionCloser, timeout: Duration) -> Self {
        let opening = Mutex::default();
        Self { inner: Arc::new(Inner { cache, closer, timeout, opening }) }
    }

    /// The session with `server` from the cache. A cache that cannot be read has none, and a log line says so.
    pub async fn get(&self, facts: &SessionFacts, server: &str) -> Option<UpstreamSession> {
        self.inner.get(facts, server).await
    }

    /// Forgets a session that the server no longer knows, unless another one has taken its place meanwhile; says
    /// whether it was forgotten. Of many calls that fail with the same session, none removes its successor.
    pub async fn forget(
        &self,
        facts: &SessionFacts,
        server: &str,
        session: &UpstreamSession,
    ) -> bool {
        match self.inner.cache.forget(facts, server, session).await {
            Ok(forgotten) => forgotten,
            Err(error) => {
                warn!(
                    mcp.server = server, error.type = error.reason(), %error,
                    "A lost session with {server} cannot be removed."
                );
                false
            }
        }
    }

    /// The session with `server`: from the cache, from the opening that already runs for the same gateway session and
    /// server, or from `opening`, which is polled only in that last case.
    ///
    /// Waits at most a second longer than opening may take. When
    /// the cache cannot be read or written, the session is opened and used all the same.
    pub async fn open(
        &self,
        facts: &SessionFacts,
        server: &str,
        spans: OpenSpans<'_>,
        opening: impl Future<Output = Result<UpstreamSession, E>> + Send + 'static,
    ) -> Result<Opened, OpenError<E>> {
        if let Some(session) = self.get(facts, server).await {
            return Ok(Opened::Cached(session));
        }
        let (mut outcome, first) = self.join_or_start(facts, server, spans, opening)?;
        let wait = outcome.wait_for(Option::is_some);
        let deadline = self.inner.timeout.saturating_add(CACHE_GRACE);
        let Ok(result) = tokio::time::timeout(deadline, wait).await else {
            return Err(OpenError::Timeout);
        };
        match result.as_deref() {
            Ok(Some(Ok(Opened::Opened(session)))) if !first => Ok(Opened::Joined(session.clone())),
            Ok(Some(result)) => result.clone(),
            Ok(None) | Err(_) => Err(OpenError::Aborted),
        }
    }

    /// The outcome to wait for, and whether this caller's `opening` makes it.
    fn join_or_start(
        &self,
        facts: &SessionFacts,
        server: &str,
        spans: OpenSpans<'_>,
        opening: impl Future<Output = Result<UpstreamSession, E>> + Send + 'static,
    ) -> Result<(watch::Receiver<Outcome<E>>, bool), OpenError<E>> {
        let mut running = self.inner.opening();
        let key = key(&facts.jti, server);
        if let Some(other) = running.get(&key) {
            spans.opening.link(&other.span);
            return Ok((other.outcome.clone(), false));
        }
        if running.len() >= OPENING_MAX {
            return Err(OpenError::Full);
        }
        let (sender, outcome) = watch::channel(None);
        running.insert(key, Running { outcome: outcome.clone(), span: spans.opening.clone() });
        drop(running);
        let task = Opening {
            inner: Arc::clone(&self.inner),
            facts: facts.clone(),
            server: server.to_owned(),
            parent: spans.parent.clone(),
            outcome: sender,
        };
        tokio::spawn(spans.parent.instrument(task.run(opening)));
        Ok((outcome, true))
    }
}

impl<E> Inner<E> {
    fn opening(&self) -> MutexGuard<'_, HashMap<String, Running<E>>> {
        self.opening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn get(&self, facts: &SessionFacts, server: &str) -> Option<UpstreamSession> {
        match self.cache.get(facts, server).await {
            Ok(session) => session,
            Err(error) => {
                warn!(
                    mcp.server = server, error.type = error.reason(), %error,
                    "The session with {server} cannot be looked up."
                );
                None
            }
        }
    }
}

impl<E> Opening<E>
where
    E: std::error::Error + Send + Sync + 'static,
{
    async fn run(self, opening: impl Future<Output = Result<UpstreamSession, E>> + Send) {
        let result = self.result(opening).await;
        // Off the list first: whoever comes now finds the cache, or opens anew after an error.
        let outcome = self.outcome.clone();
        drop(self);
        outcome.send_replace(Some(result));
    }

    async fn result(
        &self,
        opening: impl Future<Output = Result<UpstreamSession, E>> + Send,
    ) -> Result<Opened, OpenError<E>> {
        // Between this caller's look into the cache and its place on the list, another one may have finished.
        if let Some(session) = self.inner.get(&self.facts, &self.server).await {
            return Ok(Opened::Cached(session));
        }
        let session = match tokio::time::timeout(self.inner.timeout, opening).await {
            Ok(Ok(session)) => session,
            Ok(Err(error)) => return Err(OpenError::Opening(Arc::new(error))),
            Err(_) => return Err(OpenError::Timeout),
        };
        let stored = self.store(&session).await;
        if self.inner.closer.is_ended(&self.facts).await.unwrap_or(false) {
            self.close(session, stored).await;
            return Err(OpenError::Ended);
        }
        Ok(Opened::Opened(session))
    }

    /// Puts the session into the cache; says whether it is there.
    async fn store(&self, session: &UpstreamSession) -> bool {
        let server = &self.server;
        let store =
            self.parent.child(span::ROUTER_SESSION_CACHE_STORE, SpanKind::Internal, |attributes| {
                attributes.put(attribute::MCP_SERVER, server.clone());
                attributes.put_shared(attribute::MCP_SESSION_ID, self.facts.jti.log_id());
            });
        let stored = self.inner.cache.put(&self.facts, server, session).await;
        if let Err(error) = &stored {
            store.set(|attributes| {
                attributes.put(attribute::ERROR_TYPE, error.reason());
                attributes.put(attribute::ERROR_SOURCE, error_source::BROKER);
            });
            store.fail(|| error.to_string());
            warn!(
                mcp.server = server, error.type = error.reason(), %error,
                "The session with {server} cannot be kept; the next call opens another one."
            );
        }
        store.end();
        stored.is_ok()
    }

    /// Closes a session that nobody will use: the gateway session ended before it was stored. When it is no longer
    /// in the cache, the end of the gateway session took it from there and closes it.
    async fn close(&self, session: UpstreamSession, stored: bool) {
        let forgotten = self.inner.cache.forget(&self.facts, &self.server, &session).await;
        if forgotten.unwrap_or(false) || !stored {
            let server = self.server.clone();
            let session = ServerSession { server, session };
            self.inner.closer.close(&self.facts, vec![session], &self.parent);
        }
    }
}

impl<E> Drop for Opening<E> {
    fn drop(&mut self) {
        self.inner.opening().remove(&key(&self.facts.jti, &self.server));
    }
}

impl Opened {
    /// The session, wherever it came from.
    pub fn session(&self) -> &UpstreamSession {
        match self {
            Self::Cached(session) | Self::Opened(session) | Self::Joined(session) => session,
        }
    }
}

impl<E> OpenError<E> {
    /// The value of `error.type`; `of_opening` gives it for the error of opening itself.
    pub fn reason(&self, of_opening: impl FnOnce(&E) -> Cow<'static, str>) -> Cow<'static, str> {
        match self {
            Self::Opening(error) => of_opening(error),
            Self::Timeout => "session_init_timeout".into(),
            Self::Aborted => "session_init_aborted".into(),
            Self::Full => "session_init_limit".into(),
            Self::Ended => "session_ended".into(),
        }
    }
}

impl<E> Clone for OpenError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Opening(error) => Self::Opening(Arc::clone(error)),
            Self::Timeout => Self::Timeout,
            Self::Aborted => Self::Aborted,
            Self::Full => Self::Full,
            Self::Ended => Self::Ended,
        }
    }
}

impl<E> Clone for UpstreamSessions<E> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}
