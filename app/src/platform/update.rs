//! A new version of the app that waits for the person's consent.
//!
//! The page's start script registers the service worker and dispatches `firsthand-update` on the window when a
//! new one is installed and waits. Nothing takes over by itself: the app offers it, and on consent tells the
//! waiting worker to.

use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ServiceWorkerContainer, ServiceWorkerRegistration};

use super::events::Listener;
use super::{PlatformError, bridge};

/// Calls when a new version waits.
pub fn on_update(mut callback: impl FnMut() + 'static) -> Result<Listener, PlatformError> {
    Ok(Listener::new(bridge::window()?, "firsthand-update", move |_| callback()))
}

/// Whether a new version waits now: it may have been announced before anybody listened. The very first version
/// also waits for a moment, but then this page is not yet controlled by another.
pub async fn is_waiting() -> bool {
    registration().await.is_some_and(|(container, registration)| {
        registration.waiting().is_some() && container.controller().is_some()
    })
}

/// Tells the waiting version to take over. Returns whether there was one; the start script then reloads.
pub async fn take_over() -> bool {
    let Some(worker) = registration().await.and_then(|(_, registration)| registration.waiting()) else {
        return false;
    };
    worker.post_message(&bridge::object(&[("type", "take-over".into())])).is_ok()
}

pub(super) async fn registration() -> Option<(ServiceWorkerContainer, ServiceWorkerRegistration)> {
    // Read by name: missing on an insecure page and in some private modes, where the typed getter would pretend.
    let container: ServiceWorkerContainer =
        bridge::property(&bridge::window().ok()?.navigator(), "serviceWorker")?.unchecked_into();
    let registration = JsFuture::from(container.get_registration()).await.ok()?.dyn_into().ok()?;
    Some((container, registration))
}
