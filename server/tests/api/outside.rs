//! What every answer has, and what is answered to strangers: headers, problems, the app's files, health.

use axum::{
    body::Body,
    http::{Request, header},
};
use server::config::Settings;

use crate::kit::{Device, On, TestApp, cast, tests};

tests![
    every_answer_has_the_security_headers,
    what_another_site_sends_is_refused,
    unknown_addresses_and_methods_are_problems,
    a_request_keeps_its_id_if_it_is_a_plain_one,
    the_server_says_that_it_is_ready_and_how_it_fares,
    the_interface_is_described,
    the_apps_files_are_served_compressed_and_cached,
    files_outside_the_site_stay_out_of_reach,
    too_many_requests_are_told_to_wait,
];

fn get(path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let request =
        headers.iter().fold(Request::get(path), |request, (name, value)| request.header(*name, *value));
    request.body(Body::empty()).unwrap()
}

async fn every_answer_has_the_security_headers(on: On) {
    let app = TestApp::start(on).await;
    for path in ["/", "/healthz", "/api/session", "/api/nothing"] {
        let reply = app.send(get(path, &[])).await;
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline"));
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("x-frame-options"), "DENY");
        assert!(reply.header("permissions-policy").contains("camera=(self)"));
    }
}

async fn what_another_site_sends_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let device = app.sign_in(cast::GUARD).await;
    let request = Request::delete("/api/session")
        .header(header::HOST, "firsthand.example")
        .header(header::ORIGIN, "https://elsewhere.example")
        .header(header::COOKIE, &device.cookie);
    let reply = app.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.problem(), (403, "request.foreign_origin".to_owned()));
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
    assert_eq!(reply.header("cache-control"), "no-store");
    assert_eq!(device.get("/api/session").await.status, 200);
}

async fn unknown_addresses_and_methods_are_problems(on: On) {
    let app = TestApp::start(on).await;
    let device = Device::new(&app);
    for path in ["/api", "/api/nothing", "/api/push/more"] {
        assert_eq!(device.get(path).await.problem(), (404, "request.not_found".to_owned()));
    }
    for (method, path) in [("GET", "/api/push"), ("POST", "/api/pull"), ("PATCH", "/api/session")] {
        let reply = device.request(method, path, None).await;
        assert_eq!(reply.problem(), (405, "request.method".to_owned()), "{method} {path}");
    }
}

async fn a_request_keeps_its_id_if_it_is_a_plain_one(on: On) {
    let app = TestApp::start(on).await;
    let reply = app.send(get("/api/nothing", &[("x-request-id", "0123abcd-proxy")])).await;
    assert_eq!(reply.header("x-request-id"), "0123abcd-proxy");
    assert_eq!(reply.json()["request_id"], "0123abcd-proxy");
    for odd in ["short", "with spaces in it", &"x".repeat(65)] {
        let reply = app.send(get("/api/nothing", &[("x-request-id", odd)])).await;
        assert_ne!(reply.header("x-request-id"), odd);
        reply.problem();
    }
}

async fn the_server_says_that_it_is_ready_and_how_it_fares(on: On) {
    let (app, folder) = with_site(on).await;
    assert_eq!(app.send(get("/healthz", &[])).await.status, 200);
    assert_eq!(app.send(get("/readyz", &[])).await.status, 200);
    let figures = app.send(get("/metrics", &[])).await;
    assert!(figures.text.contains("http_requests_total{"), "{}", figures.text);
    std::fs::remove_file(folder.path().join("index.html")).unwrap();
    assert_eq!(app.send(get("/readyz", &[])).await.problem().0, 503);
    app.app.db.close().await;
    assert_eq!(app.send(get("/healthz", &[])).await.status, 200);
    let reply = app.send(get("/readyz", &[])).await;
    assert_eq!(reply.problem(), (503, "server.unavailable".to_owned()));
    assert!(!reply.header("retry-after").is_empty());
}

async fn the_interface_is_described(on: On) {
    let app = TestApp::start(on).await;
    let described = app.send(get("/api/openapi.json", &[])).await.json();
    let paths = described["paths"].as_object().unwrap();
    for path in ["/api/push", "/api/pull", "/api/live", "/api/session", "/api/sessions/{id}", "/api/files"] {
        assert!(paths.contains_key(path), "{path}");
    }
    let schemas = described["components"]["schemas"].as_object().unwrap();
    for schema in ["PushRequest", "PullResponse", "Problem", "CaseView", "Session"] {
        assert!(schemas.contains_key(schema), "{schema}");
    }
    // Whatever is referred to is there.
    let text = described.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to");
    }
}

/// A site of a few files, as the build leaves it.
async fn with_site(on: On) -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    for (name, text) in [
        ("index.html", "<!doctype html>"),
        ("index.html.br", "brotli"),
        ("index.html.gz", "gzip"),
        ("sw.js", "self"),
        ("assets/app-0123456789abcdef.wasm", "wasm"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let settings = Settings { site_dir: Some(folder.path().to_owned()), ..Default::default() };
    (TestApp::with(on, settings).await, folder)
}

async fn the_apps_files_are_served_compressed_and_cached(on: On) {
    let (app, _folder) = with_site(on).await;
    let page = app.send(get("/", &[("accept-encoding", "gzip, br")])).await;
    assert_eq!((page.text.as_str(), page.header("content-encoding")), ("brotli", "br"));
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    let page = app.send(get("/index.html", &[("accept-encoding", "gzip")])).await;
    assert_eq!(page.header("content-encoding"), "gzip");
    let plain = app.send(get("/cases/17", &[("accept", "text/html,*/*")])).await;
    assert_eq!(plain.text, "<!doctype html>");
    let again = app.send(get("/", &[("if-none-match", plain.header("etag"))])).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    let wasm = app.send(get("/assets/app-0123456789abcdef.wasm", &[])).await;
    assert_eq!(wasm.header("content-type"), "application/wasm");
    assert!(wasm.header("cache-control").contains("immutable"));
    let head = Request::head("/sw.js").body(Body::empty()).unwrap();
    let head = app.send(head).await;
    assert_eq!((head.status, head.text.as_str(), head.header("content-length")), (200, "", "4"));
}

async fn files_outside_the_site_stay_out_of_reach(on: On) {
    let (app, folder) = with_site(on).await;
    let secret = folder.path().parent().unwrap().join("secret.txt");
    std::fs::write(&secret, "secret").unwrap();
    for path in ["/../secret.txt", "/assets/../../secret.txt", "//etc/hostname", "/assets", "/assets/"] {
        let reply = app.send(get(path, &[])).await;
        assert_eq!((reply.status, reply.text.as_str()), (404, "not found"), "{path}");
    }
    // A missing script is not answered with a page.
    assert_eq!(app.send(get("/assets/gone.js", &[("accept", "*/*")])).await.status, 404);
    std::fs::remove_file(secret).unwrap();
}

async fn too_many_requests_are_told_to_wait(on: On) {
    let settings = Settings { requests_per_second: 1, requests_burst: 5, ..Default::default() };
    let app = TestApp::with(on, settings).await;
    let mut refused = None;
    for _ in 0..20 {
        let reply = app.send(get("/api/session", &[])).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("all were answered");
    assert_eq!(refused.problem(), (429, "request.too_many".to_owned()));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    // The app's own files and the health of the server are no part of it.
    assert_eq!(app.send(get("/healthz", &[])).await.status, 200);
}
