//! A phone one version behind: the engine of now, reduced to what the client of release 0.1.0 sent and understood.
//!
//! `end2end/clients/0.1.0.json` has that client's requests. It did not say who pulls, nor what kinds of documents it
//! reads; it knew neither of backups nor of restores, carried nobody's rows, and named no author of an upload in its
//! address. What came later in an answer it did not look at.

use device::{Body, Request, Response};
use serde_json::Value;

/// A request as that version makes it.
pub fn request(request: Request) -> Request {
    let url = match request.url.split_once('?') {
        Some((path, query)) => {
            let known: Vec<&str> = query.split('&').filter(|part| !newer(path, part)).collect();
            if known.is_empty() { path.to_owned() } else { format!("{path}?{}", known.join("&")) }
        }
        None => request.url,
    };
    let body = match request.body {
        Some(Body::Text(text)) if url == "/api/push" => Some(Body::Text(without(&text, &["had", "gap"]))),
        body => body,
    };
    Request { url, body, ..request }
}

fn newer(path: &str, part: &str) -> bool {
    let name = part.split('=').next().unwrap_or_default();
    match path {
        "/api/pull" => matches!(name, "person" | "reads"),
        _ if path.starts_with("/api/files/") => name == "author",
        _ => false,
    }
}

/// What that version sees of an answer.
pub fn answer(response: Response) -> Response {
    let body = match std::str::from_utf8(&response.body) {
        Ok(text) if text.starts_with('{') => without(text, &["stable_seq", "relay_key"]).into_bytes(),
        Ok(_) | Err(_) => response.body,
    };
    Response { body, upload_seq: None, ..response }
}

/// A JSON object without some of its fields.
fn without(text: &str, fields: &[&str]) -> String {
    match serde_json::from_str(text) {
        Ok(Value::Object(mut object)) => {
            object.retain(|name, _| !fields.contains(&name.as_str()));
            Value::Object(object).to_string()
        }
        Ok(_) | Err(_) => text.to_owned(),
    }
}

#[test]
fn an_older_client_says_less() {
    let pull = Request::get("/api/pull?site=jinzhou&person=1&reads=quarantine&cursor=abc");
    assert_eq!(request(pull).url, "/api/pull?site=jinzhou&cursor=abc");
    assert_eq!(request(Request::new("HEAD", "/api/files/x.full?author=1")).url, "/api/files/x.full");
    assert_eq!(without(r#"{"v":1,"had":[],"gap":"x"}"#, &["had", "gap"]), r#"{"v":1}"#);
}
