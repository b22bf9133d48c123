//! Ends a gateway session before its time: a tombstone for the token, and the sessions with servers closed.
//!
//! How a session is closed at its server is handed in as a [`Closer`]. Closing happens in the background, so that the
//! client's answer waits for no server; what cannot be closed in time ends by the server's own rules.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use mcp_gateway_telemetry::Span;
use tokio::sync::Semaphore;
use tracing::{debug, warn};

use crate::session::cache::{ServerSession, SessionCache};
use crate::session::token::{SessionFacts, SessionTokens};
use crate::store::StoreError;

/// Closes one session at its server, best effort, below the span that it is closed for.
pub type Closer = Arc<dyn Fn(ServerSession, Span) -> BoxFuture<'static, ()> + Send + Sync>;

/// How long the sessions of one gateway session may take to close, all together.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Servers told at once for one gateway session.
const CLOSE_CONCURRENCY_MAX: usize = 8;
/// Gateway sessions being closed at once; beyond that, servers are not told.
const CLOSING_MAX: usize = 1_024;

/// Ends gateway sessions. Cheap to clone.
#[derive(Clone)]
pub struct SessionCloser {
    tokens: SessionTokens,
    sessions: SessionCache,
    closer: Closer,
    closing: Arc<Semaphore>,
}

impl SessionCloser {
    /// `closer` is called once for each session with a server that ends.
    pub fn new(tokens: SessionTokens, sessions: SessionCache, closer: Closer) -> Self {
        Self { tokens, sessions, closer, closing: Arc::new(Semaphore::new(CLOSING_MAX)) }
    }

    /// Ends the gateway session: its token is refused from now on, and its sessions with servers are forgotten and
    /// closed in the background, in the trace of `span`. Says whether this call ended it.
    pub async fn end(&self, facts: &SessionFacts, span: &Span) -> Result<bool, StoreError> {
        // The tombstone comes first: a session with a server that is stored after it is closed by whoever stores it.
        let ended = self.tokens.end(facts).await?;
        let sessions = self.sessions.take_all(facts).await?;
        self.close(facts, sessions, span);
        Ok(ended)
    }

    /// Says whether the gateway session was ended before its time.
    pub(super) async fn is_ended(&self, facts: &SessionFacts) -> Result<bool, StoreError> {
        self.tokens.is_ended(facts).await
    }

    /// Closes sessions with servers in the background, in the trace of `span`.
    pub(super) fn close(&self, facts: &SessionFacts, sessions: Vec<ServerSession>, span: &Span) {
        if sessions.is_empty() {
            return;
        }
        let count = sessions.len();
        let log_id = Arc::clone(facts.jti.log_id());
        let Ok(permit) = Arc::clone(&self.closing).try_acquire_owned() else {
            warn!(
                mcp.session.id = %log_id, count, closing_max = CLOSING_MAX,
                "Too many sessions end at once; servers are not told about this one."
            );
            return;
        };
        let closer = Arc::clone(&self.closer);
        let parent = span.clone();
        tokio::spawn(span.instrument(async move {
            let each = futures_util::stream::iter(sessions)
                .for_each_concurrent(CLOSE_CONCURRENCY_MAX, |session| {
                    closer(session, parent.clone())
                });
            if tokio::time::timeout(CLOSE_TIMEOUT, each).await.is_err() {
                debug!(
                    mcp.session.id = %log_id, count, timeout_s = CLOSE_TIMEOUT.as_secs(),
                    "Not every server answered in time that its session is closed."
                );
            }
            drop(permit);
        }));
    }
}
