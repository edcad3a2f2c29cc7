//! Finding what has left the feed.

use serde_json::json;
use server::feed::archive::sweep;
use shared::{case::CaseView, ids::CaseId, wire::CasesFound};

use crate::kit::{Device, On, TestApp, cast, complaint, tests};

tests![
    an_old_case_is_found_by_its_number_and_by_words,
    a_search_goes_on_where_it_stopped,
    whoever_has_nothing_to_do_with_a_case_does_not_find_it,
    r9_a_complaint_is_found_by_the_office_and_its_number_by_who_heard_it,
    r10_nobody_finds_a_case_by_what_is_hidden_from_them,
    what_is_asked_badly_is_refused,
];

const THIRTY_DAYS: u64 = 30 * 24 * 60 * 60_000;

async fn page(device: &Device, q: &str, after: &str) -> CasesFound {
    let q: String = q.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let reply = device.get(&format!("/api/cases?site=jinzhou&q={q}&after={after}")).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

async fn found(device: &Device, q: &str) -> Vec<CaseId> {
    page(device, q, "").await.cases.iter().map(CaseView::id).collect()
}

/// Lets so much time pass that what has ended leaves the feed, and signs in anew.
async fn much_later(app: &TestApp) {
    app.advance(THIRTY_DAYS);
    sweep(&app.app).await.unwrap();
}

async fn an_old_case_is_found_by_its_number_and_by_words(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let (old, other) = (team.guard.report().await, team.guard.new_case());
    let lamp = json!({ "category": "power", "place": "B2-ROOF", "text": "Lamp 不亮", "source": "found" });
    team.guard.accepted("case.report", other, lamp).await;
    for case in [old, other] {
        team.guard.accepted("case.cancel", case, json!({ "reason": "看错了" })).await;
    }
    much_later(&app).await;
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

async fn a_search_goes_on_where_it_stopped(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    let mut cases = Vec::new();
    for _ in 0..45 {
        cases.push(team.guard.report().await);
        app.advance(1);
    }
    cases.reverse();
    let (mut seen, mut after, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let page = page(&team.desk, "水", &after).await;
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

async fn whoever_has_nothing_to_do_with_a_case_does_not_find_it(on: On) {
    let (app, mut team) = TestApp::with_team(on).await;
    team.guard.report().await;
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
    let desk = app.sign_in(cast::DESK).await;
    assert_eq!(found(&desk, "态度不好").await, [case]);
    // Whoever heard it finds the outline, and not by what it is about.
    assert_eq!(found(&guard, "态度不好").await, []);
    let outline = page(&guard, "", "").await.cases;
    assert!(matches!(outline.as_slice(), [CaseView::Outline(_)]));
    let accused = app.sign_in(cast::CLEANER).await;
    assert_eq!(found(&accused, "").await, []);
}

async fn r10_nobody_finds_a_case_by_what_is_hidden_from_them(on: On) {
    let app = TestApp::start(on).await;
    let mut guard = app.sign_in(cast::GUARD).await;
    let case = guard.new_case();
    let flat = json!({ "category": "leak", "place": "B1-203", "text": "水从顶棚滴下来", "source": "found" });
    guard.accepted("case.report", case, flat).await;
    let desk = app.sign_in(cast::DESK).await;
    assert_eq!(found(&desk, "1-203").await, [case]);
    assert_eq!(found(&guard, "1-203").await, []);
    assert_eq!(found(&guard, "顶棚").await, [case]);
}

async fn what_is_asked_badly_is_refused(on: On) {
    let app = TestApp::start(on).await;
    let desk = app.sign_in(cast::DESK).await;
    let asked = async |query: &str| desk.get(&format!("/api/cases{query}")).await.problem();
    assert_eq!(asked("").await, (400, "request.bad_body".to_owned()));
    assert_eq!(asked("?site=jinzhou&after=yesterday").await, (400, "cursor.unreadable".to_owned()));
    assert_eq!(asked("?site=nowhere").await, (403, "site.not_member".to_owned()));
}
