//! Which event streams are open, and on which of them a message goes out.
//!
//! MCP allows a message on exactly one stream of a session: here it is the newest, since older ones are often left
//! over from connections that broke unnoticed. When the newest ends with a message still to be sent, the next one
//! sends it. The number of streams is bounded in total and for each session.

pub(super) mod stream;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mcp_gateway_telemetry::Metrics;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::session::Jti;

/// Streams of one session; a further one ends the oldest.
pub const STREAMS_PER_SESSION_MAX: usize = 4;

/// Every open stream of this process. Clones share it.
#[derive(Clone)]
pub(super) struct Streams {
    state: Arc<Mutex<State>>,
    open_max: usize,
    metrics: Metrics,
}

#[derive(Default)]
struct State {
    open: usize,
    opened: u64,
    sessions: HashMap<Jti, SessionStreams>,
}

struct SessionStreams {
    /// The revision of the list that the session was told of last, or that it began with.
    told: u64,
    /// Oldest first, never empty.
    streams: VecDeque<Arc<Handle>>,
}

struct Handle {
    number: u64,
    wake: Notify,
    end: CancellationToken,
}

/// One stream's place among those of its session. Dropping it gives it up.
pub(super) struct Place {
    streams: Streams,
    jti: Jti,
    handle: Arc<Handle>,
}

impl Streams {
    /// Room for `open_max` streams.
    pub(super) fn new(open_max: usize, metrics: Metrics) -> Self {
        Self { state: Arc::default(), open_max, metrics }
    }

    /// Takes a place for a new stream of the session, the newest from now on; `None` when too many are open.
    /// `revision` is that of the list at this moment.
    pub(super) fn open(&self, jti: &Jti, revision: u64) -> Option<Place> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.open >= self.open_max {
            self.metrics.limit_reached("streams_max");
            return None;
        }
        self.metrics.stream_opened();
        state.open += 1;
        state.opened += 1;
        let handle = Arc::new(Handle {
            number: state.opened,
            wake: Notify::new(),
            end: CancellationToken::new(),
        });
        let session = state
            .sessions
            .entry(jti.clone())
            .or_insert_with(|| SessionStreams { told: revision, streams: VecDeque::new() });
        session.streams.push_back(Arc::clone(&handle));
        if session.streams.len() > STREAMS_PER_SESSION_MAX
            && let Some(oldest) = session.streams.pop_front()
        {
            self.metrics.limit_reached("streams_per_session_max");
            oldest.end.cancel();
        }
        drop(guard);
        Some(Place { streams: self.clone(), jti: jti.clone(), handle })
    }

    /// Ends every stream of the session.
    pub(super) fn end_session(&self, jti: &Jti) {
        let session = self.lock().sessions.remove(jti);
        for handle in session.into_iter().flat_map(|session| session.streams) {
            handle.end.cancel();
        }
    }

    /// How many streams are open, those included whose client has left unnoticed.
    pub(super) fn count(&self) -> usize {
        self.lock().open
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says whether it is for this stream to tell its client of `revision`, and takes note that it does: true for
    /// the newest stream of the session, once for each revision.
    pub(super) fn claim(&self, revision: u64) -> bool {
        let mut state = self.streams.lock();
        let Some(session) = state.sessions.get_mut(&self.jti) else { return false };
        let newest =
            session.streams.back().is_some_and(|handle| handle.number == self.handle.number);
        newest && std::mem::replace(&mut session.told, revision) != revision
    }

    /// Waits until it may be this stream's turn to tell something.
    pub(super) async fn woken(&self) {
        self.handle.wake.notified().await;
    }

    /// Waits until the stream has to end.
    pub(super) async fn ended(&self) {
        self.handle.end.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.metrics.stream_closed();
        let mut guard = self.streams.lock();
        let state = &mut *guard;
        state.open = state.open.saturating_sub(1);
        let Some(session) = state.sessions.get_mut(&self.jti) else { return };
        session.streams.retain(|handle| handle.number != self.handle.number);
        match session.streams.back() {
            Some(newest) => newest.wake.notify_one(),
            None => {
                state.sessions.remove(&self.jti);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_gateway_telemetry::{Metrics, Status};

    use super::{STREAMS_PER_SESSION_MAX, Streams};
    use crate::session::Jti;

    fn streams(open_max: usize) -> Streams {
        Streams::new(open_max, Metrics::new(Status::off()))
    }

    #[test]
    fn only_the_newest_stream_tells_and_only_once() {
        let streams = streams(10);
        let jti = Jti::random();
        let older = streams.open(&jti, 1).unwrap();
        let newer = streams.open(&jti, 1).unwrap();
        assert!(!newer.claim(1), "nothing is new");
        assert!(!older.claim(2));
        assert!(newer.claim(2));
        assert!(!newer.claim(2));
        drop(newer);
        assert!(!older.claim(2), "the session was told");
        assert!(older.claim(3));
    }

    #[tokio::test]
    async fn next_stream_tells_what_the_newest_did_not() {
        let streams = streams(10);
        let jti = Jti::random();
        let older = streams.open(&jti, 1).unwrap();
        drop(streams.open(&jti, 1).unwrap());
        older.woken().await;
        assert!(older.claim(2));
    }

    #[tokio::test]
    async fn further_stream_of_a_session_ends_its_oldest() {
        let streams = streams(100);
        let jti = Jti::random();
        let places: Vec<_> =
            (0..=STREAMS_PER_SESSION_MAX).map(|_| streams.open(&jti, 1).unwrap()).collect();
        places[0].ended().await;
        assert!(!places[1].handle.end.is_cancelled());
        assert_eq!(streams.count(), STREAMS_PER_SESSION_MAX + 1, "counted until it is gone");
        drop(places);
        assert_eq!(streams.count(), 0);
        assert!(streams.lock().sessions.is_empty());
    }

    #[test]
    fn streams_are_bounded_in_total() {
        let streams = streams(1);
        let first = streams.open(&Jti::random(), 1).unwrap();
        assert!(streams.open(&Jti::random(), 1).is_none());
        drop(first);
        assert!(streams.open(&Jti::random(), 1).is_some());
    }

    #[tokio::test]
    async fn end_of_a_session_ends_its_streams_and_no_others() {
        let streams = streams(10);
        let (mine, other) = (Jti::random(), Jti::random());
        let (a, b) = (streams.open(&mine, 1).unwrap(), streams.open(&mine, 1).unwrap());
        let kept = streams.open(&other, 1).unwrap();
        streams.end_session(&mine);
        a.ended().await;
        b.ended().await;
        assert!(!a.claim(2) && !b.claim(2));
        assert!(!kept.handle.end.is_cancelled());
    }
}
