//! NFC tags, where the browser reads them (Chrome on Android).

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, EventTarget};

use super::{bridge, events::Listener};

/// Waits for tags; ends when dropped.
#[derive(Debug)]
#[must_use = "dropping it ends the waiting"]
pub struct Tags {
    abort: AbortController,
    _listener: Listener,
}

fn class() -> Option<Function> {
    let window = bridge::window().ok()?;
    bridge::property(&window, "NDEFReader")?.dyn_into().ok()
}

/// Whether this browser reads tags.
#[must_use]
pub fn is_there() -> bool {
    class().is_some()
}

/// Calls with the links and texts on a tag that is held to the phone, if there are any. The browser asks the person once;
/// `None` where tags cannot be read.
pub async fn tags(mut callback: impl FnMut(Vec<String>) + 'static) -> Option<Tags> {
    let reader = Reflect::construct(&class()?, &Array::new()).ok()?;
    let abort = AbortController::new().ok()?;
    let listener = Listener::new(reader.clone().unchecked_into::<EventTarget>(), "reading", move |event| {
        let records =
            bridge::property(&event, "message").and_then(|message| bridge::property(&message, "records"));
        let records = records.iter().flat_map(|records| Array::from(records).to_vec());
        let texts: Vec<String> = records.filter_map(|record| text(&record)).collect();
        if !texts.is_empty() {
            callback(texts);
        }
    });
    let options = bridge::object(&[("signal", abort.signal().into())]);
    let asked = bridge::call(&reader, "scan", &[&options]).ok()?;
    JsFuture::from(asked.unchecked_into::<Promise>()).await.ok()?;
    Some(Tags { abort, _listener: listener })
}

fn text(record: &JsValue) -> Option<String> {
    let kind = bridge::property(record, "recordType")?.as_string()?;
    if kind != "url" && kind != "absolute-url" && kind != "text" {
        return None;
    }
    let data = bridge::property(record, "data")?;
    let number =
        |name| bridge::property(&data, name).and_then(|value| value.as_f64()).map(|value| value as u32);
    let buffer = bridge::property(&data, "buffer")?;
    let bytes =
        Uint8Array::new_with_byte_offset_and_length(&buffer, number("byteOffset")?, number("byteLength")?);
    String::from_utf8(bytes.to_vec()).ok()
}

impl Drop for Tags {
    fn drop(&mut self) {
        self.abort.abort();
    }
}
