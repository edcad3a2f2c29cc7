//! Background Sync: the browser wakes the service worker once there is a network, also after the app was closed, and
//! that sends what lies in the outbox (see the top of `public/sw.js`).
//!
//! Chromium has it; elsewhere everything goes out when the app is opened.

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::{bridge, update};

/// The name that the service worker listens to.
const TAG: &str = "outbox";

/// Asks to be sent for. Asking again before it happened changes nothing.
pub async fn ask() {
    let Some((_, registration)) = update::registration().await else { return };
    // Read by name, because web-sys has it only behind a compiler flag.
    let Some(manager) = bridge::property(&registration, "sync") else { return };
    if let Ok(asked) = bridge::call(&manager, "register", &[&JsValue::from_str(TAG)]) {
        // Where the person has switched it off, the app sends when it is opened.
        let _ = JsFuture::from(asked.unchecked_into::<js_sys::Promise>()).await;
    }
}
