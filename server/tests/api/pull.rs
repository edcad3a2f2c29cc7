//! Pulling: pages, cursors, and what is gained and lost.

use serde_json::{Value, json};
use server::feed::archive::sweep;
use shared::wire::{self, DocKey, PullResponse};

use crate::kit::{On, TestApp, cast, complaint, tests};

tests![
    a_first_pull_brings_the_site_and_what_concerns_the_reader,
    nothing_new_is_nothing_sent,
    pages_bring_everything_once,
    large_documents_come_a_few_at_a_time,
    a_change_between_pages_is_not_lost,
    a_damaged_cursor_is_unreadable,
    a_cursor_of_another_site_or_person_is_foreign,
    r9_a_forged_cursor_names_no_foreign_document,
    a_cursor_outlives_the_server_that_sealed_it,
    a_cursor_from_the_future_is_refused,
    a_cursor_of_another_epoch_starts_from_nothing,
    a_gained_role_brings_its_cases,
    a_lost_role_takes_its_cases_but_what_another_principal_shows,
    losing_a_role_in_pages_takes_everything,
    a_role_lost_and_gained_again_keeps_nothing_that_was_taken_meanwhile,
    r9_nightfall_hides_no_complaint_from_being_taken_back,
    who_has_left_loses_everything,
    a_case_that_ended_long_ago_leaves_the_feed_and_comes_back_with_a_change,
    a_new_device_walks_by_what_has_left_the_feed,
    r9_a_complaint_that_has_left_the_feed_stays_away_from_whoever_joins_the_office,
    nobody_pulls_without_a_session,
    what_is_asked_for_somebody_else_is_not_answered,
    a_bad_query_is_refused,
];

async fn what_is_asked_for_somebody_else_is_not_answered(on: On) {
    let (_app, team) = TestApp::with_team(on).await;
    let path = |person| format!("/api/pull?site=jinzhou&person={person}");
    assert_eq!(team.guard.get(&path(team.guard.person)).await.status, 200);
    let foreign = team.guard.get(&path(team.desk.person)).await;
    assert_eq!(foreign.problem(), (401, "auth.required".to_owned()));
}

async fn a_first_pull_brings_the_site_and_what_concerns_the_reader(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    let keys: Vec<DocKey> = team.guard.pull().await.docs.keys().copied().collect();
    assert_eq!(keys, [DocKey::Site, DocKey::Places, DocKey::People, DocKey::Case(case)]);
    assert!(team.technician.pull().await.case(case).is_none());
    assert!(team.technician.pull().await.gone.is_empty());
}

async fn nothing_new_is_nothing_sent(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    team.technician.pull().await;
    team.guard.report().await;
    assert!(team.technician.pull().await.changed.is_empty());
    team.guard.pull().await;
    assert!(team.guard.pull().await.changed.is_empty());
}

async fn pages_bring_everything_once(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let mut cases = Vec::new();
    for _ in 0..9 {
        cases.push(team.guard.report().await);
    }
    for (n, case) in cases.iter().enumerate().filter(|(n, _)| n % 2 == 0) {
        team.desk.accepted("case.comment", *case, json!({ "text": n.to_string() })).await;
    }
    for limit in [1, 2, 5] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let reply = team.desk.get(&format!("/api/pull?site=jinzhou&limit={limit}&cursor={cursor}")).await;
            let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
            assert!(page.docs.len() <= limit);
            assert!(page.gone.is_empty());
            seen.extend(page.docs.iter().map(wire::Doc::key));
            cursor = page.cursor;
            if !page.more {
                break;
            }
        }
        assert_eq!(seen.len(), 3 + 9);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 3 + 9);
    }
}

async fn large_documents_come_a_few_at_a_time(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let text = "长".repeat(2_000);
    let mut cases = Vec::new();
    for _ in 0..10 {
        let case = team.guard.report().await;
        let comment = json!({ "text": text });
        let comments = (0..20).map(|_| team.guard.make("case.comment", case, comment.clone())).collect();
        team.guard.push(comments).await;
        cases.push(case);
    }
    let mut cursor = String::new();
    let mut pages = 0;
    let mut seen = Vec::new();
    loop {
        let reply = team.desk.get(&format!("/api/pull?site=jinzhou&limit=500&cursor={cursor}")).await;
        // What stands around the documents is small.
        assert!(reply.text.len() < (1 << 20) + 10_000, "{}", reply.text.len());
        let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
        seen.extend(page.docs.iter().map(wire::Doc::key));
        pages += 1;
        cursor = page.cursor;
        if !page.more {
            break;
        }
    }
    assert!(pages > 1);
    assert_eq!(seen.len(), 3 + cases.len());
    assert!(cases.iter().all(|case| seen.contains(&DocKey::Case(*case))));
}

