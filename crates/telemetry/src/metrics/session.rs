//! The gateway sessions that are alive, counted without a list of them.
//!
//! A token says everything itself, so nobody keeps its session; what is known here is how many sessions begin and end with
//! which second. A session that is ended by its client leaves its second; the others end with it. Sessions of one lifetime
//! have as many seconds as that lifetime, which bounds this account whatever the number of sessions.
//!
//! A session that was opened by another process, or before this one began, is not among them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A gateway session, as far as metrics are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Session {
    /// When it ends by itself, in seconds since the Unix epoch.
    pub expires_at: u64,
    /// When it was opened, in seconds since the Unix epoch.
    pub opened_at: u64,
    /// `mcp.protocol.version`.
    pub protocol_version: &'static str,
}

/// The sessions that are alive.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<Alive>);

#[derive(Debug, Default)]
struct Alive {
    by_end: BTreeMap<Session, u64>,
    count: u64,
}

impl Session {
    /// How long the session has lasted at `now`, in time since the Unix epoch; not longer than it may.
    pub(super) fn age(&self, now: Duration) -> Duration {
        now.min(Duration::from_secs(self.expires_at))
            .saturating_sub(Duration::from_secs(self.opened_at))
    }
}

impl Sessions {
    pub(super) fn open(&self, session: Session) {
        let mut alive = self.lock();
        *alive.by_end.entry(session).or_insert(0) += 1;
        alive.count += 1;
    }

    pub(super) fn end(&self, session: Session) {
        let mut alive = self.lock();
        let Some(count) = alive.by_end.get_mut(&session) else { return };
        *count -= 1;
        if *count == 0 {
            alive.by_end.remove(&session);
        }
        alive.count -= 1;
    }

    /// Lets go of the sessions whose time is over at `now`, in seconds since the Unix epoch; returns them with their number.
    pub(super) fn expire(&self, now: u64) -> Vec<(Session, u64)> {
        let mut alive = self.lock();
        let mut expired = Vec::new();
        while let Some(first) = alive.by_end.first_entry()
            && first.key().expires_at <= now
        {
            expired.push(first.remove_entry());
        }
        alive.count -= expired.iter().map(|(_, count)| count).sum::<u64>();
        expired
    }

    /// How many are alive.
    pub(super) fn count(&self) -> u64 {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Alive> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Session, Sessions};

    fn session(opened_at: u64) -> Session {
        Session { expires_at: opened_at + 60, opened_at, protocol_version: "2025-06-18" }
    }

    #[test]
    fn sessions_are_alive_until_they_end_or_expire() {
        let sessions = Sessions::default();
        for opened_at in [100, 100, 101, 130] {
            sessions.open(session(opened_at));
        }
        assert_eq!(sessions.count(), 4);
        sessions.end(session(100));
        assert_eq!(sessions.count(), 3);
        assert_eq!(sessions.expire(160), [(session(100), 1)]);
        assert_eq!(sessions.expire(161), [(session(101), 1)]);
        assert_eq!(sessions.count(), 1);
        assert_eq!(sessions.expire(161), []);
    }

    #[test]
    fn a_session_of_another_process_is_none_of_ours() {
        let sessions = Sessions::default();
        sessions.open(session(100));
        sessions.end(session(99));
        sessions.end(session(100));
        sessions.end(session(100));
        assert_eq!(sessions.count(), 0);
    }

    #[test]
    fn the_age_ends_with_the_lifetime() {
        let age = |now| session(100).age(Duration::from_secs(now)).as_secs();
        assert_eq!([age(90), age(100), age(130), age(500)], [0, 0, 30, 60]);
    }
}
