//! What JavaScript throws, as the errors that a device knows.

use wasm_bindgen::{JsCast as _, JsValue};

use super::StorageError;

/// Name and message of what JavaScript threw.
pub(super) fn thrown(value: &JsValue) -> (String, String) {
    // Both DOMException and Error carry `name` and `message`; the cast is only a way to the getters.
    if value.is_object() {
        let error: &js_sys::Error = value.unchecked_ref();
        (String::from(error.name()), String::from(error.message()))
    } else {
        (String::new(), value.as_string().unwrap_or_default())
    }
}

/// The text for the log of what JavaScript threw.
pub(super) fn words(value: &JsValue) -> String {
    let (name, message) = thrown(value);
    format!("{name}: {message}")
}

/// Sorts what IndexedDB threw. Unknown and internal errors count as a lost connection, because that is how WebKit reports
/// that it has ended its storage process.
pub(super) fn from_thrown(value: &JsValue) -> StorageError {
    let (name, message) = thrown(value);
    match name.as_str() {
        "QuotaExceededError" => StorageError::Full,
        "ConstraintError" => StorageError::Exists,
        "VersionError" => StorageError::Blocked,
        "SecurityError" | "NotAllowedError" => StorageError::Denied(message),
        "InvalidStateError" | "UnknownError" | "AbortError" | "TimeoutError" | "TransactionInactiveError" => {
            StorageError::Lost(format!("{name}: {message}"))
        }
        _ => StorageError::Other(format!("{name}: {message}")),
    }
}
