//! The database on the device: IndexedDB, one database per person, every write strictly durable.
//!
//! [`Db::apply`] is the one way to write: any number of puts, adds and deletes over any stores in one
//! transaction with `durability: "strict"`, which resolves only after the browser reports `complete`. What it
//! answered `Ok` to has reached the disk, so a screen may say "saved on this phone".
//!
//! Rows are JSON text: one copy over the border to JavaScript and `serde_json`, which the app has anyway, and
//! what lies in the outbox can be sent as it is by the service worker. Photos are byte arrays, never `Blob`s,
//! which WebKit has lost more than once.
//!
//! A connection can die at any time: iOS ends its storage process in the background, and another tab with a
//! newer version asks for the database. The next call opens it again, and a call that died with it is done
//! once more. Puts and deletes may safely happen twice. An [`Op::add`] whose `complete` was lost answers
//! [`StorageError::Exists`] the second time: read the row, and if it is your own, it was saved.
//!
//! This uses web-sys directly instead of `indexed_db_futures`, for three reasons that were read in its source
//! (0.6.4). A full disk mostly shows when the transaction commits, and then only `transaction.error` says so;
//! its `commit()` consumes the transaction and reports a bare abort. Several puts in one transaction need a
//! future and a channel each, where the transaction's own end is all that matters here. And it carries a
//! channel library and a second serialiser into a shell that is counted in kilobytes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures::future::{Either, select};
use js_sys::{Array, Uint8Array};
use serde::{Serialize, de::DeserializeOwned};
use shared::json;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use super::{PlatformError, StorageError, bridge, clock};

/// The layout's version: raise it when [`Store::ALL`] grows.
const VERSION: u32 = 1;
/// How long opening may take before it counts as blocked by another tab.
const OPEN_LIMIT_MS: u32 = 10_000;

/// The object stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// Documents as last pulled, by id.
    Docs,
    /// Commands not yet settled, by their number `n`.
    Outbox,
    /// What is known about each photo, by its id.
    Attachments,
    /// The bytes of photos and thumbnails.
    Blobs,
    /// What a person has begun and not yet sent.
    Drafts,
    /// Cursor, numbering and the like, by name.
    Meta,
    /// The device's key pair of this person.
    Keys,
}

impl Store {
    /// All of them, created when the database is.
    pub const ALL: [Self; 7] =
        [Self::Docs, Self::Outbox, Self::Attachments, Self::Blobs, Self::Drafts, Self::Meta, Self::Keys];

    /// The name inside the database, which must never change.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docs => "docs",
            Self::Outbox => "outbox",
            Self::Attachments => "attachments",
            Self::Blobs => "blobs",
            Self::Drafts => "drafts",
            Self::Meta => "meta",
            Self::Keys => "keys",
        }
    }
}

/// The key of a row. Numbers sort before texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A number below 2^53.
    Number(u64),
    /// A text; sorts by UTF-16 code units.
    Text(String),
}

impl Key {
    fn to_js(&self) -> JsValue {
        match self {
            Self::Number(number) => JsValue::from_f64(*number as f64),
            Self::Text(text) => JsValue::from_str(text),
        }
    }

    fn from_js(value: &JsValue) -> Option<Self> {
        match value.as_f64() {
            Some(number) => Some(Self::Number(number as u64)),
            None => value.as_string().map(Self::Text),
        }
    }
}

impl From<u64> for Key {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Which keys a read is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// Every key.
    All,
    /// Texts that begin so.
    Prefix(String),
}

impl Span {
    /// The key range, or `undefined` for all.
    fn to_js(&self) -> Result<JsValue, JsValue> {
        let range = match self {
            Self::All => return Ok(JsValue::UNDEFINED),
            Self::Prefix(prefix) => {
                let last = JsValue::from_str(&format!("{prefix}\u{ffff}"));
                IdbKeyRange::bound(&JsValue::from_str(prefix), &last)?
            }
        };
        Ok(range.into())
    }
}

/// One write inside [`Db::apply`].
#[derive(Debug, Clone)]
pub struct Op {
    store: Store,
    action: Action,
}

#[derive(Debug, Clone)]
enum Action {
    Put(Key, Value),
    Add(Key, Value),
    Delete(Key),
}

#[derive(Debug, Clone)]
enum Value {
    Json(String),
    Bytes(Vec<u8>),
    Js(JsValue),
}

