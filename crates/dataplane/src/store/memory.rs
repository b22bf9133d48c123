//! The store in this process: ordered maps behind one lock that is never held across an await.
//!
//! Bounded by a number of entries. Each operation first sweeps a few entries whose time is over; a put into a full
//! store evicts the entry that would expire soonest and counts it. Nothing runs in the background.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::clock::Clock;
use crate::store::{Removed, StoreStats};

/// Most expired entries that one operation removes, so that no caller pays for a long idle time.
const SWEEP_ENTRIES_MAX: usize = 64;

/// Bytes by key in memory. `Debug` shows no content: some values are secrets.
pub struct MemoryStore {
    clock: Clock,
    entries_max: usize,
    listener: Option<RemovalListener>,
    state: Mutex<State>,
}

/// Is told of every entry that the store removes by itself. It is called with the store locked: it must be quick, and must
/// not use the store.
pub type RemovalListener = Box<dyn Fn(&str, &[u8], Removal) + Send + Sync>;

/// Why the store removed an entry by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Its time was over, for so long already.
    Expired(Duration),
    /// The store was full.
    Evicted,
}

#[derive(Default)]
struct State {
    entries: BTreeMap<Arc<str>, Entry>,
    by_expiry: BTreeMap<Expiry, Arc<str>>,
    sequence: u64,
    expired: u64,
    evicted: u64,
}

struct Entry {
    value: Bytes,
    expiry: Expiry,
}

/// When an entry ends; the sequence number tells entries of the same instant apart, older first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Expiry {
    at: Duration,
    sequence: u64,
}

impl MemoryStore {
    /// A store of at most `entries_max` entries (at least one).
    pub fn new(entries_max: usize, clock: Clock) -> Self {
        Self { clock, entries_max: entries_max.max(1), listener: None, state: Mutex::default() }
    }

    /// The same store, telling `listener` what it removes by itself.
    #[must_use]
    pub fn with_listener(self, listener: RemovalListener) -> Self {
        Self { listener: Some(listener), ..self }
    }

    /// See [`crate::store::Store::get`].
    pub fn get(&self, key: &str) -> Option<Bytes> {
        let (state, now) = self.swept();
        state.live(key, now).map(|entry| entry.value.clone())
    }

