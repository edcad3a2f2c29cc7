//! Where the phone is, asked once and never followed.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::bridge;

/// A position found a little before serves as well, in milliseconds.
const MAX_AGE_MS: u32 = 30_000;
/// Longer nobody stands before a label, in milliseconds.
const LIMIT_MS: u32 = 20_000;

/// Where the phone was.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Found {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
    /// Metres by which it may be wrong.
    pub accuracy: f64,
    /// When it was found, by this device's clock in milliseconds.
    pub at: i64,
}

/// Asks once. The browser asks the person the first time; `None` where it is not allowed or not known.
pub async fn find() -> Option<Found> {
    let geolocation = bridge::property(&bridge::window().ok()?.navigator(), "geolocation")?;
    let options = bridge::object(&[
        ("enableHighAccuracy", true.into()),
        ("maximumAge", MAX_AGE_MS.into()),
        ("timeout", LIMIT_MS.into()),
    ]);
    let asked = bridge::promise(|resolve, reject| {
        // A refusal comes by `reject`; that the method is missing leaves the promise to nobody.
        if bridge::call(&geolocation, "getCurrentPosition", &[resolve, reject, &options]).is_err() {
            let _ = reject.call0(&JsValue::NULL);
        }
    });
    let position = JsFuture::from(asked).await.ok()?;
    let number = |object: &JsValue, name| bridge::property(object, name).and_then(|value| value.as_f64());
    let coords = bridge::property(&position, "coords")?;
    Some(Found {
        lat: number(&coords, "latitude")?,
        lon: number(&coords, "longitude")?,
        accuracy: number(&coords, "accuracy")?,
        at: number(&position, "timestamp")? as i64,
    })
}
