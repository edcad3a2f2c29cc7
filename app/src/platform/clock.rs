//! The time: the only place of the app that asks for it. Everything else takes it as a parameter.

/// The device's wall time in milliseconds since 1970. It may be wrong and may jump; the server corrects it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where the app asks for the time")]
pub fn now_ms() -> i64 {
    js_sys::Date::now() as i64
}

/// Waits. A hidden page may be made to wait longer by the browser.
pub async fn sleep(ms: u32) {
    gloo_timers::future::TimeoutFuture::new(ms).await;
}