async fn a_change_between_pages_is_not_lost(on: On) {
    let (_app, mut team) = TestApp::with_team(on).await;
    let first = team.guard.report().await;
    for _ in 0..4 {
        team.guard.report().await;
    }
    let reply = team.desk.get("/api/pull?site=jinzhou&limit=4").await;
    let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
    assert!(page.more);
    assert_eq!(page.docs[3].key(), DocKey::Case(first));
    team.guard.accepted("case.comment", first, json!({ "text": "更大了" })).await;
    let reply = team.desk.get(&format!("/api/pull?site=jinzhou&cursor={}", page.cursor)).await;
    let rest: PullResponse = serde_json::from_str(&reply.text).unwrap();
    let keys: Vec<DocKey> = rest.docs.iter().map(wire::Doc::key).collect();
    assert_eq!(keys.len(), 5);
    assert_eq!(keys[4], DocKey::Case(first));
}

async fn a_damaged_cursor_is_unreadable(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    for cursor in ["x", "e30", "%FF", "bm90IGpzb24", &"A".repeat(5_000)] {
        let reply = guard.get(&format!("/api/pull?site=jinzhou&cursor={cursor}")).await;
        let (status, code) = reply.problem();
        assert_eq!(status, 400, "{cursor}");
        assert!(["cursor.unreadable", "request.bad_body"].contains(&code.as_str()));
    }
}

async fn a_cursor_of_another_site_or_person_is_foreign(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let mut desk = app.sign_in(cast::DESK).await;
    let mut stranger = app.sign_in(cast::FOREIGN_GUARD).await;
    for other in [&mut desk, &mut stranger] {
        let cursor = other.pull().await.cursor.clone().unwrap();
        let reply = guard.get(&format!("/api/pull?site=jinzhou&cursor={cursor}")).await;
        assert_eq!(reply.problem(), (403, "cursor.foreign".to_owned()));
    }
    let cursor = guard.pull().await.cursor.clone().unwrap();
    let reply = guard.get(&format!("/api/pull?site=wanjing&cursor={cursor}")).await;
    assert_eq!(reply.problem(), (403, "cursor.foreign".to_owned()));
}

/// The cursor with something changed, as only the server itself could.
fn rewritten(app: &TestApp, cursor: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_slice(&app.app.sealer.open(cursor).unwrap()).unwrap();
    change(&mut value);
    app.app.sealer.seal(value.to_string().as_bytes())
}

async fn r9_a_forged_cursor_names_no_foreign_document(on: On) {
    let app = TestApp::start(on).await;
    let mut desk = app.sign_in(cast::DESK).await;
    let mut accused = app.sign_in(cast::GUARD).await;
    let case = desk.new_case();
    desk.accepted("case.report", case, complaint(accused.person)).await;
    let cursor = accused.pull().await.cursor.clone().unwrap();
    let change = |cursor: &mut Value| {
        let at = cursor["at"]["all"].clone();
        cursor["at"][format!("person:{}", desk.person)] = at;
    };
    // This is what a seal protects: a server that believed it would name the case.
    let sealed = rewritten(&app, &cursor, change);
    let reply = accused.get(&format!("/api/pull?site=jinzhou&cursor={sealed}")).await;
    assert!(reply.text.contains(&case.to_string()));
    let bytes = wire::read_base64url(&cursor).unwrap();
    let (seal, json) = bytes.split_at(32);
    let mut value: Value = serde_json::from_slice(json).unwrap();
    change(&mut value);
    let forged = value.to_string();
    for forged in [
        wire::base64url(forged.as_bytes()),
        wire::base64url(&[seal, forged.as_bytes()].concat()),
        wire::base64url(&[[0; 32].as_slice(), forged.as_bytes()].concat()),
    ] {
        let reply = accused.get(&format!("/api/pull?site=jinzhou&cursor={forged}")).await;
        assert_eq!(reply.problem(), (400, "cursor.unreadable".to_owned()));
        assert!(!reply.text.contains(&case.to_string()));
    }
}

async fn a_cursor_outlives_the_server_that_sealed_it(on: On) {
    let mut app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    guard.pull().await;
    app.restart().await;
    guard.router = app.router.clone();
    assert!(guard.pull().await.changed.is_empty());
}

