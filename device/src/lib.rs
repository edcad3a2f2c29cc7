//! What a phone keeps and does, without its browser.
//!
//! A device of one person is a database ([`Local`]) and an [`Engine`] that syncs it. Both ask the machine only through
//! the traits of [`platform`]: the app gives them IndexedDB, fetch and WebCrypto, a test or a load generator what is in
//! [`memory`]. So there is one engine, and whatever runs it runs the same code.
//!
//! Where to start: [`Local::commit`] is how a command is made and saved; [`Engine`] says how the app drives the rest.
//! What to do next is decided by `shared::sync`, which is pure; this crate carries it out.

pub mod accounts;
mod engine;
mod error;
mod http;
mod local;
#[cfg(not(target_arch = "wasm32"))]
pub mod memory;
mod mutant;
pub mod platform;
mod store;

pub use engine::{Engine, Link, Nudge, Planned, Shown, Taken, left_by_others};
pub use error::{MediaError, NetworkError, PlatformError, StorageError};
pub use http::{Body, Request, Response, problem};
pub use local::{Album, Ask, Local, Page, Photo, Stock, Subject};
pub use mutant::Mutant;
pub use store::{Action, Key, Op, Span, Store, Table, Value};
