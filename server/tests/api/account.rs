//! Signing in, sessions, passwords.

use axum::{body::Body, http::Request};
use serde_json::json;
use server::config::Settings;
use shared::{session::Session, wire};

use crate::kit::{Device, On, PASSWORD, TestApp, cast, leak, tests};

tests![
    signing_in_by_code_by_site_and_code_and_by_telephone,
    a_wrong_name_and_a_wrong_password_are_told_apart_by_nobody,
    a_code_of_two_sites_needs_the_site,
    a_damaged_key_is_refused,
    attempts_are_limited_and_the_limit_ends,
    a_person_with_several_names_has_one_limit,
    a_name_of_any_length_is_refused_and_not_remembered,
    attempts_are_limited_per_address_and_a_proxy_may_say_which,
    a_session_can_be_listed_and_revoked,
    signing_out_ends_the_session,
    a_session_ends_thirty_days_after_its_last_use,
    a_new_password_ends_the_other_sessions,
    who_has_left_signs_in_no_more,
    signing_in_tells_where_the_chain_stands,
    the_cookie_is_out_of_reach_of_scripts_and_other_sites,
];

async fn signing_in_by_code_by_site_and_code_and_by_telephone(on: On) {
    let app = TestApp::start(on).await;
    let mut people = Vec::new();
    for name in ["P023", "jinzhou/P023", "13900000023", " P023 ", "p023", "jinzhou/p023"] {
        people.push(app.sign_in(name).await.person);
    }
    assert!(people.iter().all(|person| *person == people[0]));
    let device = app.sign_in(cast::GUARD).await;
    let session: Session = serde_json::from_str(&device.get("/api/session").await.text).unwrap();
    assert_eq!(session.person, people[0]);
    assert_eq!(session.sites.iter().map(|site| site.code.as_str()).collect::<Vec<_>>(), ["jinzhou"]);
    assert_eq!(session.server_time, app.now());
}

async fn a_wrong_name_and_a_wrong_password_are_told_apart_by_nobody(on: On) {
    let app = TestApp::start(on).await;
    for (name, password) in [(cast::GUARD, "wrong password"), ("nobody", PASSWORD), (cast::GUARD, "")] {
        let reply = Device::new(&app).sign_in(name, password).await;
        assert_eq!(reply.problem(), (401, "auth.wrong".to_owned()));
    }
    let nobody = Device::new(&app);
    assert_eq!(nobody.get("/api/session").await.problem(), (401, "auth.required".to_owned()));
    let mut forged = Device::new(&app);
    forged.cookie = "firsthand_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    assert_eq!(forged.get("/api/session").await.problem(), (401, "auth.required".to_owned()));
}

async fn a_code_of_two_sites_needs_the_site(on: On) {
    let app = TestApp::start(on).await;
    app.reimport("wanjing", |file| file["people"][4]["code"] = json!("P023")).await;
    let reply = Device::new(&app).sign_in("P023", PASSWORD).await;
    assert_eq!(reply.problem(), (422, "auth.name_ambiguous".to_owned()));
    assert_eq!(app.sign_in("jinzhou/P023").await.site, "jinzhou");
    assert_eq!(app.sign_in("wanjing/P023").await.site, "wanjing");
}

async fn a_damaged_key_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let device = Device::new(&app);
    let outside_the_curve = wire::base64url(&[[4].as_slice(), &[7; 64]].concat());
    for key in ["", "not base64!", &outside_the_curve, &device.public_key()[..80]] {
        let body =
            json!({ "name": cast::GUARD, "password": PASSWORD, "device": device.id, "public_key": key });
        let reply = device.post("/api/session", &body).await;
        assert_eq!(reply.problem(), (400, "auth.bad_key".to_owned()));
    }
}

async fn attempts_are_limited_and_the_limit_ends(on: On) {
    let app = TestApp::start(on).await;
    for _ in 0..5 {
        let reply = Device::new(&app).sign_in(cast::GUARD, "wrong password").await;
        assert_eq!(reply.status, 401);
    }
    let reply = Device::new(&app).sign_in(cast::GUARD, PASSWORD).await;
    assert_eq!(reply.problem(), (429, "auth.too_many".to_owned()));
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert_eq!(reply.json()["fields"]["seconds"], seconds.to_string());
    // Another person is not locked out with them.
    app.sign_in(cast::DESK).await;
    app.clock.advance(std::time::Duration::from_secs(seconds));
    app.sign_in(cast::GUARD).await;
}

async fn a_person_with_several_names_has_one_limit(on: On) {
    let app = TestApp::start(on).await;
    for name in ["P023", "jinzhou/P023", "13900000023", "P023", "jinzhou/P023"] {
        assert_eq!(Device::new(&app).sign_in(name, "wrong password").await.status, 401);
    }
    let reply = Device::new(&app).sign_in("13900000023", PASSWORD).await;
    assert_eq!(reply.problem(), (429, "auth.too_many".to_owned()));
    // Whoever waits as long as told gets in.
    app.clock.advance(std::time::Duration::from_secs(reply.header("retry-after").parse().unwrap()));
    app.sign_in("13900000023").await;
}

async fn a_name_of_any_length_is_refused_and_not_remembered(on: On) {
    let app = TestApp::start(on).await;
    for _ in 0..20 {
        let reply = Device::new(&app).sign_in(&"长".repeat(100_000), PASSWORD).await;
        assert_eq!(reply.problem(), (401, "auth.wrong".to_owned()));
    }
}

