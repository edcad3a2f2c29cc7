//! A person's database: rows by key in a few tables, written in strict transactions.
//!
//! [`Store::apply`] is the one way to write: any number of puts, adds and deletes over any tables, all of them or none,
//! and what it answered `Ok` to has reached the disk, so a screen may say "saved on this phone".
//!
//! Rows are JSON text: what lies in the outbox can be sent as it is. Photos are byte arrays.

use std::fmt::Debug;

use serde::{Serialize, de::DeserializeOwned};
use shared::json;

use crate::{PlatformError, StorageError};

/// What a database has rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
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

impl Table {
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
    /// A whole number below 2^53.
    Number(u64),
    /// A text; sorts by UTF-16 code units.
    Text(String),
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

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// JSON text.
    Json(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One write inside [`Store::apply`].
#[derive(Debug, Clone)]
pub struct Op {
    /// Where.
    pub table: Table,
    /// Which row.
    pub key: Key,
    /// What.
    pub action: Action,
}

/// What is done to a row.
#[derive(Debug, Clone)]
pub enum Action {
    /// Writes it, replacing the one with this key.
    Put(Value),
    /// Writes it, which must be new.
    Add(Value),
    /// Deletes it, if it is there.
    Delete,
}

impl Op {
    /// Writes a row, replacing the one with this key.
    ///
    /// # Errors
    /// If the row cannot be JSON, a mistake of the program.
    pub fn put<T: Serialize + ?Sized>(
        table: Table,
        key: impl Into<Key>,
        row: &T,
    ) -> Result<Self, PlatformError> {
        Ok(Self { table, key: key.into(), action: Action::Put(json(row)?) })
    }

    /// Writes a row that must be new: if the key exists, the whole transaction fails with [`StorageError::Exists`]. Two
    /// tabs that number their commands cannot overwrite each other's.
    ///
    /// # Errors
    /// If the row cannot be JSON, a mistake of the program.
    pub fn add<T: Serialize + ?Sized>(
        table: Table,
        key: impl Into<Key>,
        row: &T,
    ) -> Result<Self, PlatformError> {
        Ok(Self { table, key: key.into(), action: Action::Add(json(row)?) })
    }

    /// Writes raw bytes, replacing what has this key.
    #[must_use]
    pub fn put_bytes(table: Table, key: impl Into<Key>, bytes: Vec<u8>) -> Self {
        Self { table, key: key.into(), action: Action::Put(Value::Bytes(bytes)) }
    }

    /// Deletes what has this key, if anything has.
    #[must_use]
    pub fn delete(table: Table, key: impl Into<Key>) -> Self {
        Self { table, key: key.into(), action: Action::Delete }
    }
}

fn json<T: Serialize + ?Sized>(row: &T) -> Result<Value, PlatformError> {
    serde_json::to_string(row).map(Value::Json).map_err(|error| PlatformError::Json(error.to_string()))
}

/// A person's database. Clones are handles of the same one.
///
/// What it does when an [`Op::add`] meets a key that is there, in which order it lists, and that nothing of a failed
/// transaction stays, is said by the suite in `device/tests/contract.rs`.
#[expect(async_fn_in_trait, reason = "a page has one thread")]
pub trait Store: Clone + Debug {
    /// Writes all of it or nothing, and returns when it has reached the disk.
    async fn apply(&self, ops: &[Op]) -> Result<(), PlatformError>;

    /// One row, or `None`.
    async fn get(&self, table: Table, key: Key) -> Result<Option<Value>, PlatformError>;

    /// All rows of a table, in the order of their keys.
    async fn all(&self, table: Table) -> Result<Vec<Value>, PlatformError>;

    /// The keys of a table, in order.
    async fn keys(&self, table: Table, span: &Span) -> Result<Vec<Key>, PlatformError>;

    /// How many rows a table has.
    async fn count(&self, table: Table) -> Result<u64, PlatformError>;

    /// Writes one row; see [`Op::put`].
    async fn put<T: Serialize + ?Sized>(
        &self,
        table: Table,
        key: impl Into<Key>,
        row: &T,
    ) -> Result<(), PlatformError> {
        self.apply(&[Op::put(table, key, row)?]).await
    }

    /// Deletes one row; see [`Op::delete`].
    async fn delete(&self, table: Table, key: impl Into<Key>) -> Result<(), PlatformError> {
        self.apply(&[Op::delete(table, key)]).await
    }

    /// One row, read as what the caller expects, or `None`.
    async fn row<T: DeserializeOwned>(
        &self,
        table: Table,
        key: impl Into<Key>,
    ) -> Result<Option<T>, PlatformError> {
        match self.get(table, key.into()).await? {
            Some(value) => parse(table, value).map(Some),
            None => Ok(None),
        }
    }

    /// One row, or `None`; what another version of the app wrote, and this one cannot read, counts as not there.
    async fn readable<T: DeserializeOwned>(
        &self,
        table: Table,
        key: impl Into<Key>,
    ) -> Result<Option<T>, PlatformError> {
        match self.row(table, key).await {
            Err(PlatformError::Storage(StorageError::Unreadable { .. })) => Ok(None),
            answer => answer,
        }
    }

    /// All rows of a table that can be read, in the order of their keys.
    async fn readable_rows<T: DeserializeOwned>(&self, table: Table) -> Result<Vec<T>, PlatformError> {
        let rows = self.all(table).await?;
        Ok(rows.into_iter().filter_map(|row| parse(table, row).ok()).collect())
    }

    /// The bytes with this key, or `None`.
    async fn bytes(&self, table: Table, key: impl Into<Key>) -> Result<Option<Vec<u8>>, PlatformError> {
        match self.get(table, key.into()).await? {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Json(_)) => Err(unreadable(table, "not bytes")),
            None => Ok(None),
        }
    }
}

fn parse<T: DeserializeOwned>(table: Table, value: Value) -> Result<T, PlatformError> {
    match value {
        Value::Json(text) => json::read(&text).map_err(|error| unreadable(table, &error.to_string())),
        Value::Bytes(_) => Err(unreadable(table, "not text")),
    }
}

fn unreadable(table: Table, detail: &str) -> PlatformError {
    StorageError::Unreadable { store: table.name(), detail: detail.to_owned() }.into()
}
