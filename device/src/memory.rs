//! A machine's memory in place of a browser: for tests, and for many devices in one process.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use p256::ecdsa::{Signature, SigningKey as EcdsaKey, signature::Signer};

use crate::{
    PlatformError, StorageError,
    platform::SigningKey,
    store::{Action, Key, Op, Span, Store, Table, Value},
};

type Rows = BTreeMap<(Table, Key), Value>;

/// A database that is gone with its last handle.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    rows: Rc<RefCell<Rows>>,
    capacity: Rc<Cell<Option<usize>>>,
}

/// The rows of one table, without a look at the others: those may be many.
fn of(rows: &Rows, table: Table) -> impl Iterator<Item = (&Key, &Value)> {
    let from = rows.range((table, Key::Number(0))..);
    from.take_while(move |((of, _), _)| *of == table).map(|((_, key), value)| (key, value))
}

impl MemoryStore {
    /// How many bytes its rows hold.
    pub fn bytes_held(&self) -> usize {
        self.rows.borrow().values().map(size).sum()
    }

    /// Whatever does not fit into so many bytes is refused from now on.
    pub fn limit(&self, bytes: usize) {
        self.capacity.set(Some(bytes));
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Json(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
    }
}

impl Store for MemoryStore {
    async fn apply(&self, ops: &[Op]) -> Result<(), PlatformError> {
        let added = |op: &Op| match &op.action {
            Action::Put(value) | Action::Add(value) => size(value),
            Action::Delete => 0,
        };
        let more: usize = ops.iter().map(added).sum();
        if more > 0 && self.capacity.get().is_some_and(|capacity| self.bytes_held() + more > capacity) {
            return Err(StorageError::Full.into());
        }
        let mut rows = self.rows.borrow_mut();
        // Rows that the transaction itself adds or deletes count for those after them.
        let mut before: Vec<((Table, Key), Option<Value>)> = Vec::new();
        for op in ops {
            let place = (op.table, op.key.clone());
            let was = match &op.action {
                Action::Add(_) if rows.contains_key(&place) => {
                    for (place, was) in before.into_iter().rev() {
                        match was {
                            Some(value) => drop(rows.insert(place, value)),
                            None => drop(rows.remove(&place)),
                        }
                    }
                    return Err(StorageError::Exists.into());
                }
                Action::Put(value) | Action::Add(value) => rows.insert(place.clone(), value.clone()),
                Action::Delete => rows.remove(&place),
            };
            before.push((place, was));
        }
        Ok(())
    }

    async fn get(&self, table: Table, key: Key) -> Result<Option<Value>, PlatformError> {
        Ok(self.rows.borrow().get(&(table, key)).cloned())
    }

    async fn all(&self, table: Table) -> Result<Vec<Value>, PlatformError> {
        Ok(of(&self.rows.borrow(), table).map(|(_, value)| value.clone()).collect())
    }

    async fn keys(&self, table: Table, span: &Span) -> Result<Vec<Key>, PlatformError> {
        let within = |key: &Key| match (span, key) {
            (Span::All, _) => true,
            (Span::Prefix(prefix), Key::Text(text)) => text.starts_with(prefix),
            (Span::Prefix(_), Key::Number(_)) => false,
        };
        Ok(of(&self.rows.borrow(), table).map(|(key, _)| key).filter(|key| within(key)).cloned().collect())
    }

    async fn count(&self, table: Table) -> Result<u64, PlatformError> {
        Ok(of(&self.rows.borrow(), table).count() as u64)
    }
}

/// Where the key lies in its table.
const SLOT: &str = "device";

/// A key in memory.
#[derive(Debug, Clone)]
pub struct MemoryKey(EcdsaKey);

impl MemoryKey {
    /// The key of this database; where there is none, one is made of these random bytes and stored.
    ///
    /// # Errors
    /// Of storage; or of random bytes that are no key, which one in 2³² are.
    pub async fn load_or_create(store: &impl Store, random: [u8; 32]) -> Result<Self, PlatformError> {
        let secret = match store.bytes(Table::Keys, SLOT).await? {
            Some(secret) => secret,
            None => {
                store.apply(&[Op::put_bytes(Table::Keys, SLOT, random.to_vec())]).await?;
                random.to_vec()
            }
        };
        EcdsaKey::from_slice(&secret).map(MemoryKey).map_err(|error| PlatformError::Crypto(error.to_string()))
    }
}

impl SigningKey for MemoryKey {
    async fn sign(&self, bytes: &[u8]) -> Result<[u8; 64], PlatformError> {
        let signature: Signature = self.0.sign(bytes);
        Ok(signature.to_bytes().into())
    }

    async fn public_point(&self) -> Result<[u8; 65], PlatformError> {
        let point = self.0.verifying_key().to_sec1_point(false);
        point.as_bytes().try_into().map_err(|_| PlatformError::Crypto("no uncompressed point".to_owned()))
    }
}