async fn attempts_are_limited_per_address_and_a_proxy_may_say_which(on: On) {
    let settings = Settings { behind_proxy: true, sign_in_attempts_per_address: 3, ..Settings::default() };
    let app = TestApp::with(on, settings).await;
    let device = Device::new(&app);
    // What a client claims stands before what our own proxy adds.
    let attempt = async |name: &str, forwarded: &str| {
        let body = json!({
            "name": name, "password": "wrong password", "device": device.id, "public_key": device.public_key(),
        });
        let request = Request::post("/api/session")
            .header("x-forwarded-for", format!("192.0.2.{name}, {forwarded}"))
            .header("content-type", "application/json");
        app.send(request.body(Body::from(body.to_string())).unwrap()).await.status
    };
    for name in ["1", "2", "3"] {
        assert_eq!(attempt(name, "203.0.113.7").await, 401);
    }
    assert_eq!(attempt("4", "203.0.113.7").await, 429);
    assert_eq!(attempt("4", "203.0.113.8").await, 401);
}

async fn a_session_can_be_listed_and_revoked(on: On) {
    let app = TestApp::start(on).await;
    let (phone, tablet) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::GUARD).await);
    let sessions = phone.get("/api/sessions").await.json();
    let entries = sessions.as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries.iter().filter(|entry| entry["current"] == true).count(), 1);
    let other = entries.iter().find(|entry| entry["current"] == false).unwrap();
    let path = format!("/api/sessions/{}", other["id"].as_str().unwrap());

    let stranger = app.sign_in(cast::DESK).await;
    assert_eq!(stranger.request("DELETE", &path, None).await.problem().0, 404);
    assert_eq!(
        phone.request("DELETE", "/api/sessions/%FF", None).await.problem(),
        (404, "request.not_found".to_owned())
    );
    assert_eq!(phone.request("DELETE", &path, None).await.status, 204);
    assert_eq!(phone.request("DELETE", &path, None).await.problem().0, 404);
    assert_eq!(tablet.get("/api/session").await.problem(), (401, "auth.required".to_owned()));
    assert_eq!(phone.get("/api/session").await.status, 200);
}

async fn signing_out_ends_the_session(on: On) {
    let app = TestApp::start(on).await;
    let device = app.sign_in(cast::GUARD).await;
    let reply = device.request("DELETE", "/api/session", None).await;
    assert_eq!(reply.status, 204);
    assert!(reply.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(device.get("/api/session").await.status, 401);
    assert_eq!(device.request("DELETE", "/api/session", None).await.status, 401);
}

async fn a_session_ends_thirty_days_after_its_last_use(on: On) {
    let app = TestApp::start(on).await;
    let device = app.sign_in(cast::GUARD).await;
    const DAY: u64 = 24 * 60;
    for _ in 0..3 {
        app.advance(29 * DAY);
        assert_eq!(device.get("/api/session").await.status, 200);
    }
    app.advance(30 * DAY + 1);
    assert_eq!(device.get("/api/session").await.status, 401);
}

async fn a_new_password_ends_the_other_sessions(on: On) {
    let app = TestApp::start(on).await;
    let (device, other) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::GUARD).await);
    let put = async |old: &str, new: &str| {
        let body = json!({ "old": old, "new": new }).to_string();
        device.request("PUT", "/api/session/password", Some(body)).await
    };
    assert_eq!(put("wrong", "a better one").await.problem(), (401, "auth.wrong".to_owned()));
    assert_eq!(put(PASSWORD, "short").await.problem(), (422, "auth.password_short".to_owned()));
    assert_eq!(put(PASSWORD, "a better one").await.status, 204);
    assert_eq!(device.get("/api/session").await.status, 200);
    assert_eq!(other.get("/api/session").await.status, 401);
    assert_eq!(Device::new(&app).sign_in(cast::GUARD, PASSWORD).await.status, 401);
    assert_eq!(Device::new(&app).sign_in(cast::GUARD, "a better one").await.status, 200);
}

async fn who_has_left_signs_in_no_more(on: On) {
    let app = TestApp::start(on).await;
    app.reimport("jinzhou", crate::import::without(cast::CLEANER)).await;
    let reply = Device::new(&app).sign_in("13900000011", PASSWORD).await;
    assert_eq!(reply.problem(), (403, "auth.revoked".to_owned()));
}

async fn signing_in_tells_where_the_chain_stands(on: On) {
    let app = TestApp::start(on).await;
    let mut device = app.sign_in(cast::GUARD).await;
    device.report().await;
    device.report().await;
    let (n, prev) = (device.n, device.prev.clone());
    // The installation lost its key and its memory, and goes on where the server stands.
    device.key = p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap();
    device.n = 0;
    assert_eq!(device.sign_in(cast::GUARD, PASSWORD).await.status, 200);
    assert_eq!((device.n, device.prev.clone()), (n, prev));
    device.accepted("case.report", device.new_case(), leak()).await;
    // Another person on the same device has a chain of their own.
    device.sign_in(cast::OTHER_GUARD, PASSWORD).await;
    assert_eq!(device.n, 0);
}

async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites(on: On) {
    let app = TestApp::start(on).await;
    let cookie = Device::new(&app).sign_in(cast::GUARD, PASSWORD).await.header("set-cookie").to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"));
    let settings =
        Settings { public_url: Some("https://firsthand.example".to_owned()), ..Default::default() };
    let behind_https = TestApp::with(on, settings).await;
    let reply = Device::new(&behind_https).sign_in(cast::GUARD, PASSWORD).await;
    assert!(reply.header("set-cookie").contains("; Secure"));
}