impl Value {
    fn to_js(&self) -> JsValue {
        match self {
            Self::Json(text) => JsValue::from_str(text),
            Self::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
            Self::Js(value) => value.clone(),
        }
    }
}

impl Op {
    /// Writes a row, replacing the one with this key.
    pub fn put<T: Serialize + ?Sized>(
        store: Store,
        key: impl Into<Key>,
        row: &T,
    ) -> Result<Self, PlatformError> {
        Ok(Self { store, action: Action::Put(key.into(), json(row)?) })
    }

    /// Writes a row that must be new: if the key exists, the whole transaction fails with
    /// [`StorageError::Exists`]. Two tabs that number their commands cannot overwrite each other's.
    pub fn add<T: Serialize + ?Sized>(
        store: Store,
        key: impl Into<Key>,
        row: &T,
    ) -> Result<Self, PlatformError> {
        Ok(Self { store, action: Action::Add(key.into(), json(row)?) })
    }

    /// Writes raw bytes, replacing what has this key.
    #[must_use]
    pub fn put_bytes(store: Store, key: impl Into<Key>, bytes: Vec<u8>) -> Self {
        Self { store, action: Action::Put(key.into(), Value::Bytes(bytes)) }
    }

    /// Deletes what has this key, if anything has.
    #[must_use]
    pub fn delete(store: Store, key: impl Into<Key>) -> Self {
        Self { store, action: Action::Delete(key.into()) }
    }

    /// Adds a value that only JavaScript can hold, such as a key pair.
    pub(super) fn add_js(store: Store, key: impl Into<Key>, value: JsValue) -> Self {
        Self { store, action: Action::Add(key.into(), Value::Js(value)) }
    }
}

fn json<T: Serialize + ?Sized>(row: &T) -> Result<Value, PlatformError> {
    serde_json::to_string(row).map(Value::Json).map_err(|error| PlatformError::Json(error.to_string()))
}

/// A person's database. Clones share one connection.
#[derive(Debug, Clone)]
pub struct Db {
    name: Rc<str>,
    connection: Rc<RefCell<Option<Rc<Connection>>>>,
}

impl Db {
    /// Opens the database of this name, and creates it where it is missing.
    pub async fn open(name: &str) -> Result<Self, PlatformError> {
        let db = Self { name: name.into(), connection: Rc::default() };
        db.with_connection(async |_| Ok(())).await?;
        Ok(db)
    }

    /// Writes all of it or nothing, and returns when it has reached the disk.
    pub async fn apply(&self, ops: impl AsRef<[Op]>) -> Result<(), PlatformError> {
        let ops = ops.as_ref();
        if ops.is_empty() {
            return Ok(());
        }
        self.with_connection(async |database| write(database, ops).await).await
    }

    /// Writes one row; see [`Op::put`].
    pub async fn put<T: Serialize + ?Sized>(
        &self,
        store: Store,
        key: impl Into<Key>,
        row: &T,
    ) -> Result<(), PlatformError> {
        self.apply(vec![Op::put(store, key, row)?]).await
    }

    /// Deletes one row; see [`Op::delete`].
    pub async fn delete(&self, store: Store, key: impl Into<Key>) -> Result<(), PlatformError> {
        self.apply(vec![Op::delete(store, key)]).await
    }

    /// One row, or `None`.
    pub async fn get<T: DeserializeOwned>(
        &self,
        store: Store,
        key: impl Into<Key>,
    ) -> Result<Option<T>, PlatformError> {
        let value = self.get_js(store, key).await?;
        if value.is_undefined() { Ok(None) } else { parse(store, &value).map(Some) }
    }

    /// All rows of a store that can be read, in the order of their keys: for what can be had again.
    pub async fn get_readable<T: DeserializeOwned>(&self, store: Store) -> Result<Vec<T>, PlatformError> {
        let rows = self.request(store, |objects| objects.get_all()).await?;
        Ok(Array::from(&rows).iter().filter_map(|row| parse(store, &row).ok()).collect())
    }

    /// The keys of a store, in order.
    pub async fn keys(&self, store: Store, span: &Span) -> Result<Vec<Key>, PlatformError> {
        let keys = self.request(store, |objects| objects.get_all_keys_with_key(&span.to_js()?)).await?;
        Ok(Array::from(&keys).iter().filter_map(|key| Key::from_js(&key)).collect())
    }

