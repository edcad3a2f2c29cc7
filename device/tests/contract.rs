//! What every store of a device must do. The suite is generic, so that each of them runs it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use device::{Key, Op, PlatformError, Span, StorageError, Store, Table, Value, memory::MemoryStore};
use futures::executor::block_on;

/// Runs all of it, each part on a store that `open` makes.
async fn contract<S: Store>(open: impl AsyncFn() -> S) {
    what_was_put_is_read(&open().await).await;
    an_added_key_that_is_there_undoes_the_whole_transaction(&open().await).await;
    a_transaction_sees_its_own_deletions(&open().await).await;
    rows_are_listed_in_the_order_of_their_keys(&open().await).await;
    a_prefix_chooses_texts(&open().await).await;
    tables_do_not_share_keys(&open().await).await;
    what_cannot_be_read_is_skipped_or_counts_as_not_there(&open().await).await;
    clones_are_the_same_store(&open().await).await;
}

async fn what_was_put_is_read(store: &impl Store) {
    store.put(Table::Meta, "a", "one").await.unwrap();
    store.put(Table::Meta, "a", "two").await.unwrap();
    assert_eq!(store.row::<String>(Table::Meta, "a").await.unwrap().as_deref(), Some("two"));
    store.apply(&[Op::put_bytes(Table::Blobs, "b", vec![0, 255])]).await.unwrap();
    assert_eq!(store.bytes(Table::Blobs, "b").await.unwrap(), Some(vec![0, 255]));
    store.delete(Table::Meta, "a").await.unwrap();
    assert_eq!(store.get(Table::Meta, Key::from("a")).await.unwrap(), None);
    store.delete(Table::Meta, "a").await.unwrap();
    store.apply(&[]).await.unwrap();
}

async fn an_added_key_that_is_there_undoes_the_whole_transaction(store: &impl Store) {
    store.put(Table::Outbox, 2, "before").await.unwrap();
    let ops = [
        Op::put(Table::Meta, "head", "new").unwrap(),
        Op::add(Table::Outbox, 1, "new").unwrap(),
        Op::put(Table::Outbox, 2, "new").unwrap(),
        Op::add(Table::Outbox, 2, "new").unwrap(),
    ];
    let error = store.apply(&ops).await.unwrap_err();
    assert_eq!(error, PlatformError::Storage(StorageError::Exists));
    assert_eq!(store.get(Table::Meta, Key::from("head")).await.unwrap(), None);
    assert_eq!(store.keys(Table::Outbox, &Span::All).await.unwrap(), [Key::Number(2)]);
    assert_eq!(store.row::<String>(Table::Outbox, 2).await.unwrap().as_deref(), Some("before"));
}

async fn a_transaction_sees_its_own_deletions(store: &impl Store) {
    store.put(Table::Outbox, 1, "old").await.unwrap();
    store.apply(&[Op::delete(Table::Outbox, 1), Op::add(Table::Outbox, 1, "new").unwrap()]).await.unwrap();
    assert_eq!(store.row::<String>(Table::Outbox, 1).await.unwrap().as_deref(), Some("new"));
}

async fn rows_are_listed_in_the_order_of_their_keys(store: &impl Store) {
    for n in [10, 9, 100, 1] {
        store.put(Table::Outbox, n, &n).await.unwrap();
    }
    assert_eq!(store.readable_rows::<u64>(Table::Outbox).await.unwrap(), [1, 9, 10, 100]);
    assert_eq!(store.count(Table::Outbox).await.unwrap(), 4);
}

async fn a_prefix_chooses_texts(store: &impl Store) {
    for key in ["pulled:b", "pulled:a", "pull", "pulled;"] {
        store.put(Table::Meta, key, "").await.unwrap();
    }
    let keys = store.keys(Table::Meta, &Span::Prefix("pulled:".to_owned())).await.unwrap();
    assert_eq!(keys, [Key::from("pulled:a"), Key::from("pulled:b")]);
}

async fn tables_do_not_share_keys(store: &impl Store) {
    store.put(Table::Docs, "a", "doc").await.unwrap();
    store.put(Table::Drafts, "a", "draft").await.unwrap();
    store.delete(Table::Docs, "a").await.unwrap();
    assert_eq!(store.row::<String>(Table::Drafts, "a").await.unwrap().as_deref(), Some("draft"));
    assert_eq!(store.count(Table::Docs).await.unwrap(), 0);
}

async fn what_cannot_be_read_is_skipped_or_counts_as_not_there(store: &impl Store) {
    store.put(Table::Docs, "a", "a text").await.unwrap();
    store.put(Table::Docs, "b", &7).await.unwrap();
    store.apply(&[Op::put_bytes(Table::Docs, "c", vec![1])]).await.unwrap();
    assert_eq!(store.readable_rows::<u64>(Table::Docs).await.unwrap(), [7]);
    assert_eq!(store.readable::<u64>(Table::Docs, "a").await.unwrap(), None);
    for key in ["a", "c"] {
        let error = store.row::<u64>(Table::Docs, key).await.unwrap_err();
        assert!(matches!(error, PlatformError::Storage(StorageError::Unreadable { .. })));
    }
    assert_eq!(store.get(Table::Docs, Key::from("c")).await.unwrap(), Some(Value::Bytes(vec![1])));
}

async fn clones_are_the_same_store(store: &impl Store) {
    store.clone().put(Table::Meta, "a", &1).await.unwrap();
    assert_eq!(store.row::<u64>(Table::Meta, "a").await.unwrap(), Some(1));
}

#[test]
fn the_store_in_memory_keeps_the_contract() {
    block_on(contract(async || MemoryStore::default()));
}
