//! Finding what has left the feed.

use serde_json::json;
use server::feed::archive::sweep;
use shared::{
    case::CaseView,
    ids::{CaseId, SiteCode},
    wire::CasesFound,
};
use sqlx::Row;
use uuid::Uuid;

use crate::kit::{Device, On, TestApp, cast, complaint, tests};

tests![
    an_old_case_is_found_by_its_number_and_by_words,
    what_a_device_holds_is_not_found_again,
    a_search_goes_on_where_it_stopped,
    a_search_for_what_is_rare_stops_on_its_way_and_goes_on,
    whoever_has_nothing_to_do_with_a_case_does_not_find_it,
    r9_a_complaint_is_found_by_the_office_and_its_number_by_who_heard_it,
    r9_nobody_of_the_office_finds_a_complaint_about_themselves,
    r10_nobody_finds_a_case_by_what_is_hidden_from_them,
    what_is_asked_badly_is_refused,
];

/// In minutes, as the clock of a test is moved.
const THIRTY_DAYS: u64 = 30 * 24 * 60;

async fn page(device: &Device, q: &str, after: &str) -> CasesFound {
    let q: String = q.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let reply = device.get(&format!("/api/cases?site=jinzhou&q={q}&after={after}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

async fn found(device: &Device, q: &str) -> Vec<CaseId> {
    page(device, q, "").await.cases.iter().map(CaseView::id).collect()
}

/// Has cases cancelled, and lets so much time pass that they leave the feed. Whoever searches then signs in anew.
async fn archived(app: &TestApp, by: &mut Device, cases: &[CaseId]) {
    for case in cases {
        by.accepted("case.cancel", *case, json!({ "reason": "看错了" })).await;
    }
    app.advance(THIRTY_DAYS);
    sweep(&app.app).await.unwrap();
}

async fn an_old_case_is_found_by_its_number_and_by_words(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (old, other) = (team.guard.report().await, team.guard.new_case());
    app.advance(1);
    let lamp = json!({ "category": "power", "place": "B2-ROOF", "text": "Lamp 不亮", "source": "found" });
    team.guard.accepted("case.report", other, lamp).await;
    archived(&app, &mut team.guard, &[old, other]).await;
    let mut desk = app.sign_in(cast::DESK).await;
    assert!(desk.pull().await.case(old).is_none());
    let all = page(&desk, "", "").await;
    assert_eq!(all.cases.iter().map(CaseView::id).collect::<Vec<_>>(), [other, old]);
    assert_eq!((all.next, all.back_to), (None, None));
    let number = all.cases[1].number().unwrap().0.clone();
    assert_eq!(found(&desk, &format!("#{number}")).await, [old]);
    assert_eq!(found(&desk, "顶棚").await, [old]);
    assert_eq!(found(&desk, "lamp 不亮").await, [other]);
    assert_eq!(found(&desk, "lamp 顶棚").await, []);
    // The guard was first asked of both, and finds them too.
    let guard = app.sign_in(cast::GUARD).await;
    assert_eq!(found(&guard, "顶棚").await, [old]);
}

async fn what_a_device_holds_is_not_found_again(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let old = team.guard.report().await;
    archived(&app, &mut team.guard, &[old]).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    guard.report().await;
    let desk = app.sign_in(cast::DESK).await;
    for device in [&desk, &guard] {
        assert_eq!(found(device, "顶棚").await, [old]);
    }
}

async fn a_search_goes_on_where_it_stopped(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut cases = Vec::new();
    for _ in 0..45 {
        cases.push(team.guard.report().await);
        app.advance(1);
    }
    archived(&app, &mut team.guard, &cases).await;
    cases.reverse();
    for name in [cast::DESK, cast::GUARD] {
        let device = app.sign_in(name).await;
        let (mut seen, mut after, mut sizes) = (Vec::new(), String::new(), Vec::new());
        loop {
            let page = page(&device, "水", &after).await;
            sizes.push(page.cases.len());
            seen.extend(page.cases.iter().map(CaseView::id));
            assert_eq!(page.back_to.is_some(), page.next.is_some());
            match page.next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(sizes, [20, 20, 5]);
        assert_eq!(seen, cases);
    }
}

async fn a_search_for_what_is_rare_stops_on_its_way_and_goes_on(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let rare = team.guard.report().await;
    archived(&app, &mut team.guard, &[rare]).await;
    // Later ones, in which the words are not.
    let mut tx = app.app.db.write().await.unwrap();
    let doc = format!("case:{rare}");
    let row =
        sqlx::query("select body from docs where doc = $1").bind(&doc).fetch_one(&mut *tx).await.unwrap();
    let body: String = row.get(0);
    let body = body.replace("水从顶棚滴下来", "别的事");
    for number in 1..=2_100_i64 {
        let id = Uuid::from_u128(number.unsigned_abs().into()).to_string();
        sqlx::query(
            "insert into case_facts (site, case_id, category, kind, urgent, confidential, stage, stage_since, \
             reported_at, first_asked, company) values ('jinzhou', $1, 'leak', 'repair', 0, 0, 'cancelled', 1, $2, \
             'nobody', 'none')",
        )
        .bind(&id)
        .bind(app.now().0 + number)
        .execute(&mut *tx)
        .await
        .unwrap();
        sqlx::query(
            "insert into docs (site, doc, version, born, seq, body) values ('jinzhou', $1, 1, 1, 1, $2)",
        )
        .bind(format!("case:{id}"))
        .bind(&body)
        .execute(&mut *tx)
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    let desk = app.sign_in(cast::DESK).await;
    let first = page(&desk, "顶棚", "").await;
    assert_eq!(first.cases.len(), 0);
    assert!(first.back_to.is_some());
    let second = page(&desk, "顶棚", &first.next.unwrap()).await;
    assert_eq!(second.cases.iter().map(CaseView::id).collect::<Vec<_>>(), [rare]);
    assert_eq!(second.next, None);
}

async fn whoever_has_nothing_to_do_with_a_case_does_not_find_it(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let old = team.guard.report().await;
    archived(&app, &mut team.guard, &[old]).await;
    let other = app.sign_in(cast::CLEANER).await;
    assert_eq!(found(&other, "").await, []);
    let foreign = app.sign_in(cast::FOREIGN_DESK).await;
    let reply = foreign.get("/api/cases?site=jinzhou&q=").await;
    assert_eq!(reply.problem(), (403, "site.not_member".to_owned()));
    let nobody = Device::new(&app);
    assert_eq!(nobody.get("/api/cases?site=jinzhou").await.problem(), (401, "auth.required".to_owned()));
}

async fn r9_a_complaint_is_found_by_the_office_and_its_number_by_who_heard_it(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let about = app.person(cast::CLEANER).await;
    let case = guard.new_case();
    guard.accepted("case.report", case, complaint(about)).await;
    let mut desk = app.sign_in(cast::DESK).await;
    archived(&app, &mut desk, &[case]).await;
    let desk = app.sign_in(cast::DESK).await;
    assert_eq!(found(&desk, "态度不好").await, [case]);
    // Whoever heard it finds the outline, and not by what it is about.
    let guard = app.sign_in(cast::GUARD).await;
    assert_eq!(found(&guard, "态度不好").await, []);
    let outline = page(&guard, "", "").await.cases;
    assert!(matches!(outline.as_slice(), [CaseView::Outline(_)]));
}

async fn r9_nobody_of_the_office_finds_a_complaint_about_themselves(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let about = app.person(cast::SUPERVISOR).await;
    let case = guard.new_case();
    guard.accepted("case.report", case, complaint(about)).await;
    let mut desk = app.sign_in(cast::DESK).await;
    archived(&app, &mut desk, &[case]).await;
    let desk = app.sign_in(cast::DESK).await;
    assert_eq!(found(&desk, "").await, [case]);
    let accused = app.sign_in(cast::SUPERVISOR).await;
    let nothing = page(&accused, "", "").await;
    assert_eq!((nothing.cases.len(), nothing.next, nothing.back_to), (0, None, None));
}

async fn r10_nobody_finds_a_case_by_what_is_hidden_from_them(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let flat = json!({ "category": "leak", "place": "B1-203", "text": "水从顶棚滴下来", "source": "found" });
    guard.accepted("case.report", case, flat).await;
    archived(&app, &mut guard, &[case]).await;
    let desk = app.sign_in(cast::DESK).await;
    let guard = app.sign_in(cast::GUARD).await;
    assert_eq!(found(&desk, "1-203").await, [case]);
    assert_eq!(found(&guard, "1-203").await, []);
    assert_eq!(found(&guard, "顶棚").await, [case]);
}

async fn what_is_asked_badly_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let desk = app.sign_in(cast::DESK).await;
    let guard = app.sign_in(cast::GUARD).await;
    let asked = async |query: &str| desk.get(&format!("/api/cases{query}")).await.problem();
    assert_eq!(asked("").await, (400, "request.bad_body".to_owned()));
    assert_eq!(asked("?site=jinzhou&after=yesterday").await, (400, "cursor.unreadable".to_owned()));
    assert_eq!(asked("?site=nowhere").await, (403, "site.not_member".to_owned()));
    // On a shared phone it is asked for whoever was signed in when it was asked.
    let query = format!("?site=jinzhou&person={}", guard.person);
    assert_eq!(asked(&query).await, (401, "auth.required".to_owned()));
    // A position is nobody else's, and cannot be made up.
    let pull: shared::wire::PullResponse =
        serde_json::from_str(&guard.get("/api/pull?site=jinzhou").await.text).unwrap();
    assert_eq!(pull.site, SiteCode::from("jinzhou"));
    let query = format!("?site=jinzhou&after={}", pull.cursor);
    assert_eq!(asked(&query).await, (400, "cursor.unreadable".to_owned()));
}
