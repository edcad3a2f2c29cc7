//! The few steps between Rust and JavaScript that several files of the platform need: reaching the window,
//! reading what web-sys does not describe in its stable part, and building option objects.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast as _, JsValue};

use super::PlatformError;

/// The window. Missing only in a worker, where this code does not run.
pub fn window() -> Result<web_sys::Window, PlatformError> {
    web_sys::window().ok_or(PlatformError::Unsupported("window"))
}

/// The document of the window.
pub fn document() -> Result<web_sys::Document, PlatformError> {
    window()?.document().ok_or(PlatformError::Unsupported("document"))
}

/// A property, if the object has it with a value.
pub fn property(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &JsValue::from_str(name))
        .ok()
        .filter(|value| !value.is_undefined() && !value.is_null())
}

/// Calls a method that web-sys offers only behind a compiler flag.
pub fn call(object: &JsValue, method: &str, arguments: &[&JsValue]) -> Result<JsValue, JsValue> {
    let function: Function = Reflect::get(object, &JsValue::from_str(method))?.dyn_into()?;
    function.apply(object, &arguments.iter().copied().collect::<Array>())
}

/// An object literal.
pub fn object(fields: &[(&str, JsValue)]) -> Object {
    let object = Object::new();
    for (name, value) in fields {
        // Setting a field of a fresh, ordinary object cannot fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object
}

/// A promise made from callbacks: `wire` gets the functions that fulfil and reject it.
pub fn promise(mut wire: impl FnMut(&Function, &Function)) -> Promise {
    Promise::new(&mut |resolve, reject| wire(&resolve, &reject))
}

/// The bytes of an `ArrayBuffer`.
pub fn bytes(buffer: &JsValue) -> Vec<u8> {
    Uint8Array::new(buffer).to_vec()
}
