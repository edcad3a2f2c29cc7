//! Documents that are kept as they came, and read where somebody looks at them.
//!
//! A phone keeps routes and rounds before anybody opens a page of rounds. How these are read is much code, and a phone on a
//! bad network has to load every byte of it before anything works: so what only keeps and hands on knows no more of such
//! a document than which it is.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::{ids::AttachmentId, json};

/// A document of which only `id` and `version` are known until it is read.
#[derive(Clone)]
pub struct Unread<T> {
    /// Which it is.
    pub id: Uuid,
    /// Its version.
    pub version: u32,
    value: Value,
    read: OnceLock<Option<Arc<T>>>,
}

impl<T> Unread<T> {
    /// The document whose JSON this is; `None` without an `id` and a `version`.
    fn new(value: Value) -> Option<Self> {
        let id = value.get("id")?.as_str()?.parse().ok()?;
        let version = u32::try_from(value.get("version")?.as_u64()?).ok()?;
        Some(Unread { id, version, value, read: OnceLock::new() })
    }

    /// The photos that it names, wherever: objects with the hash of a thumbnail.
    pub fn photos(&self) -> Vec<AttachmentId> {
        let mut photos = Vec::new();
        collect(&self.value, &mut photos);
        photos
    }
}

impl<T: Serialize> Unread<T> {
    /// A document as it is sent; `None` if it has no `id` and `version`.
    pub fn of(document: &T) -> Option<Self> {
        Self::new(serde_json::to_value(document).ok()?)
    }
}

impl<T: DeserializeOwned> Unread<T> {
    /// The document, read once; `None` where another version of the app wrote it in a way that this one cannot read.
    pub fn read(&self) -> Option<&Arc<T>> {
        self.read.get_or_init(|| json::read(&self.value.to_string()).ok().map(Arc::new)).as_ref()
    }
}

fn collect(value: &Value, photos: &mut Vec<AttachmentId>) {
    match value {
        Value::Object(fields) => {
            let id = fields.get("id").filter(|_| fields.contains_key("thumb_sha256"));
            photos.extend(id.and_then(Value::as_str).and_then(|id| id.parse::<AttachmentId>().ok()));
            fields.values().for_each(|value| collect(value, photos));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, photos)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl<T> PartialEq for Unread<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> fmt::Debug for Unread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

impl<T> Serialize for Unread<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Unread<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::new(value).ok_or_else(|| serde::de::Error::custom("a document without id and version"))
    }
}

// Whoever reads the interface sees the document itself. There is no other way for a generic type to say so than the trait
// that the derived ones have.
#[cfg(feature = "schema")]
impl<T: utoipa::__dev::ComposeSchema> utoipa::__dev::ComposeSchema for Unread<T> {
    fn compose(
        generics: Vec<utoipa::openapi::RefOr<utoipa::openapi::Schema>>,
    ) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        T::compose(generics)
    }
}

#[cfg(feature = "schema")]
impl<T: utoipa::ToSchema + utoipa::__dev::ComposeSchema> utoipa::ToSchema for Unread<T> {
    fn name() -> std::borrow::Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::Schema>)>) {
        T::schemas(schemas);
    }
}
