//! Requests to our own server, each with a time limit that covers the whole answer.
//!
//! Any answer with a status is `Ok`, also 401 or 503: what it means is for the caller. Only the lack of an
//! answer is an error. Dropping the future of [`Request::send`] withdraws the request.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use js_sys::Uint8Array;
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestCache, RequestCredentials, RequestInit};

use shared::json;

use super::{NetworkError, PlatformError, bridge, error, events};

/// The time limit of a request that sets none.
const LIMIT_MS: u32 = 30_000;

/// A request that is being put together.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Body>,
    limit_ms: u32,
}

#[derive(Debug, Clone)]
enum Body {
    Text(String),
    Bytes(Vec<u8>),
}

impl Request {
    /// A request without a body: `GET`, `HEAD`, `DELETE`.
    pub fn new(method: &'static str, url: impl Into<String>) -> Self {
        Self { method, url: url.into(), headers: Vec::new(), body: None, limit_ms: LIMIT_MS }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// A `POST` of JSON.
    pub fn post<T: Serialize + ?Sized>(url: impl Into<String>, body: &T) -> Result<Self, PlatformError> {
        let text = serde_json::to_string(body).map_err(|error| PlatformError::Json(error.to_string()))?;
        Ok(Self::post_json(url, text))
    }

    /// A `POST` of JSON that is already text, such as rows of the outbox.
    pub fn post_json(url: impl Into<String>, text: String) -> Self {
        let mut request = Self::new("POST", url).header("content-type", "application/json");
        request.body = Some(Body::Text(text));
        request
    }

    /// Sends these bytes as the body.
    pub fn bytes(mut self, content_type: &str, bytes: Vec<u8>) -> Self {
        self.body = Some(Body::Bytes(bytes));
        self.header("content-type", content_type)
    }

    /// Adds a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the time limit for the whole answer.
    pub fn limit_ms(mut self, limit_ms: u32) -> Self {
        self.limit_ms = limit_ms;
        self
    }

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Result<Response, PlatformError> {
        let window = bridge::window()?;
        let withdraw = Withdraw::after(self.limit_ms)?;
        let init = RequestInit::new();
        init.set_method(self.method);
        init.set_credentials(RequestCredentials::SameOrigin);
        init.set_cache(RequestCache::NoStore);
        init.set_signal(Some(&withdraw.controller.signal()));
        let headers = Headers::new().map_err(|thrown| refused(&thrown))?;
        for (name, value) in &self.headers {
            headers.set(name, value).map_err(|thrown| refused(&thrown))?;
        }
        init.set_headers_headers(&headers);
        match &self.body {
            Some(Body::Text(text)) => init.set_body(&JsValue::from_str(text)),
            Some(Body::Bytes(bytes)) => init.set_body(&Uint8Array::from(bytes.as_slice())),
            None => {}
        }

        let answer = JsFuture::from(window.fetch_with_str_and_init(&self.url, &init))
            .await
            .map_err(|thrown| withdraw.why(&thrown))?
            .unchecked_into::<web_sys::Response>();
        let body = answer.array_buffer().map_err(|thrown| refused(&thrown))?;
        let body = JsFuture::from(body).await.map_err(|thrown| withdraw.why(&thrown))?;
        Ok(Response { status: answer.status(), headers: answer.headers(), body: bridge::bytes(&body) })
    }
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body as it came.
    pub body: Vec<u8>,
    headers: Headers,
}

impl Response {
    /// Whether the status is one of success.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header such as `Retry-After`, `Date` or `Upload-Offset`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).ok().flatten()
    }

    /// The body as JSON. What does not parse did not come from our server.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, PlatformError> {
        let text = String::from_utf8_lossy(&self.body);
        json::read(&text)
            .map_err(|error| NetworkError::Unreadable(format!("status {}: {error}", self.status)).into())
    }
}

/// Ends the request when the time is up, and when the future that waits for it is dropped.
struct Withdraw {
    controller: AbortController,
    late: Rc<Cell<bool>>,
    _timer: Timeout,
}

impl Withdraw {
    fn after(ms: u32) -> Result<Self, PlatformError> {
        let controller = AbortController::new().map_err(|thrown| refused(&thrown))?;
        let late = Rc::new(Cell::new(false));
        let timer = {
            let (controller, late) = (controller.clone(), Rc::clone(&late));
            Timeout::new(ms, move || {
                late.set(true);
                controller.abort();
            })
        };
        Ok(Self { controller, late, _timer: timer })
    }

    fn why(&self, thrown: &JsValue) -> NetworkError {
        let (name, message) = error::thrown(thrown);
        if self.late.get() {
            NetworkError::Timeout
        } else if name == "AbortError" {
            NetworkError::Aborted
        } else if events::is_online() {
            NetworkError::Unreachable(format!("{name}: {message}"))
        } else {
            NetworkError::Offline
        }
    }
}

impl Drop for Withdraw {
    fn drop(&mut self) {
        // After the answer was read this changes nothing.
        self.controller.abort();
    }
}

/// The browser did not accept what the request consists of: a mistake of the program, not of the network.
fn refused(thrown: &JsValue) -> PlatformError {
    NetworkError::Unreachable(error::words(thrown)).into()
}
