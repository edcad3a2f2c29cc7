//! What this device is, what it has left, and what it shows around the pages.

use std::cell::OnceCell;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, StorageEstimate, StorageManager, Url};

use super::events::Listener;
use super::{MediaError, PlatformError, bridge, error};

/// How much room this origin uses and may use, in bytes: the browser's estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What is used.
    pub used: u64,
    /// What may be used in all.
    pub quota: u64,
}

impl Room {
    /// What is left; `None` where the browser hides it.
    ///
    /// Newer Chromium tells every site the same: what it uses and a round number of gibibytes more, so that sites cannot
    /// tell devices apart. A number that only looks like an answer is worse than none.
    #[must_use]
    pub fn left(self) -> Option<u64> {
        let left = self.quota.saturating_sub(self.used);
        let hidden = left > 0 && left.is_multiple_of(1 << 30);
        (!hidden).then_some(left)
    }
}

/// How much room there is; `None` where the browser does not say.
pub async fn room() -> Option<Room> {
    let estimate: StorageEstimate =
        JsCast::unchecked_into(JsFuture::from(storage()?.estimate().ok()?).await.ok()?);
    Some(Room { used: estimate.get_usage()? as u64, quota: estimate.get_quota()? as u64 })
}

/// Asks that what is stored here is not cleared when room gets short. Returns whether that is granted now.
pub async fn persist() -> bool {
    let Some(storage) = storage() else { return false };
    let Ok(asked) = storage.persist() else { return false };
    JsFuture::from(asked).await.is_ok_and(|granted| granted.is_truthy())
}

fn storage() -> Option<StorageManager> {
    // Read by name: missing on insecure pages and in old browsers, where the typed getter would pretend.
    bridge::property(&bridge::window().ok()?.navigator(), "storage").map(JsCast::unchecked_into)
}

/// The languages that the person reads, the best first (`zh-CN`, `en` …).
#[must_use]
pub fn languages() -> Vec<String> {
    bridge::window().map_or_else(
        |_| Vec::new(),
        |window| window.navigator().languages().iter().filter_map(|language| language.as_string()).collect(),
    )
}

/// Whether the device is set to dark colours.
#[must_use]
pub fn prefers_dark() -> bool {
    dark_query().is_some_and(|query| query.matches())
}

/// Calls with whether the device is set to dark colours, each time that changes.
pub fn on_dark(mut callback: impl FnMut(bool) + 'static) -> Result<Listener, PlatformError> {
    let query = dark_query().ok_or(PlatformError::Unsupported("matchMedia"))?;
    Ok(Listener::new(query, "change", move |_| callback(prefers_dark())))
}

fn dark_query() -> Option<web_sys::MediaQueryList> {
    bridge::window().ok()?.match_media("(prefers-color-scheme: dark)").ok()?
}

/// Sets or removes `data-theme` on the root element.
pub fn set_theme(theme: Option<&str>) {
    set_root_attribute("data-theme", theme);
}

/// Sets `lang` on the root element, which chooses glyphs, hyphenation and the reader's voice.
pub fn set_language(language: &str) {
    set_root_attribute("lang", Some(language));
}

/// Both attributes are for looks and reading aloud; a page that does not take them is still usable.
fn set_root_attribute(name: &str, value: Option<&str>) {
    if let Some(root) = bridge::document().ok().and_then(|document| document.document_element()) {
        let _ = match value {
            Some(value) => root.set_attribute(name, value),
            None => root.remove_attribute(name),
        };
    }
}

/// Vibrates, where the device can. On a page that nobody has touched yet, such as that of a label's link, browsers do not let
/// it, and complain.
pub fn vibrate(ms: u32) {
    if let Ok(window) = bridge::window() {
        let navigator = window.navigator();
        let touched = bridge::property(&navigator, "userActivation")
            .and_then(|activation| bridge::property(&activation, "hasBeenActive"));
        if touched.is_none_or(|touched| touched.is_truthy()) {
            // iOS has no such method, and being quiet there is right.
            let _ = bridge::call(&navigator, "vibrate", &[&JsValue::from(ms)]);
        }
    }
}

