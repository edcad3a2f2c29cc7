//! Files that go out of the app and come into it by a person's own hands.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, HtmlInputElement, Url};

use super::{PlatformError, bridge, error};

/// Gives a file to the person: it lies among the device's downloads, from where every app can pass it on.
pub fn save(name: &str, mime: &str, bytes: &[u8]) -> Result<(), PlatformError> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    let parts = Array::of1(&Uint8Array::from(bytes));
    let blob = Blob::new_with_u8_array_sequence_and_options(&parts, &options).map_err(refused)?;
    let url = Url::create_object_url_with_blob(&blob).map_err(refused)?;
    let link = bridge::document()?.create_element("a").map_err(refused)?;
    link.set_attribute("href", &url).map_err(refused)?;
    link.set_attribute("download", name).map_err(refused)?;
    link.unchecked_into::<HtmlElement>().click();
    // The browser reads the bytes after this has returned; a minute is more than it needs.
    gloo_timers::callback::Timeout::new(60_000, move || {
        let _ = Url::revoke_object_url(&url);
    })
    .forget();
    Ok(())
}

/// The bytes of the file of an `<input type="file">` whose `change` event this is; `None` where none was chosen. Empties
/// the input, so that choosing the same file again is a change again.
pub async fn chosen(event: web_sys::Event) -> Result<Option<Vec<u8>>, PlatformError> {
    let Some(input) = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok()) else {
        return Ok(None);
    };
    let file = input.files().and_then(|files| files.get(0));
    input.set_value("");
    let Some(file) = file else { return Ok(None) };
    let bytes = JsFuture::from(file.array_buffer()).await.map_err(refused)?;
    Ok(Some(bridge::bytes(&bytes)))
}

fn refused(thrown: JsValue) -> PlatformError {
    PlatformError::Json(error::words(&thrown))
}
