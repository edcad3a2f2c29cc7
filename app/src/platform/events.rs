//! The page's own events and ticks. Each registration is a guard: when it is dropped, nothing is called again.

use gloo_timers::callback::Interval;
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{Element, Event, EventTarget, KeyboardEvent};

use super::{PlatformError, bridge};

/// An event listener; removed when dropped.
#[derive(Debug)]
#[must_use = "dropping the listener removes it"]
pub struct Listener {
    target: EventTarget,
    name: &'static str,
    callback: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Listens on a target of the browser.
    pub(super) fn new(
        target: impl Into<EventTarget>,
        name: &'static str,
        callback: impl FnMut(Event) + 'static,
    ) -> Self {
        let target = target.into();
        let callback = Closure::<dyn FnMut(Event)>::new(callback);
        // The name is ours and the callback a function, so this does not throw.
        let _ = target.add_event_listener_with_callback(name, callback.as_ref().unchecked_ref());
        Self { target, name, callback }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let callback = self.callback.as_ref().unchecked_ref();
        // Removing what is not there changes nothing and does not throw.
        let _ = self.target.remove_event_listener_with_callback(self.name, callback);
    }
}

/// A repeated call; ends when dropped.
#[derive(Debug)]
#[must_use = "dropping the ticker stops it"]
pub struct Ticker {
    _interval: Interval,
}

/// Calls every so many milliseconds; a hidden page is called less often.
pub fn every(ms: u32, callback: impl FnMut() + 'static) -> Ticker {
    Ticker { _interval: Interval::new(ms, callback) }
}

/// Calls with `true` when the device says that it got a network and with `false` when it lost it.
pub fn on_connection(callback: impl FnMut(bool) + Clone + 'static) -> Result<[Listener; 2], PlatformError> {
    let window = bridge::window()?;
    let (mut online, mut offline) = (callback.clone(), callback);
    Ok([
        Listener::new(window.clone(), "online", move |_| online(true)),
        Listener::new(window, "offline", move |_| offline(false)),
    ])
}

/// Calls with whether the page can be seen, each time that changes.
pub fn on_visibility(mut callback: impl FnMut(bool) + 'static) -> Result<Listener, PlatformError> {
    let document = bridge::document()?;
    Ok(Listener::new(document, "visibilitychange", move |_| callback(is_visible())))
}

/// Calls when the page goes away, perhaps for good: the last moment to begin saving something.
pub fn on_page_hide(mut callback: impl FnMut() + 'static) -> Result<Listener, PlatformError> {
    Ok(Listener::new(bridge::window()?, "pagehide", move |_| callback()))
}

/// Calls with the name of each key pressed outside of fields and dialogs and without Control, Alt or Meta. A callback
/// that answers `true` has used the key: the browser does nothing else with it.
pub fn on_key(mut callback: impl FnMut(&str) -> bool + 'static) -> Result<Listener, PlatformError> {
    Ok(Listener::new(bridge::window()?, "keydown", move |event| {
        let Some(key) = event.dyn_ref::<KeyboardEvent>() else { return };
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        // Where somebody types, or is asked something, keys mean what they always mean.
        let taken = target.is_some_and(|target| {
            !matches!(target.closest("input:not([type=radio]), textarea, select, dialog"), Ok(None))
        });
        let combined = key.ctrl_key() || key.alt_key() || key.meta_key();
        if !taken && !combined && !key.is_composing() && callback(&key.key()) {
            event.prevent_default();
        }
    }))
}

/// Whether the device believes that it has a network. `false` is reliable, `true` is not.
#[must_use]
pub fn is_online() -> bool {
    bridge::window().map_or(true, |window| window.navigator().on_line())
}

/// Whether the page can be seen.
#[must_use]
pub fn is_visible() -> bool {
    bridge::document().map_or(true, |document| !document.hidden())
}
