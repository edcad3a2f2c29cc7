//! What keeps other web sites out: headers of every answer, and where a request that changes something may come from.

use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use shared::Code;

use crate::{App, Error};

/// No inline script, no foreign host, no framing. WebAssembly needs a word of its own.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
                      img-src 'self' blob: data:; connect-src 'self'; worker-src 'self'; \
                      manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; \
                      object-src 'none'";

/// Sent with every answer.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(self), microphone=(self), geolocation=(self), display-capture=(), payment=(), usb=(), \
             serial=(), midi=(), magnetometer=(), gyroscope=(), accelerometer=()",
        ),
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// Refuses what another site's page sends, and adds the headers.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let api = request.uri().path().starts_with("/api/");
    let mut response = if reads || comes_from_us(&request, app.settings.public_url.as_deref()) {
        next.run(request).await
    } else {
        Error::from(Code::RequestForeignOrigin).into_response()
    };
    if api {
        // Phones are shared: nothing that one person was told stays for the next, unless it says so itself.
        let headers = response.headers_mut();
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    for (name, value) in &HEADERS {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    response
}

/// Whether a request comes from a page of ours, or from no page at all.
///
/// Browsers say `Origin` with everything that changes something; what has none is no browser, and holds no cookie that
/// somebody else could abuse.
fn comes_from_us(request: &Request, public_url: Option<&str>) -> bool {
    let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = request.headers().get(header::ORIGIN) else {
        return matches!(
            text(HeaderName::from_static("sec-fetch-site")),
            None | Some("same-origin" | "none")
        );
    };
    let Ok(origin) = origin.to_str() else { return false };
    match public_url {
        Some(public) => public.trim_end_matches('/') == origin,
        // A proxy that speaks https may stand before us, so that only the host can be compared.
        None => {
            let origin = origin.parse::<Uri>().ok();
            let asked = text(header::HOST).or(request.uri().authority().map(|authority| authority.as_str()));
            match (origin.as_ref().and_then(Uri::authority), asked) {
                (Some(origin), Some(asked)) => origin.as_str() == asked,
                (None, _) | (_, None) => false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request {
        let mut builder = Request::builder().method("POST").uri("/api/push");
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(axum::body::Body::empty()).unwrap()
    }

    #[rstest::rstest]
    #[case(&[("host", "a.example")], None, true)]
    #[case(&[("host", "a.example"), ("origin", "https://a.example")], None, true)]
    #[case(&[("host", "a.example:8080"), ("origin", "http://a.example:8080")], None, true)]
    #[case(&[("host", "a.example"), ("origin", "https://b.example")], None, false)]
    #[case(&[("host", "a.example"), ("origin", "null")], None, false)]
    #[case(&[("host", "inside:80"), ("origin", "https://a.example")], Some("https://a.example/"), true)]
    #[case(&[("host", "inside:80"), ("origin", "https://b.example")], Some("https://a.example/"), false)]
    #[case(&[("host", "a.example"), ("sec-fetch-site", "cross-site")], None, false)]
    #[case(&[("host", "a.example"), ("sec-fetch-site", "same-origin")], None, true)]
    fn only_our_own_pages_change_something(
        #[case] headers: &[(&str, &str)],
        #[case] public_url: Option<&str>,
        #[case] allowed: bool,
    ) {
        assert_eq!(comes_from_us(&request(headers), public_url), allowed);
    }
}