    /// See [`crate::store::Store::put`].
    pub fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        let (mut state, now) = self.swept();
        state.remove(key);
        self.insert(&mut state, key, value, (now, ttl));
    }

    /// See [`crate::store::Store::put_if_absent`].
    pub fn put_if_absent(&self, key: &str, value: Bytes, ttl: Duration) -> bool {
        let (mut state, now) = self.swept();
        if state.live(key, now).is_some() {
            return false;
        }
        state.remove(key);
        self.insert(&mut state, key, value, (now, ttl));
        true
    }

    /// See [`crate::store::Store::take`].
    pub fn take(&self, key: &str) -> Option<Bytes> {
        let (mut state, now) = self.swept();
        state.remove(key).filter(|entry| entry.expiry.at > now).map(|entry| entry.value)
    }

    /// See [`crate::store::Store::delete_if`].
    pub fn delete_if(&self, key: &str, value: &[u8]) -> bool {
        let (mut state, now) = self.swept();
        let same = state.live(key, now).is_some_and(|entry| entry.value == value);
        same && state.remove(key).is_some()
    }

    /// See [`crate::store::Store::delete_prefix`].
    pub fn delete_prefix(&self, prefix: &str) -> Vec<Removed> {
        let (mut state, now) = self.swept();
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let keys: Vec<Arc<str>> = state
            .entries
            .range::<str, _>(from)
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, _)| Arc::clone(key))
            .collect();
        keys.iter()
            .filter_map(|key| {
                let entry = state.remove(key).filter(|entry| entry.expiry.at > now)?;
                Some(Removed { key: key.to_string(), value: entry.value })
            })
            .collect()
    }

    /// See [`crate::store::Store::stats`].
    pub fn stats(&self) -> StoreStats {
        let (state, _) = self.swept();
        StoreStats { entries: state.entries.len(), expired: state.expired, evicted: state.evicted }
    }

    /// The locked state after a bounded sweep, and the time of the operation.
    fn swept(&self) -> (MutexGuard<'_, State>, Duration) {
        // The maps are changed together without a panic in between, so a poisoned lock still guards a sound state.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.elapsed();
        state.sweep(now, self.listener.as_ref());
        (state, now)
    }

    fn insert(&self, state: &mut State, key: &str, value: Bytes, (now, ttl): (Duration, Duration)) {
        if ttl.is_zero() {
            return;
        }
        let listener = self.listener.as_ref();
        while state.entries.len() >= self.entries_max && state.evict_soonest(now, listener) {}
        state.sequence += 1;
        let expiry = Expiry { at: now.saturating_add(ttl), sequence: state.sequence };
        let key: Arc<str> = Arc::from(key);
        state.by_expiry.insert(expiry, Arc::clone(&key));
        state.entries.insert(key, Entry { value, expiry });
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl State {
    fn live(&self, key: &str, now: Duration) -> Option<&Entry> {
        self.entries.get(key).filter(|entry| entry.expiry.at > now)
    }

    fn remove(&mut self, key: &str) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.by_expiry.remove(&entry.expiry);
        Some(entry)
    }

    fn sweep(&mut self, now: Duration, listener: Option<&RemovalListener>) {
        for _ in 0..SWEEP_ENTRIES_MAX {
            match self.by_expiry.first_key_value() {
                Some((expiry, _)) if expiry.at <= now => self.evict_soonest(now, listener),
                Some(_) | None => return,
            };
        }
    }

    /// Removes the entry that ends first; says whether there was one.
    fn evict_soonest(&mut self, now: Duration, listener: Option<&RemovalListener>) -> bool {
        let Some((expiry, key)) = self.by_expiry.pop_first() else { return false };
        let removed = self.entries.remove(&key);
        let why = if let Some(over) = now.checked_sub(expiry.at) {
            self.expired += 1;
            Removal::Expired(over)
        } else {
            self.evicted += 1;
            Removal::Evicted
        };
        if let (Some(listener), Some(entry)) = (listener, removed) {
            listener(&key, &entry.value, why);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::{MemoryStore, Removal, SWEEP_ENTRIES_MAX};
    use crate::clock::{Clock, ManualClock};
    use crate::store::StoreStats;

    fn store(entries_max: usize) -> (MemoryStore, ManualClock) {
        let (clock, hand) = Clock::manual(Duration::from_secs(1));
        (MemoryStore::new(entries_max, clock), hand)
    }

    fn put(store: &MemoryStore, key: &str, ttl_s: u64) {
        store.put(key, Bytes::from_static(b"v"), Duration::from_secs(ttl_s));
    }

    #[test]
    fn full_store_evicts_what_expires_soonest_and_counts_it() {
        let (store, _) = store(2);
        put(&store, "late", 30);
        put(&store, "soon", 10);
        put(&store, "new", 20);
        assert_eq!(store.get("soon"), None);
        assert!(store.get("late").is_some() && store.get("new").is_some());
        assert_eq!(store.stats(), StoreStats { entries: 2, expired: 0, evicted: 1 });
    }

    #[test]
    fn full_store_replaces_a_key_without_evicting() {
        let (store, _) = store(2);
        put(&store, "a", 30);
        put(&store, "b", 10);
        put(&store, "a", 40);
        assert_eq!(store.stats(), StoreStats { entries: 2, expired: 0, evicted: 0 });
    }

    #[test]
    fn full_store_prefers_expired_entries_and_does_not_count_them_as_evicted() {
        let (store, hand) = store(2);
        put(&store, "a", 10);
        put(&store, "b", 30);
        hand.advance(Duration::from_secs(11));
        put(&store, "c", 5);
        assert_eq!(store.stats(), StoreStats { entries: 2, expired: 1, evicted: 0 });
    }

    #[test]
    fn sweep_is_bounded_per_operation() {
        let (store, hand) = store(1_000);
        let count = SWEEP_ENTRIES_MAX + 6;
        for number in 0..count {
            put(&store, &format!("k{number}"), 10);
        }
        hand.advance(Duration::from_secs(10));
        assert_eq!(store.get("k0"), None);
        assert_eq!(store.stats(), StoreStats { entries: 0, expired: count as u64, evicted: 0 });
    }

    #[test]
    fn a_listener_hears_what_the_store_removes_by_itself() {
        let (heard, told) = std::sync::mpsc::channel();
        let (store, hand) = store(1);
        let store = store.with_listener(Box::new(move |key, value, why| {
            heard.send((key.to_owned(), value.to_vec(), why)).unwrap();
        }));
        put(&store, "evicted", 30);
        put(&store, "expired", 10);
        put(&store, "expired", 20);
        hand.advance(Duration::from_secs(25));
        put(&store, "taken", 30);
        assert!(store.take("taken").is_some());
        let expect = [
            ("evicted".to_owned(), b"v".to_vec(), Removal::Evicted),
            ("expired".to_owned(), b"v".to_vec(), Removal::Expired(Duration::from_secs(5))),
        ];
        assert_eq!(told.try_iter().collect::<Vec<_>>(), expect);
    }

    #[test]
    fn debug_shows_no_content() {
        let (store, _) = store(2);
        store.put("k3y", Bytes::from_static(b"s3cr3t"), Duration::from_secs(1));
        let printed = format!("{store:?}");
        assert!(!printed.contains("s3cr3t") && !printed.contains("k3y"), "{printed}");
    }

    #[test]
    fn replaced_entry_keeps_only_its_new_expiry() {
        let (store, hand) = store(4);
        put(&store, "a", 10);
        put(&store, "a", 60);
        hand.advance(Duration::from_secs(30));
        assert!(store.get("a").is_some());
        assert_eq!(store.stats().expired, 0);
    }
}
