//! The database on the device: IndexedDB, one database per person, every write strictly durable.
//!
//! [`Store::apply`] is the one way to write, here any number of puts, adds and deletes over any object stores in one
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

use ::device::{Action, Key, Op, Span, Store, Table, Value};
use futures::future::{Either, select};
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest, IdbTransaction};

use super::{PlatformError, StorageError, bridge, clock, error::from_thrown};

/// The layout's version: raise it when [`Table::ALL`] grows.
const VERSION: u32 = 1;
/// How long opening may take before it counts as blocked by another tab.
const OPEN_LIMIT_MS: u32 = 10_000;

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

    /// The value as JavaScript has it; `undefined` if there is none.
    pub(super) async fn get_js(&self, table: Table, key: &Key) -> Result<JsValue, PlatformError> {
        let key = key_to_js(key);
        self.request(table, |objects| objects.get(&key)).await
    }

    /// Adds a value that only JavaScript can hold, such as a key pair; [`StorageError::Exists`] if the key is taken.
    pub(super) async fn add_js(&self, table: Table, key: &Key, value: &JsValue) -> Result<(), PlatformError> {
        let key = key_to_js(key);
        self.with_connection(async |database| {
            write(database, &[table], |transaction| {
                transaction.object_store(table.name())?.add_with_key(value, &key)?;
                Ok(())
            })
            .await
        })
        .await
    }

    /// Runs one reading request and waits for its result.
    async fn request(
        &self,
        table: Table,
        ask: impl Fn(&IdbObjectStore) -> Result<IdbRequest, JsValue>,
    ) -> Result<JsValue, PlatformError> {
        self.with_connection(async |database| {
            let request = database
                .transaction_with_str(table.name())
                .and_then(|transaction| transaction.object_store(table.name()))
                .and_then(|objects| ask(&objects))
                .map_err(|thrown| from_thrown(&thrown))?;
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
            .map_err(|thrown| from_thrown(&thrown))?
            .ok_or(PlatformError::Unsupported("IndexedDB"))?;
        let request = factory.open_with_u32(name, VERSION).map_err(|thrown| from_thrown(&thrown))?;
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
    for table in Table::ALL {
        if !present.contains(table.name()) && database.create_object_store(table.name()).is_err() {
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
    result.map_err(|thrown| from_thrown(&thrown))
}

/// One strict transaction.
async fn write(
    database: &IdbDatabase,
    tables: &[Table],
    issue: impl FnOnce(&IdbTransaction) -> Result<(), JsValue>,
) -> Result<(), StorageError> {
    let transaction = begin_strict(database, tables).map_err(|thrown| from_thrown(&thrown))?;
    if let Err(thrown) = issue(&transaction) {
        // What was issued before must not be kept; aborting an ended transaction changes nothing.
        let _ = transaction.abort();
        return Err(from_thrown(&thrown));
    }
    let end = bridge::promise(|resolve, reject| {
        transaction.set_oncomplete(Some(resolve));
        transaction.set_onabort(Some(reject));
    });
    match JsFuture::from(end).await {
        Ok(_) => Ok(()),
        Err(_) => Err(match transaction.error() {
            Some(error) => from_thrown(&error),
            None => StorageError::Lost("the browser aborted the transaction".to_owned()),
        }),
    }
}

/// web-sys has the third argument of `transaction()` only behind a compiler flag.
fn begin_strict(database: &IdbDatabase, tables: &[Table]) -> Result<IdbTransaction, JsValue> {
    let names: Array = tables.iter().map(|table| JsValue::from_str(table.name())).collect();
    let options = bridge::object(&[("durability", "strict".into())]);
    bridge::call(database, "transaction", &[&names, &"readwrite".into(), &options])
        .map(JsCast::unchecked_into)
}

fn issue(transaction: &IdbTransaction, op: &Op) -> Result<IdbRequest, JsValue> {
    let objects = transaction.object_store(op.table.name())?;
    let key = key_to_js(&op.key);
    match &op.action {
        Action::Put(value) => objects.put_with_key(&value_to_js(value), &key),
        Action::Add(value) => objects.add_with_key(&value_to_js(value), &key),
        Action::Delete => objects.delete(&key),
    }
}

impl Store for Db {
    async fn apply(&self, ops: &[Op]) -> Result<(), PlatformError> {
        if ops.is_empty() {
            return Ok(());
        }
        let mut tables = Table::ALL.to_vec();
        tables.retain(|table| ops.iter().any(|op| op.table == *table));
        self.with_connection(async |database| {
            write(database, &tables, |transaction| {
                ops.iter().try_for_each(|op| issue(transaction, op).map(drop))
            })
            .await
        })
        .await
    }

    async fn get(&self, table: Table, key: Key) -> Result<Option<Value>, PlatformError> {
        let value = self.get_js(table, &key).await?;
        if value.is_undefined() { Ok(None) } else { value_from_js(table, &value).map(Some) }
    }

    async fn all(&self, table: Table) -> Result<Vec<Value>, PlatformError> {
        let rows = self.request(table, |objects| objects.get_all()).await?;
        Array::from(&rows).iter().map(|row| value_from_js(table, &row)).collect()
    }

    async fn keys(&self, table: Table, span: &Span) -> Result<Vec<Key>, PlatformError> {
        let keys = self.request(table, |objects| objects.get_all_keys_with_key(&span_to_js(span)?)).await?;
        Ok(Array::from(&keys).iter().filter_map(|key| key_from_js(&key)).collect())
    }

    async fn count(&self, table: Table) -> Result<u64, PlatformError> {
        let count = self.request(table, IdbObjectStore::count).await?;
        Ok(count.as_f64().unwrap_or_default() as u64)
    }
}

fn key_to_js(key: &Key) -> JsValue {
    match key {
        Key::Number(number) => JsValue::from_f64(*number as f64),
        Key::Text(text) => JsValue::from_str(text),
    }
}

fn key_from_js(value: &JsValue) -> Option<Key> {
    match value.as_f64() {
        Some(number) => Some(Key::Number(number as u64)),
        None => value.as_string().map(Key::Text),
    }
}

/// The key range, or `undefined` for all.
fn span_to_js(span: &Span) -> Result<JsValue, JsValue> {
    let range = match span {
        Span::All => return Ok(JsValue::UNDEFINED),
        Span::Prefix(prefix) => {
            let last = JsValue::from_str(&format!("{prefix}\u{ffff}"));
            IdbKeyRange::bound(&JsValue::from_str(prefix), &last)?
        }
    };
    Ok(range.into())
}

fn value_to_js(value: &Value) -> JsValue {
    match value {
        Value::Json(text) => JsValue::from_str(text),
        Value::Bytes(bytes) => Uint8Array::from(bytes.as_slice()).into(),
    }
}

fn value_from_js(table: Table, value: &JsValue) -> Result<Value, PlatformError> {
    if let Some(text) = value.as_string() {
        return Ok(Value::Json(text));
    }
    match value.dyn_ref::<Uint8Array>() {
        Some(bytes) => Ok(Value::Bytes(bytes.to_vec())),
        None => {
            let detail = "neither text nor bytes".to_owned();
            Err(StorageError::Unreadable { store: table.name(), detail }.into())
        }
    }
}
