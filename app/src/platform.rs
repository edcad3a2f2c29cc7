//! Everything the app asks of the browser, and the only place that touches web-sys, js-sys and wasm-bindgen.
//!
//! One file per capability, each with a small typed API. What can fail returns a [`PlatformError`]; nothing
//! here panics, because a panic ends the whole app and with it what the person has just typed. What listens
//! or holds something returns a guard and ends when the guard is dropped. The guards and [`db::Db`] belong to
//! the page's one thread (`!Send`): keep them in a `StoredValue::new_local` or in a spawned local task.
//!
//! | file | what it is for |
//! |---|---|
//! | [`clock`], [`ids`] | the time, the randomness and the ids that the rest of the app takes as parameters |
//! | [`db`] | the database on the device: strict transactions, raw bytes, lost connections |
//! | [`settings`] | the few small settings that must be readable before a database is open |
//! | [`crypto`] | the key of this device and person, signatures, hashes, the seal of relay files |
//! | [`photo`] | from a chosen file to an upright, small JPEG and its thumbnail |
//! | [`scan`], [`nfc`], [`position`] | labels by the camera or by tag; where the phone is, asked once |
//! | [`files`] | files that a person takes out of the app and brings into it |
//! | [`http`], [`live`] | requests with a time limit; the server's stream of pokes |
//! | [`events`], [`tabs`], [`update`] | the page's own events; other tabs; a new version that waits |
//! | [`awake`] | the screen stays on |
//! | [`background`] | sending after the app was closed |
//! | [`history`] | the page's address, its history and its links |
//! | [`device`] | room left, language, theme, vibration, what kind of device this is |

pub mod awake;
pub mod background;
mod bridge;
mod browser;
pub mod clock;
pub mod crypto;
pub mod db;
pub mod device;
mod error;
pub mod events;
pub mod files;
pub mod history;
pub mod http;
pub mod ids;
pub mod live;
pub mod nfc;
pub mod photo;
pub mod position;
pub mod scan;
pub mod settings;
pub mod tabs;
pub mod update;

pub use ::device::{MediaError, NetworkError, PlatformError, StorageError};
pub use browser::Browser;
