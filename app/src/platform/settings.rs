//! Small settings in localStorage: what must be known before the first paint, or matters little if it is lost.
//!
//! Values are JSON. The page's start script reads the theme, under the same key and as JSON, to set it before the
//! first paint.
//!
//! Written with web-sys and not with gloo-storage, whose accessors panic where a browser refuses storage. A
//! setting that cannot be read is simply not set.

use serde::{Serialize, de::DeserializeOwned};
use web_sys::Storage;

use super::{PlatformError, StorageError, bridge, error};

/// The settings there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The language that the person chose; else the browser's.
    Language,
    /// The theme that the person chose; else the device's.
    Theme,
    /// How far the device's clock was last found to be from the server's.
    LastOffset,
}

impl Setting {
    /// The key in localStorage, which must never change.
    const fn key(self) -> &'static str {
        match self {
            Self::Language => "language",
            Self::Theme => "theme",
            Self::LastOffset => "last_offset",
        }
    }
}

/// The value of a setting, if it is set and is what the caller expects.
#[must_use]
pub fn read<T: DeserializeOwned>(setting: Setting) -> Option<T> {
    let text = local_storage().ok()?.get_item(setting.key()).ok()??;
    shared::json::read(&text).ok()
}

/// Sets a setting.
pub fn write<T: Serialize + ?Sized>(setting: Setting, value: &T) -> Result<(), PlatformError> {
    let text = serde_json::to_string(value).map_err(|error| PlatformError::Json(error.to_string()))?;
    Ok(local_storage()?.set_item(setting.key(), &text).map_err(|thrown| error::from_thrown(&thrown))?)
}

fn local_storage() -> Result<Storage, PlatformError> {
    bridge::window()?
        .local_storage()
        .map_err(|thrown| StorageError::Denied(error::words(&thrown)))?
        .ok_or(PlatformError::Unsupported("localStorage"))
}