async fn a_cursor_from_the_future_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let cursor = guard.pull().await.cursor.clone().unwrap();
    for position in [1_000_000, i64::MAX] {
        let future = rewritten(&app, &cursor, |cursor| cursor["at"]["all"] = json!(position));
        let reply = guard.get(&format!("/api/pull?site=jinzhou&cursor={future}")).await;
        assert_eq!(reply.problem(), (400, "cursor.future".to_owned()));
    }
}

async fn a_cursor_of_another_epoch_starts_from_nothing(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let cursor = guard.pull().await.cursor.clone().unwrap();
    let older = rewritten(&app, &cursor, |cursor| {
        cursor["epoch"] = json!("another life");
        cursor["at"]["all"] = json!(1_000_000);
    });
    let reply = guard.get(&format!("/api/pull?site=jinzhou&cursor={older}")).await;
    let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(page.docs.len(), 3);
    assert_eq!(page.epoch, app.app.epoch);
}

/// Gives somebody other roles.
async fn cast_as(app: &TestApp, code: &str, roles: Value) {
    app.reimport("jinzhou", |file| {
        let people = file["people"].as_array_mut().unwrap();
        people.iter_mut().find(|person| person["code"] == code).unwrap()["roles"] = roles;
    })
    .await;
}

async fn a_gained_role_brings_its_cases(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    assert!(team.technician.pull().await.case(case).is_none());
    cast_as(&app, cast::TECHNICIAN, json!(["technician", "desk"])).await;
    assert!(team.technician.pull().await.case(case).is_some());
}

async fn a_lost_role_takes_its_cases_but_what_another_principal_shows(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let theirs = team.guard.report().await;
    let own = team.desk.report().await;
    assert_eq!(team.desk.pull().await.docs.len(), 3 + 2);
    cast_as(&app, cast::DESK, json!(["cleaner"])).await;
    let feed = team.desk.pull().await;
    assert!(feed.case(theirs).is_none() && feed.gone.contains(&DocKey::Case(theirs)));
    assert!(feed.case(own).is_some());
    assert!(team.desk.pull().await.changed.is_empty());
    // And back again.
    cast_as(&app, cast::DESK, json!(["desk"])).await;
    assert_eq!(team.desk.pull().await.docs.len(), 3 + 2);
}

async fn losing_a_role_in_pages_takes_everything(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut cases = Vec::new();
    for _ in 0..7 {
        cases.push(team.guard.report().await);
    }
    let own = team.desk.report().await;
    team.desk.pull().await;
    cast_as(&app, cast::DESK, json!(["cleaner"])).await;
    // One that the reader never had does not show up as gone.
    let later = team.guard.report().await;
    let feed = team.desk.pull_by("jinzhou", 2).await;
    assert!(cases.iter().all(|case| feed.gone.contains(&DocKey::Case(*case))));
    assert!(!feed.changed.contains(&DocKey::Case(later)));
    assert_eq!(feed.docs.keys().filter(|key| matches!(key, DocKey::Case(_))).count(), 1);
    assert!(feed.case(own).is_some());
}

async fn a_role_lost_and_gained_again_keeps_nothing_that_was_taken_meanwhile(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (first, second) = (team.guard.report().await, team.guard.report().await);
    let cursor = team.desk.pull().await.cursor.clone().unwrap();
    cast_as(&app, cast::DESK, json!(["cleaner"])).await;
    let reply = team.desk.get(&format!("/api/pull?site=jinzhou&limit=1&cursor={cursor}")).await;
    let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(page.gone, [DocKey::Case(first)]);
    // The line is cut before the second is taken back, which turns out to be about the reader.
    let about = json!({ "category": "complaint", "accused": team.desk.person });
    app.sign_in(cast::SUPERVISOR).await.accepted("case.classify", second, about).await;
    cast_as(&app, cast::DESK, json!(["desk"])).await;
    let reply = team.desk.get(&format!("/api/pull?site=jinzhou&cursor={}", page.cursor)).await;
    let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
    assert_eq!(page.gone, [DocKey::Case(second)]);
    assert!(page.docs.iter().any(|doc| doc.key() == DocKey::Case(first)));
}

async fn r9_nightfall_hides_no_complaint_from_being_taken_back(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let case = team.guard.report().await;
    let mut control_room = app.sign_in(cast::CONTROL_ROOM).await;
    assert!(control_room.pull().await.case(case).is_some());
    let about = json!({ "category": "complaint", "accused": control_room.person });
    app.sign_in(cast::SUPERVISOR).await.accepted("case.classify", case, about).await;
    app.advance(14 * 60);
    let feed = control_room.pull().await;
    assert!(feed.case(case).is_none() && feed.gone.contains(&DocKey::Case(case)));
}

