//! The stream of pokes.

use std::time::Duration;

use axum::{
    body::{Body, BodyDataStream},
    http::{Request, header},
};
use futures::StreamExt;
use serde_json::json;
use shared::wire::Poke;
use tower::ServiceExt;

use crate::kit::{Device, On, TestApp, cast, complaint, leak, tests};

tests![
    a_poke_comes_after_what_concerns_the_reader,
    many_commands_are_one_poke,
    who_is_not_concerned_hears_nothing,
    r9_the_person_complained_about_hears_nothing,
    a_poke_follows_a_gained_role,
    the_stream_ends_when_the_server_stops,
    a_revoked_session_hears_of_nothing_more,
    a_session_listens_only_so_often_at_once,
    nobody_listens_without_a_session,
];

/// Longer than a poke takes by far, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for a poke that should not come, which pokes gathered for 50 ms would show.
const QUIET: Duration = Duration::from_millis(400);

struct Stream(BodyDataStream);

impl Stream {
    /// Opens the stream and takes the poke of its opening.
    async fn open(device: &Device) -> Stream {
        let request = Request::get("/api/live").header(header::COOKIE, &device.cookie);
        let response = device.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        let mut stream = Stream(response.into_body().into_data_stream());
        stream.next().await.unwrap();
        stream
    }

    /// The next poke; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Poke> {
        let bytes = tokio::time::timeout(PATIENCE, self.0.next()).await.expect("no poke came")?.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let data = text.strip_prefix("data: ").unwrap_or_else(|| panic!("no event: {text}"));
        Some(serde_json::from_str(data.trim()).unwrap())
    }

    async fn is_quiet(&mut self) -> bool {
        tokio::time::timeout(QUIET, self.0.next()).await.is_err()
    }
}

async fn a_poke_comes_after_what_concerns_the_reader(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let mut stream = Stream::open(&team.desk).await;
    let case = team.guard.report().await;
    let poke = stream.next().await.unwrap();
    assert_eq!(poke.site.as_str(), "jinzhou");
    // Whoever pulls on a poke finds what it was about.
    assert!(team.desk.pull().await.case(case).is_some());
}

async fn many_commands_are_one_poke(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let mut stream = Stream::open(&team.desk).await;
    let mut texts = Vec::new();
    for _ in 0..20 {
        texts.push(team.guard.make("case.report", team.guard.new_case(), leak()));
    }
    team.guard.push(texts).await;
    stream.next().await.unwrap();
    assert!(stream.is_quiet().await);
}

async fn who_is_not_concerned_hears_nothing(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let foreign = app.sign_in(cast::FOREIGN_DESK).await;
    let mut streams = [Stream::open(&team.technician).await, Stream::open(&foreign).await];
    let case = team.guard.report().await;
    for stream in &mut streams {
        assert!(stream.is_quiet().await);
    }
    let to = team.technician.person;
    team.desk.accepted("case.dispatch", case, json!({ "to": to })).await;
    streams[0].next().await.unwrap();
    assert!(streams[1].is_quiet().await);
}

async fn r9_the_person_complained_about_hears_nothing(on: On) {
    let app = TestApp::start(on).await;
    let mut reporter = app.sign_in(cast::CLEANER).await;
    let (accused, lead) = (app.sign_in(cast::GUARD).await, app.sign_in(cast::LEAD).await);
    let mut streams = [Stream::open(&accused).await, Stream::open(&lead).await];
    reporter.accepted("case.report", reporter.new_case(), complaint(accused.person)).await;
    for stream in &mut streams {
        assert!(stream.is_quiet().await);
    }
}

async fn a_poke_follows_a_gained_role(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut stream = Stream::open(&team.technician).await;
    app.reimport("jinzhou", |file| {
        let people = file["people"].as_array_mut().unwrap();
        people.iter_mut().find(|person| person["code"] == cast::TECHNICIAN).unwrap()["roles"] =
            json!(["desk"]);
    })
    .await;
    stream.next().await.unwrap();
    team.guard.report().await;
    stream.next().await.unwrap();
}

async fn the_stream_ends_when_the_server_stops(on: On) {
    let (app, team) = TestApp::with_team(on).await;
    let mut stream = Stream::open(&team.desk).await;
    app.app.stopping.send_replace(true);
    assert!(stream.next().await.is_none());
}

async fn a_revoked_session_hears_of_nothing_more(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let mut stream = Stream::open(&team.desk).await;
    assert_eq!(team.desk.request("DELETE", "/api/session", None).await.status, 204);
    team.guard.report().await;
    assert!(stream.next().await.is_none());
}

async fn nobody_listens_without_a_session(on: On) {
    let app = TestApp::start(on).await;
    let reply = Device::new(&app).get("/api/live").await;
    assert_eq!(reply.problem(), (401, "auth.required".to_owned()));
}

/// Whether a stream is opened; it is closed at once.
async fn opens(device: &Device) -> bool {
    let request = Request::get("/api/live").header(header::COOKIE, &device.cookie);
    let response = device.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    response.status().is_success()
}

async fn a_session_listens_only_so_often_at_once(on: On) {
    let (_app, team) = TestApp::with_team(on).await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(Stream::open(&team.desk).await);
    }
    let reply = team.desk.get("/api/live").await;
    assert_eq!(reply.problem(), (429, "request.too_many".to_owned()));
    assert_eq!(reply.header("retry-after"), "30");
    // Another session is not counted with it, and one that ends makes room.
    Stream::open(&team.guard).await;
    streams.pop();
    let mut left = 200;
    while !opens(&team.desk).await {
        left -= 1;
        assert!(left > 0, "no room was made");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
