//! The server's stream of pokes (server-sent events). It says only that there is something to pull.

use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast as _;
use web_sys::{EventSource, MessageEvent};

use super::events::Listener;
use super::{NetworkError, PlatformError, error};

/// What the stream tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LiveEvent<T> {
    /// It is connected, for the first time or again; pokes may have been missed before.
    Open,
    /// A message.
    Message(T),
    /// It broke. The browser connects again by itself.
    Broken,
    /// The server refused it, for instance because the session ended: only a new [`Live`] helps.
    Closed,
}

/// An open stream; closed when dropped.
#[derive(Debug)]
#[must_use = "dropping the stream closes it"]
pub struct Live {
    source: EventSource,
    _listeners: [Listener; 3],
}

impl Live {
    /// Opens the stream. Messages that do not parse as `T` are skipped: they come from a newer server.
    pub fn open<T: DeserializeOwned + 'static>(
        url: &str,
        callback: impl FnMut(LiveEvent<T>) + Clone + 'static,
    ) -> Result<Self, PlatformError> {
        let source =
            EventSource::new(url).map_err(|thrown| NetworkError::Unreachable(error::words(&thrown)))?;
        let (mut open, mut message, mut broken) = (callback.clone(), callback.clone(), callback);
        let listeners = [
            Listener::new(source.clone(), "open", move |_| open(LiveEvent::Open)),
            Listener::new(source.clone(), "message", move |event| {
                let data = event.unchecked_into::<MessageEvent>().data().as_string();
                if let Some(value) = data.and_then(|text| shared::json::read(&text).ok()) {
                    message(LiveEvent::Message(value));
                }
            }),
            Listener::new(source.clone(), "error", {
                let source = source.clone();
                move |_| {
                    let closed = source.ready_state() == EventSource::CLOSED;
                    broken(if closed { LiveEvent::Closed } else { LiveEvent::Broken });
                }
            }),
        ];
        Ok(Self { source, _listeners: listeners })
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.source.close();
    }
}