    /// How many rows a store has.
    pub async fn count(&self, store: Store) -> Result<u64, PlatformError> {
        let count = self.request(store, IdbObjectStore::count).await?;
        Ok(count.as_f64().unwrap_or_default() as u64)
    }

    /// The bytes with this key, or `None`.
    pub async fn get_bytes(
        &self,
        store: Store,
        key: impl Into<Key>,
    ) -> Result<Option<Vec<u8>>, PlatformError> {
        let value = self.get_js(store, key).await?;
        if value.is_undefined() {
            return Ok(None);
        }
        let bytes: Uint8Array = value.dyn_into().map_err(|_| unreadable(store, "not bytes"))?;
        Ok(Some(bytes.to_vec()))
    }

    /// The value as JavaScript has it; `undefined` if there is none.
    pub(super) async fn get_js(&self, store: Store, key: impl Into<Key>) -> Result<JsValue, PlatformError> {
        let key = key.into().to_js();
        self.request(store, |objects| objects.get(&key)).await
    }

    /// Runs one reading request and waits for its result.
    async fn request(
        &self,
        store: Store,
        ask: impl Fn(&IdbObjectStore) -> Result<IdbRequest, JsValue>,
    ) -> Result<JsValue, PlatformError> {
        self.with_connection(async |database| {
            let request = database
                .transaction_with_str(store.name())
                .and_then(|transaction| transaction.object_store(store.name()))
                .and_then(|objects| ask(&objects))
                .map_err(|thrown| StorageError::from_thrown(&thrown))?;
            settled(&request).await
        })
        .await
    }

    /// Runs something on the open connection, and once more on a fresh one if the connection was lost.
    async fn with_connection<T>(
        &self,
        run: impl AsyncFn(&IdbDatabase) -> Result<T, StorageError>,
    ) -> Result<T, PlatformError> {
        match self.attempt(&run).await {
            Err(PlatformError::Storage(StorageError::Lost(_))) => self.attempt(&run).await,
            result => result,
        }
    }

    async fn attempt<T>(
        &self,
        run: &impl AsyncFn(&IdbDatabase) -> Result<T, StorageError>,
    ) -> Result<T, PlatformError> {
        let connection = self.connection().await?;
        let result = run(&connection.database).await;
        if matches!(result, Err(StorageError::Lost(_))) {
            connection.lost.set(true);
        }
        Ok(result?)
    }

    async fn connection(&self) -> Result<Rc<Connection>, PlatformError> {
        let current = self.connection.borrow().clone();
        if let Some(connection) = current.filter(|connection| !connection.lost.get()) {
            return Ok(connection);
        }
        // Two tasks may open at the same time. The later one stays, the other closes after its last use.
        let connection = Rc::new(Connection::open(&self.name).await?);
        *self.connection.borrow_mut() = Some(Rc::clone(&connection));
        Ok(connection)
    }
}

/// An open connection, closed when the last call that uses it is over.
#[derive(Debug)]
struct Connection {
    database: IdbDatabase,
    /// The browser closed it, or a newer version asked for the database.
    lost: Rc<Cell<bool>>,
    /// Sets `lost`; lives as long as the connection may call it.
    _on_end: Closure<dyn FnMut()>,
}

impl Connection {
    async fn open(name: &str) -> Result<Self, PlatformError> {
        let factory = bridge::window()?
            .indexed_db()
            .map_err(|thrown| StorageError::from_thrown(&thrown))?
            .ok_or(PlatformError::Unsupported("IndexedDB"))?;
        let request =
            factory.open_with_u32(name, VERSION).map_err(|thrown| StorageError::from_thrown(&thrown))?;
        // Handed to JavaScript for good: without it a late upgrade would leave a database without stores.
        let upgrade = {
            let request = request.clone();
            Closure::once_into_js(move || create_stores(&request))
        };
        request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));

        let database = {
            let opened = std::pin::pin!(settled(&request));
            let limit = std::pin::pin!(clock::sleep(OPEN_LIMIT_MS));
            match select(opened, limit).await {
                Either::Left((result, _)) => result?.unchecked_into::<IdbDatabase>(),
                Either::Right(_) => {
                    // If it opens after all, nobody uses it, and it must not stand in another tab's way.
                    let late = request.clone();
                    let close = Closure::once_into_js(move || {
                        if let Ok(database) = late.result() {
                            database.unchecked_into::<IdbDatabase>().close();
                        }
                    });
                    request.set_onsuccess(Some(close.unchecked_ref()));
                    return Err(StorageError::Blocked.into());
                }
            }
        };

        let lost = Rc::new(Cell::new(false));
        let on_end = {
            let (lost, database) = (Rc::clone(&lost), database.clone());
            Closure::<dyn FnMut()>::new(move || {
                lost.set(true);
                database.close();
            })
        };
        database.set_onclose(Some(on_end.as_ref().unchecked_ref()));
        database.set_onversionchange(Some(on_end.as_ref().unchecked_ref()));
        Ok(Self { database, lost, _on_end: on_end })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.database.set_onclose(None);
        self.database.set_onversionchange(None);
        self.database.close();
    }
}