const THIRTY_DAYS: u64 = 30 * 24 * 60;

async fn a_case_that_ended_long_ago_leaves_the_feed_and_comes_back_with_a_change(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (old, recent, open) =
        (team.guard.report().await, team.guard.report().await, team.guard.report().await);
    team.guard.accepted("case.cancel", old, json!({ "reason": "看错了" })).await;
    app.advance(1);
    team.guard.accepted("case.cancel", recent, json!({ "reason": "看错了" })).await;
    assert_eq!(team.guard.pull().await.docs.len(), 3 + 3);
    app.advance(THIRTY_DAYS - 1);
    let mut guard = app.sign_in(cast::GUARD).await;
    sweep(&app.app).await.unwrap();
    team.guard.cookie.clone_from(&guard.cookie);
    let feed = team.guard.pull().await;
    assert_eq!(feed.changed, [DocKey::Case(old)].into());
    assert!(feed.gone.contains(&DocKey::Case(old)));
    assert!(feed.case(recent).is_some() && feed.case(open).is_some());
    assert_eq!(guard.pull().await.docs.len(), 3 + 2);
    assert!(guard.pull().await.gone.is_empty());
    // Nothing is left to be swept, and nobody is woken.
    sweep(&app.app).await.unwrap();
    assert!(team.guard.pull().await.changed.is_empty());
    guard.send("case.comment", old, json!({ "text": "又漏了" })).await;
    assert!(team.guard.pull().await.case(old).is_some());
    sweep(&app.app).await.unwrap();
    assert!(team.guard.pull().await.case(old).is_none());
}

async fn a_new_device_walks_by_what_has_left_the_feed(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    for _ in 0..4 {
        let case = team.guard.report().await;
        team.guard.accepted("case.cancel", case, json!({ "reason": "看错了" })).await;
    }
    team.guard.report().await;
    app.advance(THIRTY_DAYS);
    sweep(&app.app).await.unwrap();
    let desk = app.sign_in(cast::DESK).await;
    // In pages too: what left before the first one is nothing that the device has to forget.
    let mut cursor = String::new();
    for more in [true, true, true, false] {
        let reply = desk.get(&format!("/api/pull?site=jinzhou&limit=1&cursor={cursor}")).await;
        let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
        assert_eq!((page.docs.len(), page.gone.len(), page.more), (1, 0, more));
        cursor = page.cursor;
    }
}

async fn r9_a_complaint_that_has_left_the_feed_stays_away_from_whoever_joins_the_office(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let about = app.person(cast::CLEANER).await;
    let case = guard.new_case();
    guard.accepted("case.report", case, complaint(about)).await;
    let mut desk = app.sign_in(cast::DESK).await;
    desk.accepted("case.cancel", case, json!({ "reason": "看错了" })).await;
    app.advance(THIRTY_DAYS);
    sweep(&app.app).await.unwrap();
    cast_as(&app, cast::TECHNICIAN, json!(["desk"])).await;
    assert!(app.sign_in(cast::TECHNICIAN).await.pull().await.case(case).is_none());
}

async fn who_has_left_loses_everything(on: On) {
    let app = TestApp::start(on).await;
    let mut cleaner = app.sign_in(cast::CLEANER).await;
    cleaner.report().await;
    assert_eq!(cleaner.pull().await.docs.len(), 4);
    app.reimport("jinzhou", crate::import::without(cast::CLEANER)).await;
    assert!(cleaner.pull().await.docs.is_empty());
    assert!(cleaner.pull().await.changed.is_empty());
    // From the beginning there is nothing either; how far the backups reach is told, for what was made there.
    let reply = cleaner.get("/api/pull?site=jinzhou").await;
    let page: PullResponse = serde_json::from_str(&reply.text).unwrap();
    assert_eq!((page.docs.len(), page.gone.len(), page.more), (0, 0, false));
}

async fn nobody_pulls_without_a_session(on: On) {
    let app = TestApp::start(on).await;
    let nobody = crate::kit::Device::new(&app);
    assert_eq!(nobody.get("/api/pull?site=jinzhou").await.problem(), (401, "auth.required".to_owned()));
}

async fn a_bad_query_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let guard = app.sign_in(cast::GUARD).await;
    for query in ["", "?limit=2", "?site=jinzhou&limit=many"] {
        let reply = guard.get(&format!("/api/pull{query}")).await;
        assert_eq!(reply.problem(), (400, "request.bad_body".to_owned()));
    }
}
