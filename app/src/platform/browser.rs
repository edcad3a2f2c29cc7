//! This browser as the machine that a device lives on.

use std::{cell::Cell, rc::Rc};

use ::device::{PlatformError, Request, Response, platform::Platform};
use shared::time::{Heard, Ms};

use super::{
    clock,
    crypto::DeviceKey,
    db::Db,
    device, http, ids,
    settings::{self, Setting},
    tabs::Lock,
};

/// This browser. Clones share what was heard of the server's clock.
#[derive(Clone, Debug)]
pub struct Browser {
    heard: Rc<Cell<Option<Heard>>>,
}

impl Default for Browser {
    fn default() -> Self {
        Browser { heard: Rc::new(Cell::new(settings::read(Setting::LastOffset))) }
    }
}

impl Platform for Browser {
    type Store = Db;
    type Key = DeviceKey;
    type Lock = Lock;

    async fn open(&self, name: &str) -> Result<Db, PlatformError> {
        Db::open(name).await
    }

    async fn key(&self, store: &Db) -> Result<DeviceKey, PlatformError> {
        DeviceKey::load_or_create(store).await
    }

    async fn send(&self, request: Request) -> Result<Response, PlatformError> {
        http::send(request).await
    }

    async fn lock(&self, name: &str) -> Result<Lock, PlatformError> {
        Lock::acquire(name).await
    }

    fn now(&self) -> Ms {
        Ms(clock::now_ms())
    }

    fn random<const N: usize>(&self) -> Result<[u8; N], PlatformError> {
        ids::random_bytes()
    }

    fn heard(&self) -> Option<Heard> {
        self.heard.get()
    }

    fn keep_heard(&self, heard: Heard) {
        self.heard.set(Some(heard));
        // Without it the clocks of a start without a network are the device's own, no more.
        let _ = settings::write(Setting::LastOffset, &heard);
    }

    async fn room(&self) -> Option<u64> {
        device::room().await.and_then(device::Room::left)
    }

    fn label(&self) -> String {
        device::label()
    }
}
