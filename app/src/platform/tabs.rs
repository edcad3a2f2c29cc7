//! Other tabs of the app on this device: messages to them, and locks that one of them holds.

use std::marker::PhantomData;

use futures::channel::oneshot;
use js_sys::Function;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

use super::events::Listener;
use super::{PlatformError, bridge};

/// A channel to the other tabs; closed when dropped. It does not hear itself.
#[derive(Debug)]
#[must_use = "dropping the channel closes it"]
pub struct Channel<T> {
    channel: BroadcastChannel,
    _listener: Listener,
    _messages: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Channel<T> {
    /// Opens the channel. Messages that do not parse, from a tab with another version, are skipped.
    pub fn open(name: &str, mut callback: impl FnMut(T) + 'static) -> Result<Self, PlatformError> {
        let channel =
            BroadcastChannel::new(name).map_err(|_| PlatformError::Unsupported("BroadcastChannel"))?;
        let listener = Listener::new(channel.clone(), "message", move |event| {
            let data = event.unchecked_into::<MessageEvent>().data().as_string();
            if let Some(message) = data.and_then(|text| shared::json::read(&text).ok()) {
                callback(message);
            }
        });
        Ok(Self { channel, _listener: listener, _messages: PhantomData })
    }

    /// Tells the other tabs.
    pub fn post(&self, message: &T) -> Result<(), PlatformError> {
        let text = serde_json::to_string(message).map_err(|error| PlatformError::Json(error.to_string()))?;
        // It throws only on a closed channel, and this one is open as long as it exists.
        let _ = self.channel.post_message(&JsValue::from_str(&text));
        Ok(())
    }
}

impl<T> Drop for Channel<T> {
    fn drop(&mut self) {
        self.channel.close();
    }
}

/// A lock that only one tab of the app holds at a time; given back when dropped or when the tab ends.
#[derive(Debug)]
#[must_use = "dropping the lock gives it back"]
pub struct Lock {
    /// Fulfils the promise that holds the lock; `None` where the browser has no locks.
    release: Option<Function>,
}

impl Lock {
    /// Waits until this tab gets the lock. Dropping the future leaves the queue.
    ///
    /// A browser without Web Locks grants it at once, so two tabs may hold it: nothing may depend on it but thrift, and
    /// the last letters before a draft goes to another tab.
    pub async fn acquire(name: &str) -> Result<Self, PlatformError> {
        // Read by name, because web-sys has the locks only behind a compiler flag.
        let Some(locks) = bridge::property(&bridge::window()?.navigator(), "locks") else {
            return Ok(Self { release: None });
        };
        let (granted, grant) = oneshot::channel();
        let callback = Closure::once_into_js(move || -> JsValue {
            let mut release = None;
            let held = bridge::promise(|resolve, _| release = Some(resolve.clone()));
            // If nobody waits any more, the lock comes back here, is dropped and so given back.
            let _ = granted.send(Self { release });
            held.into()
        });
        let held = bridge::call(&locks, "request", &[&JsValue::from_str(name), &callback]);
        match held {
            Ok(_) => grant.await.map_err(|_| PlatformError::Unsupported("navigator.locks")),
            Err(_) => Err(PlatformError::Unsupported("navigator.locks")),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            // A promise's own function does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}