/// Whether this is an iPhone or iPad. An iPad calls itself a Mac, but no Mac has a touch screen.
#[must_use]
pub fn is_ios() -> bool {
    bridge::window().is_ok_and(|window| {
        let navigator = window.navigator();
        let agent = navigator.user_agent().unwrap_or_default();
        agent.contains("iPhone")
            || agent.contains("iPad")
            || (agent.contains("Macintosh") && navigator.max_touch_points() > 1)
    })
}

/// Whether the app runs from the Home Screen instead of in a browser's tab.
#[must_use]
pub fn is_standalone() -> bool {
    bridge::window().is_ok_and(|window| {
        let by_media = window.match_media("(display-mode: standalone)").ok().flatten();
        by_media.is_some_and(|query| query.matches())
            // What iOS said before it knew the media feature.
            || bridge::property(&window.navigator(), "standalone").is_some_and(|value| value.is_truthy())
    })
}

/// What this device calls itself in the list of a person's sessions: the browser's words for its system.
#[must_use]
pub fn label() -> String {
    let agent = bridge::window().and_then(|window| {
        window.navigator().user_agent().map_err(|thrown| PlatformError::Crypto(error::words(&thrown)))
    });
    // `Mozilla/5.0 (Linux; Android 16; Pixel 7) …`: the first parenthesis names system and device.
    let agent = agent.unwrap_or_default();
    let inside = agent.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(inside, _)| inside);
    inside.unwrap_or_default().chars().take(80).collect()
}

/// Names the page in the browser's title, before the app's own name; `None` for the app alone.
pub fn set_title(page: Option<&str>) {
    thread_local! {
        /// What the title was before the app began.
        static APP: OnceCell<String> = const { OnceCell::new() };
    }
    if let Ok(document) = bridge::document() {
        APP.with(|app| {
            let app = app.get_or_init(|| document.title());
            match page.filter(|page| !page.is_empty()) {
                Some(page) => document.set_title(&format!("{page} · {app}")),
                None => document.set_title(app),
            }
        });
    }
}

/// Opens the browser's dialog to print the page.
pub fn print() {
    if let Ok(window) = bridge::window() {
        // Where nothing can be printed nothing happens.
        let _ = window.print();
    }
}

/// Focuses the element of an id, and scrolls it into sight.
pub fn focus(id: &str) {
    let element = bridge::document().ok().and_then(|document| document.get_element_by_id(id));
    if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        // What cannot be focused is at least named by what is said.
        let _ = element.focus();
    }
}

/// Scrolls as little as it takes for all of an element to be in sight.
pub fn reveal(element: &web_sys::Element) {
    let options = web_sys::ScrollIntoViewOptions::new();
    options.set_block(web_sys::ScrollLogicalPosition::Nearest);
    element.scroll_into_view_with_scroll_into_view_options(&options);
}

/// Loads the page anew.
pub fn reload() {
    if let Ok(window) = bridge::window() {
        // It cannot be refused for the page's own address.
        let _ = window.location().reload();
    }
}

/// Loads the app anew, at its first page.
pub fn begin_anew() {
    if let Ok(window) = bridge::window() {
        // It cannot be refused for an address of our own.
        let _ = window.location().replace("/");
    }
}

/// An address under which the page can show bytes that it holds; void when dropped.
#[derive(Debug)]
#[must_use = "dropping the address makes it void"]
pub struct ObjectUrl(String);

impl ObjectUrl {
    /// Makes the address.
    pub fn new(bytes: &[u8], media_type: &str) -> Result<Self, PlatformError> {
        let failed = |thrown: JsValue| MediaError::Encoding(error::words(&thrown));
        let options = BlobPropertyBag::new();
        options.set_type(media_type);
        let parts = Array::of1(&js_sys::Uint8Array::from(bytes));
        let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).map_err(failed)?;
        Ok(Self(Url::create_object_url_with_blob(&blob).map_err(failed)?))
    }

    /// The address, for `src`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for ObjectUrl {
    fn drop(&mut self) {
        // Revoking an address of ours does not throw.
        let _ = Url::revoke_object_url(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_is_left_unless_the_browser_says_a_round_number() {
        let room = |used, quota| Room { used, quota }.left();
        assert_eq!(room(2_463_601, 1_523_804_864), Some(1_521_341_263));
        assert_eq!(room(2_463_601, 10_739_881_841), None);
        assert_eq!(room(7, 7), Some(0));
        assert_eq!(room(8, 7), Some(0));
    }
}
