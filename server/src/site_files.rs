//! The app itself: the built site inside the binary, or in a folder.
//!
//! What lies under `assets/` has a hash in its name and may be cached for ever; the rest is asked for each time. A
//! navigation to an address that is no file gets `index.html`: which page that is, the app knows. Files are compressed
//! when the site is built, never here.

use std::{
    borrow::Cow,
    path::{Component, Path},
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};
use shared::wire;

use crate::{App, Error};

/// The site as it was when the binary was built; empty if there was none.
#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../target/site"]
#[allow_missing = true]
struct Embedded;

/// Content encodings, best first, with the suffix of the file that holds it.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// Serves a file of the site.
///
/// # Errors
/// If a file of the folder cannot be read.
pub async fn serve(
    State(app): State<App>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if !matches!(method, Method::GET | Method::HEAD) {
        return Err(shared::Code::RequestMethod.into());
    }
    let folder = app.settings.site_dir.as_deref();
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    if let Some(response) = file(folder, path, accepted, &headers).await? {
        return Ok(without_body_for_head(&method, response));
    }
    // A missing script answered with a page would be an error that nobody understands.
    let navigation = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if navigation && let Some(response) = file(folder, "index.html", accepted, &headers).await? {
        return Ok(without_body_for_head(&method, response));
    }
    Ok((StatusCode::NOT_FOUND, "not found").into_response())
}

/// Whether there is an app to serve.
///
/// # Errors
/// If the folder cannot be read.
pub async fn present(app: &App) -> Result<bool, Error> {
    Ok(read(app.settings.site_dir.as_deref(), "index.html").await?.is_some())
}

async fn file(
    folder: Option<&Path>,
    path: &str,
    accepted: &str,
    headers: &HeaderMap,
) -> Result<Option<Response>, Error> {
    if ENCODINGS.iter().any(|(_, suffix)| path.ends_with(suffix)) {
        return Ok(None);
    }
    let mut found = None;
    for (encoding, suffix) in ENCODINGS.iter().filter(|(encoding, _)| accepts(accepted, encoding)) {
        if let Some(bytes) = read(folder, &format!("{path}{suffix}")).await? {
            found = Some((bytes, Some(*encoding)));
            break;
        }
    }
    let (bytes, encoding) = match found {
        Some(found) => found,
        None => match read(folder, path).await? {
            Some(bytes) => (bytes, None),
            None => return Ok(None),
        },
    };
    let tag = format!("\"{}\"", &wire::hex(&Sha256::digest(&bytes))[..32]);
    let mut answer = HeaderMap::new();
    let caching =
        if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        answer.insert(header::ETAG, value);
    }
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok(Some((StatusCode::NOT_MODIFIED, answer).into_response()));
    }
    if let Some(encoding) = encoding {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime(path)));
    answer.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Ok(Some((answer, Body::from(bytes)).into_response()))
}

fn without_body_for_head(method: &Method, response: Response) -> Response {
    if *method == Method::HEAD { response.map(|_| Body::empty()) } else { response }
}

async fn read(folder: Option<&Path>, path: &str) -> Result<Option<Cow<'static, [u8]>>, Error> {
    let Some(folder) = folder else {
        return Ok(Embedded::get(path).map(|file| file.data));
    };
    let path = Path::new(path);
    if !path.components().all(|component| matches!(component, Component::Normal(_))) {
        return Ok(None);
    }
    match tokio::fs::read(folder.join(path)).await {
        Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
        // A folder, or a path through a file: as good as missing.
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::IsADirectory
                    | std::io::ErrorKind::NotADirectory
                    | std::io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(Error::Other(error.into())),
    }
}

/// Whether an `Accept-Encoding` takes an encoding; `q=0` means no.
fn accepts(header: &str, encoding: &str) -> bool {
    header.split(',').any(|part| {
        let mut words = part.split(';').map(str::trim);
        words.next().is_some_and(|name| name.eq_ignore_ascii_case(encoding))
            && !words.any(|word| matches!(word, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("txt") => "text/plain; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn an_encoding_is_taken_only_where_the_browser_names_it() {
        assert!(accepts("gzip, deflate, br", "br"));
        assert!(accepts("br;q=1.0, gzip;q=0.8", "gzip"));
        assert!(!accepts("gzip", "br"));
        assert!(!accepts("br;q=0, gzip", "br"));
        assert!(!accepts("", "gzip"));
    }
}
