//! What every back end of the store must do: one list of tests, run on each of them.
//!
//! A new back end is one more entry of [`backends`].

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use mcp_gateway_dataplane::clock::Clock;
use mcp_gateway_dataplane::store::{
    KEY_BYTES_MAX, MemoryStore, Removed, Store, StoreError, VALUE_BYTES_MAX,
};

const TTL: Duration = Duration::from_secs(60);

/// A back end under test and a way to let its time pass.
struct Backend {
    name: &'static str,
    store: Store,
    pass: Box<dyn Fn(Duration)>,
}

/// A fresh, empty store of each kind.
fn backends() -> Vec<Backend> {
    let (clock, hand) = Clock::manual(Duration::from_secs(1_700_000_000));
    vec![Backend {
        name: "memory",
        store: Store::Memory(MemoryStore::new(1_000, clock)),
        pass: Box::new(move |step| hand.advance(step)),
    }]
}

type Case = for<'a> fn(&'a Backend) -> Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

async fn on_every_backend(case: Case) {
    for backend in backends() {
        if let Err(error) = case(&backend).await {
            panic!("{}: {error}", backend.name);
        }
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

#[tokio::test]
async fn invariant_8_value_is_read_back_until_its_time_is_over() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            assert_eq!(store.get("k").await?, None, "{name}");
            store.put("k", bytes("v"), TTL).await?;
            pass(Duration::from_millis(59_999));
            assert_eq!(store.get("k").await?, Some(bytes("v")), "{name}");
            pass(Duration::from_millis(1));
            assert_eq!(store.get("k").await?, None, "{name}");
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn put_replaces_value_and_time_to_live() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            store.put("k", bytes("old"), TTL).await?;
            store.put("k", bytes("new"), TTL * 2).await?;
            pass(TTL);
            assert_eq!(store.get("k").await?, Some(bytes("new")), "{name}");
            store.put("k", bytes("gone"), Duration::ZERO).await?;
            assert_eq!(store.get("k").await?, None, "{name}");
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn put_if_absent_writes_once_and_again_after_expiry() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            assert!(store.put_if_absent("k", bytes("first"), TTL).await?, "{name}");
            assert!(!store.put_if_absent("k", bytes("second"), TTL).await?, "{name}");
            assert_eq!(store.get("k").await?, Some(bytes("first")), "{name}");
            pass(TTL);
            assert!(store.put_if_absent("k", bytes("third"), TTL).await?, "{name}");
            assert_eq!(store.get("k").await?, Some(bytes("third")), "{name}");
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn take_returns_the_value_once() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            store.put("k", bytes("v"), TTL).await?;
            assert_eq!(store.take("k").await?, Some(bytes("v")), "{name}");
            assert_eq!(store.take("k").await?, None, "{name}");
            store.put("k", bytes("v"), TTL).await?;
            pass(TTL);
            assert_eq!(store.take("k").await?, None, "{name}: expired");
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn delete_says_whether_there_was_a_value() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            store.put("k", bytes("v"), TTL).await?;
            assert!(store.delete("k").await?, "{name}");
            assert!(!store.delete("k").await?, "{name}");
            store.put("k", bytes("v"), TTL).await?;
            pass(TTL);
            assert!(!store.delete("k").await?, "{name}: expired");
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn delete_if_removes_only_the_value_it_was_given() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            store.put("k", bytes("new"), TTL).await?;
            assert!(!store.delete_if("k", b"old").await?, "{name}");
            assert_eq!(store.get("k").await?, Some(bytes("new")), "{name}");
            assert!(store.delete_if("k", b"new").await?, "{name}");
            assert_eq!(store.get("k").await?, None, "{name}");
            store.put("k", bytes("v"), TTL).await?;
            pass(TTL);
            assert!(!store.delete_if("k", b"v").await?, "{name}: expired");
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn delete_prefix_removes_and_lists_exactly_the_keys_below_it() {
    on_every_backend(|Backend { name, store, pass }| {
        Box::pin(async move {
            store.put("s/1/old", bytes("x"), TTL / 2).await?;
            pass(TTL / 2);
            for key in ["s/1/b", "s/1/a", "s/10/a", "s/1", "s/2/a"] {
                store.put(key, bytes(key), TTL).await?;
            }
            let expect: Vec<Removed> = ["s/1/a", "s/1/b"]
                .map(|key| Removed { key: key.to_owned(), value: bytes(key) })
                .into();
            assert_eq!(store.delete_prefix("s/1/").await?, expect, "{name}");
            assert_eq!(store.delete_prefix("s/1/").await?, Vec::new(), "{name}");
            for key in ["s/10/a", "s/1", "s/2/a"] {
                assert!(store.get(key).await?.is_some(), "{name}: {key}");
            }
            Ok(())
        })
    })
    .await;
}

#[tokio::test]
async fn too_large_entries_are_refused() {
    on_every_backend(|Backend { name, store, .. }| {
        Box::pin(async move {
            let rows = [
                (KEY_BYTES_MAX, VALUE_BYTES_MAX, true),
                (KEY_BYTES_MAX + 1, 0, false),
                (1, VALUE_BYTES_MAX + 1, false),
            ];
            for (key_bytes, value_bytes, expect) in rows {
                let key = "k".repeat(key_bytes);
                let value = Bytes::from(vec![b'v'; value_bytes]);
                let put = store.put(&key, value.clone(), TTL).await;
                assert_eq!(put.is_ok(), expect, "{name}: put {key_bytes}/{value_bytes}");
                store.delete(&key).await?;
                let put = store.put_if_absent(&key, value, TTL).await;
                assert_eq!(put.is_ok(), expect, "{name}: if absent {key_bytes}/{value_bytes}");
                if let Err(error) = put {
                    assert_eq!(error.reason(), "store_entry_too_large");
                }
            }
            Ok(())
        })
    })
    .await;
}