/// Adds the stores that an older layout lacks. An error here aborts the upgrade, so opening reports it.
fn create_stores(request: &IdbOpenDbRequest) {
    let Ok(database) = request.result().map(JsCast::unchecked_into::<IdbDatabase>) else { return };
    let present = database.object_store_names();
    for store in Store::ALL {
        if !present.contains(store.name()) && database.create_object_store(store.name()).is_err() {
            if let Some(transaction) = request.transaction() {
                // It fails only if the transaction has ended already, which is what is wanted.
                let _ = transaction.abort();
            }
            return;
        }
    }
}

/// Waits for a request.
async fn settled(request: &IdbRequest) -> Result<JsValue, StorageError> {
    let end = bridge::promise(|resolve, reject| {
        request.set_onsuccess(Some(resolve));
        request.set_onerror(Some(reject));
    });
    let result = match JsFuture::from(end).await {
        Ok(_) => request.result(),
        Err(_) => Err(request.error().ok().flatten().into()),
    };
    result.map_err(|thrown| StorageError::from_thrown(&thrown))
}

/// One strict transaction.
async fn write(database: &IdbDatabase, ops: &[Op]) -> Result<(), StorageError> {
    let transaction = begin_strict(database, ops).map_err(|thrown| StorageError::from_thrown(&thrown))?;
    for op in ops {
        if let Err(thrown) = issue(&transaction, op) {
            // What was issued before must not be kept; aborting an ended transaction changes nothing.
            let _ = transaction.abort();
            return Err(StorageError::from_thrown(&thrown));
        }
    }
    let end = bridge::promise(|resolve, reject| {
        transaction.set_oncomplete(Some(resolve));
        transaction.set_onabort(Some(reject));
    });
    match JsFuture::from(end).await {
        Ok(_) => Ok(()),
        Err(_) => Err(match transaction.error() {
            Some(error) => StorageError::from_thrown(&error),
            None => StorageError::Lost("the browser aborted the transaction".to_owned()),
        }),
    }
}

/// web-sys has the third argument of `transaction()` only behind a compiler flag.
fn begin_strict(database: &IdbDatabase, ops: &[Op]) -> Result<IdbTransaction, JsValue> {
    let stores: Array = Store::ALL
        .into_iter()
        .filter(|store| ops.iter().any(|op| op.store == *store))
        .map(|store| JsValue::from_str(store.name()))
        .collect();
    let options = bridge::object(&[("durability", "strict".into())]);
    bridge::call(database, "transaction", &[&stores, &"readwrite".into(), &options])
        .map(JsCast::unchecked_into)
}

fn issue(transaction: &IdbTransaction, op: &Op) -> Result<IdbRequest, JsValue> {
    let objects = transaction.object_store(op.store.name())?;
    match &op.action {
        Action::Put(key, value) => objects.put_with_key(&value.to_js(), &key.to_js()),
        Action::Add(key, value) => objects.add_with_key(&value.to_js(), &key.to_js()),
        Action::Delete(key) => objects.delete(&key.to_js()),
    }
}

fn parse<T: DeserializeOwned>(store: Store, value: &JsValue) -> Result<T, PlatformError> {
    let text = value.as_string().ok_or_else(|| unreadable(store, "not text"))?;
    json::read(&text).map_err(|error| unreadable(store, &error.to_string()))
}

fn unreadable(store: Store, detail: &str) -> PlatformError {
    StorageError::Unreadable { store: store.name(), detail: detail.to_owned() }.into()
}
