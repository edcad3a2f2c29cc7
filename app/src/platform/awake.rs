//! Keeping the screen on.

use std::{cell::RefCell, rc::Rc};

use js_sys::Promise;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

use super::{
    bridge,
    events::{self, Listener},
};

/// Keeps the screen on, as far as the browser can, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets the screen go off again"]
pub struct Awake {
    held: Rc<RefCell<Held>>,
    _listener: Option<Listener>,
}

#[derive(Debug, Default)]
struct Held {
    lock: Option<JsValue>,
    over: bool,
}

impl Awake {
    /// From now on. The browser lets go whenever the page is not seen, so it is asked again when it is.
    pub fn begin() -> Self {
        let held = Rc::new(RefCell::new(Held::default()));
        ask(held.clone());
        let again = held.clone();
        let listener = events::on_visibility(move |visible| {
            if visible {
                ask(again.clone());
            }
        });
        Awake { held, _listener: listener.ok() }
    }
}

fn ask(held: Rc<RefCell<Held>>) {
    spawn_local(async move {
        // Where it is refused (little battery) or unknown the screen goes off as ever.
        let Some(lock) = request().await else { return };
        let mut held = held.borrow_mut();
        if held.over {
            release(&lock);
        } else if let Some(before) = held.lock.replace(lock) {
            release(&before);
        }
    });
}

async fn request() -> Option<JsValue> {
    let manager = bridge::property(&bridge::window().ok()?.navigator(), "wakeLock")?;
    let asked = bridge::call(&manager, "request", &[&JsValue::from_str("screen")]).ok()?;
    JsFuture::from(asked.unchecked_into::<Promise>()).await.ok()
}

fn release(lock: &JsValue) {
    // What is released already stays so.
    let Ok(done) = bridge::call(lock, "release", &[]) else { return };
    spawn_local(async move {
        let _ = JsFuture::from(done.unchecked_into::<Promise>()).await;
    });
}

impl Drop for Awake {
    fn drop(&mut self) {
        let mut held = self.held.borrow_mut();
        held.over = true;
        if let Some(lock) = held.lock.take() {
            release(&lock);
        }
    }
}
