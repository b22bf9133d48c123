//! One store for everything that has a time to live: bytes by key, each with an expiry.
//!
//! It knows nothing of what it stores; typed keys and values live with their owners (`session`). Every operation is
//! asynchronous and ends by itself: the memory back end never waits, a back end over the network has to put a
//! deadline on each operation. What a back end must do is the list in `tests/it/store.rs`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

pub mod memory;

pub use memory::{MemoryStore, Removal, RemovalListener};

/// Longest key, in bytes: a session id, a server name and a few words.
pub const KEY_BYTES_MAX: usize = 1_024;
/// Longest value, in bytes: session ids of servers are headers, which servers keep well below this.
pub const VALUE_BYTES_MAX: usize = 16 * 1_024;

/// A place for values with a time to live.
///
/// A put with a time to live of zero leaves the key absent, as if it had expired at once.
#[derive(Debug)]
pub enum Store {
    /// In this process; lost when it ends.
    Memory(MemoryStore),
}

/// Why an operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The key or the value is longer than the store takes.
    #[error(
        "entry of {key_bytes} key bytes and {value_bytes} value bytes is too large for the store"
    )]
    TooLarge {
        /// Length of the key in bytes; at most [`KEY_BYTES_MAX`] fits.
        key_bytes: usize,
        /// Length of the value in bytes; at most [`VALUE_BYTES_MAX`] fits.
        value_bytes: usize,
    },
}

impl StoreError {
    /// The value of `error.type`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "store_entry_too_large",
        }
    }
}

/// What a store holds and has let go of since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Entries held now, those included that have expired and were not swept yet.
    pub entries: usize,
    /// Entries removed because their time was over.
    pub expired: u64,
    /// Entries removed before their time because the store was full.
    pub evicted: u64,
}

/// A key and the value it had when it was removed. `Debug` shows no value.
#[derive(Clone, PartialEq, Eq)]
pub struct Removed {
    /// The whole key.
    pub key: String,
    /// Its last value.
    pub value: Bytes,
}

#[allow(clippy::unused_async, reason = "the memory back end answers at once; others will await")]
impl Store {
    /// Reads the value of `key`; `None` when there is none or its time is over.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.get(key)),
        }
    }

    /// Writes `value` for the time `ttl`, over whatever `key` had before.
    pub async fn put(&self, key: &str, value: Bytes, ttl: Duration) -> Result<(), StoreError> {
        check(key, &value)?;
        match self {
            Self::Memory(store) => store.put(key, value, ttl),
        }
        Ok(())
    }

    /// Writes `value` only when `key` has none; says whether it was written. Atomic.
    pub async fn put_if_absent(
        &self,
        key: &str,
        value: Bytes,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        check(key, &value)?;
        match self {
            Self::Memory(store) => Ok(store.put_if_absent(key, value, ttl)),
        }
    }

    /// Removes `key` and returns its value: of several takers exactly one gets it. Atomic.
    pub async fn take(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.take(key)),
        }
    }

    /// Removes `key`; says whether it had a value.
    pub async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.take(key).is_some()),
        }
    }

    /// Removes `key` only while its value is `value`; says whether it was removed. Atomic.
    pub async fn delete_if(&self, key: &str, value: &[u8]) -> Result<bool, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.delete_if(key, value)),
        }
    }

    /// Removes every key that starts with `prefix` and returns what was removed, in the order of the keys.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<Vec<Removed>, StoreError> {
        match self {
            Self::Memory(store) => Ok(store.delete_prefix(prefix)),
        }
    }

    /// Counts for metrics and status pages.
    pub fn stats(&self) -> StoreStats {
        match self {
            Self::Memory(store) => store.stats(),
        }
    }
}

impl fmt::Debug for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Removed({:?}, {} bytes)", self.key, self.value.len())
    }
}

fn check(key: &str, value: &Bytes) -> Result<(), StoreError> {
    if key.len() <= KEY_BYTES_MAX && value.len() <= VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(StoreError::TooLarge { key_bytes: key.len(), value_bytes: value.len() })
}
