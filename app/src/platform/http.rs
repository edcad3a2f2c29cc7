//! Sends requests to our own server by fetch, each with a time limit that covers the whole answer.
//!
//! Dropping the future of [`send`] withdraws the request.

use std::cell::Cell;
use std::rc::Rc;

use ::device::{Body, Request, Response};
use gloo_timers::callback::Timeout;
use js_sys::Uint8Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Headers, RequestCache, RequestCredentials, RequestInit};

use super::{NetworkError, PlatformError, bridge, error, events};

/// Sends a request and reads the whole answer.
pub async fn send(request: Request) -> Result<Response, PlatformError> {
    let window = bridge::window()?;
    let withdraw = Withdraw::after(request.limit_ms)?;
    let init = RequestInit::new();
    init.set_method(request.method);
    init.set_credentials(RequestCredentials::SameOrigin);
    init.set_cache(RequestCache::NoStore);
    init.set_signal(Some(&withdraw.controller.signal()));
    let headers = Headers::new().map_err(|thrown| refused(&thrown))?;
    for (name, value) in &request.headers {
        headers.set(name, value).map_err(|thrown| refused(&thrown))?;
    }
    init.set_headers_headers(&headers);
    match &request.body {
        Some(Body::Text(text)) => init.set_body(&JsValue::from_str(text)),
        Some(Body::Bytes(bytes)) => init.set_body(&Uint8Array::from(bytes.as_slice())),
        None => {}
    }

    let answer = JsFuture::from(window.fetch_with_str_and_init(&request.url, &init))
        .await
        .map_err(|thrown| withdraw.why(&thrown))?
        .unchecked_into::<web_sys::Response>();
    let body = answer.array_buffer().map_err(|thrown| refused(&thrown))?;
    let body = JsFuture::from(body).await.map_err(|thrown| withdraw.why(&thrown))?;
    let header = |name| answer.headers().get(name).ok().flatten();
    Ok(Response {
        status: answer.status(),
        body: bridge::bytes(&body),
        retry_after: header("retry-after"),
        upload_offset: header("upload-offset"),
        upload_seq: header("upload-seq"),
    })
}

/// Whether our server answers at all.
pub async fn server_answers() -> bool {
    send(Request::new("GET", "/healthz")).await.is_ok_and(|answer| answer.status == 200)
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
